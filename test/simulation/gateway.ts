// The gateway of the simulation: the real store, witness, tree and routes of uploads, without sockets. Its upstream notes what it was asked to do.
import type { KeyObject } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { pino } from 'pino';
import type { Clock } from '../../src/base/clock.ts';
import { McprecError } from '../../src/base/errors.ts';
import type { ExchangeId, SessionId } from '../../src/base/ids.ts';
import { answerOf } from '../../src/gateway/api-errors.ts';
import { logRoutes } from '../../src/gateway/log-routes.ts';
import { Sequencer } from '../../src/gateway/sequencer.ts';
import { Witness } from '../../src/gateway/witness.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { SessionOpening, Store } from '../../src/store/store.ts';
import { answerDraft, requestDraft } from '../evidence/samples.ts';
import type { Machine } from './machine.ts';

export interface Owner {
  readonly issuer: string;
  readonly subject: string;
}

interface Running {
  readonly store: Store;
  readonly app: FastifyInstance;
}

export class SimulatedGateway {
  readonly machine: Machine;
  /** What the upstream was asked to do, in order. */
  readonly executed: ExchangeId[] = [];
  readonly #clock: Clock;
  readonly #key: KeyObject;
  readonly #owner: Owner;
  readonly #stores: Store[] = [];
  #running: Running;

  constructor(machine: Machine, clock: Clock, key: KeyObject, owner: Owner) {
    this.machine = machine;
    this.#clock = clock;
    this.#key = key;
    this.#owner = owner;
    this.#running = this.#start();
  }

  get store(): Store {
    return this.#running.store;
  }

  restart(): void {
    this.machine.restart();
    this.#running = this.#start();
  }

  openSession(opening: SessionOpening): Promise<boolean> {
    return this.store.openSession(opening);
  }

  /** One call: recorded, forwarded, answered, recorded. Resolves with nothing to read: the answer is the laptop's to make. */
  async call(sessionId: SessionId, exchange: ExchangeId, n: number): Promise<void> {
    const { machine } = this;
    const { life } = machine;
    const log = await this.store.openLog(sessionId);
    if (log === undefined) throw new McprecError('not_found', 'no such session');
    await log.append([requestDraft(this.#clock, n, { exchange })]);
    if (!machine.alive || machine.life !== life) throw new McprecError('gateway_unreachable', 'the gateway died');
    this.executed.push(exchange);
    await log.append([answerDraft(this.#clock, n, { exchange })]);
  }

  /** A control call as the laptop's identity makes it. */
  async request(method: 'POST' | 'PUT', url: string, body: Uint8Array | string, headers: Readonly<Record<string, string>>) {
    return this.#running.app.inject({ method, url, payload: typeof body === 'string' ? body : Buffer.from(body), headers });
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close();
  }

  #start(): Running {
    const { machine } = this;
    const store = openSqliteStore(machine.file, { clock: this.#clock, random: machine.random });
    this.#stores.push(store);
    const logger = pino({ level: 'silent' });
    const sequencer = new Sequencer({ store, signingKey: this.#key, origin: 'gateway.example', clock: this.#clock, cosign: async (_head, note) => note });
    const witness = new Witness({ store, sequencer, signingKey: this.#key, clock: this.#clock, logger });
    const app = Fastify({ logger: false });
    app.setValidatorCompiler(validatorCompiler);
    app.setSerializerCompiler(serializerCompiler);
    app.addContentTypeParser('application/cbor', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.setErrorHandler((error: Error, _request, reply) =>
      reply.code(answerOf(error).status).send({ error: { code: (error as McprecError).code, message: error.message } }),
    );
    const caller = { identity: { ...this.#owner, groups: [] }, admin: false };
    logRoutes(app, { store, witness, sequencer, clock: this.#clock, callerOf: () => caller as never, mayAudit: () => undefined });
    return { store, app };
  }
}

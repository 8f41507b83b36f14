// The laptop of the simulation: the real journal, its sessions and the real sync, over the simulated network. Its client keeps a log of its own.
import type { KeyObject } from 'node:crypto';
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Clock } from '../../src/base/clock.ts';
import { McprecError } from '../../src/base/errors.ts';
import { type ExchangeId, newId, type SessionId } from '../../src/base/ids.ts';
import { type LogSigner, logSigner } from '../../src/evidence/checkpoint.ts';
import type { ControlRequest } from '../../src/identity/control.ts';
import type { GatewayIdentity } from '../../src/identity/gateway-identity.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import type { SessionLog } from '../../src/journal/session-log.ts';
import { pushPending } from '../../src/sync/pusher.ts';
import { opening } from '../contract/fixtures.ts';
import { answerDraft, closeDraft, openDraft, requestDraft } from '../evidence/samples.ts';
import type { Owner, SimulatedGateway } from './gateway.ts';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';

const gatewayUrl = 'https://gateway.example';
const PAGE_BYTES = 8192;
/** A process that runs nowhere: sessions of a dead machine are found to be its. */
const nobody = { pid: 2 ** 22 + 1, start: '0/0/0' };

export interface LaptopParts {
  readonly machine: Machine;
  readonly gateway: SimulatedGateway;
  readonly network: Network;
  readonly clock: Clock;
  readonly key: KeyObject;
  readonly publicKey: Uint8Array;
  readonly owner: Owner;
}

export class SimulatedLaptop {
  /** What the client was answered: the exchange, by session. */
  readonly answered = new Map<ExchangeId, SessionId>();
  /** Calls that were refused because nothing could be recorded. */
  refused = 0;
  readonly #parts: LaptopParts;
  readonly #signer: LogSigner;
  readonly #journals: Journal[] = [];
  #journal: Journal;
  #session: SessionLog | undefined;
  #calls = 0;

  constructor(parts: LaptopParts) {
    this.#parts = parts;
    this.#signer = logSigner(parts.key);
    this.#journal = this.#open();
  }

  get journal(): Journal {
    return this.#journal;
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  /** Starts again; `pagesMore` bounds how much the disk still takes. */
  restart(pagesMore?: number): void {
    const { machine } = this.#parts;
    machine.restart();
    const db = new Database(machine.file);
    db.prepare('UPDATE logs SET owner_pid = ?, owner_start = ?').run(nobody.pid, nobody.start);
    db.prepare('UPDATE leases SET owner_pid = ?, owner_start = ?').run(nobody.pid, nobody.start);
    db.close();
    this.#session = undefined;
    try {
      this.#journal = this.#open(pagesMore === undefined ? undefined : statSync(machine.file).size + pagesMore * PAGE_BYTES);
    } catch (error) {
      if (!isOf(error, 'journal_full')) throw error;
      this.#journal = this.#open();
    }
  }

  /** Opens a session at the gateway, then in the journal. */
  async connect(): Promise<void> {
    const { machine, network, gateway, clock, owner, publicKey } = this.#parts;
    const grant = opening({ sessionId: newId('ses', { clock, random: machine.random }), openedMs: clock.wallMs() });
    const identity = { ...grant.session.identity, ...owner };
    const device = { ...grant.device, ...owner, publicKey, deviceId: `dev_${'d'.repeat(32)}` as typeof grant.device.deviceId };
    const session = { ...grant.session, identity, deviceId: device.deviceId };
    await network.ask(machine, gateway.machine, () => gateway.openSession({ ...grant, session, device }));
    const open = openDraft(clock, { session: session.sessionId, gateway: gatewayUrl });
    this.#session = await this.#journal.openSession({ logId: grant.forwarderLog, open });
  }

  /** A call as the forwarder makes it: recorded, sent, recorded, and only then answered. */
  async call(): Promise<void> {
    const session = this.#session;
    const { machine, network, gateway, clock } = this.#parts;
    if (session === undefined) return;
    const n = this.#calls++;
    const exchange = newId('exc', { clock, random: machine.random });
    const { life } = machine;
    try {
      await session.append([requestDraft(clock, n, { exchange })]);
    } catch (error) {
      if (!isOf(error, 'journal_full')) throw error;
      this.refused++;
      return;
    }
    try {
      await network.ask(machine, gateway.machine, () => gateway.call(session.sessionId, exchange, n));
      await session.append([answerDraft(clock, n, { exchange })]);
    } catch (error) {
      if (!isFault(error)) throw error;
      return;
    }
    if (machine.alive && machine.life === life) this.answered.set(exchange, session.sessionId);
  }

  /** Ends the session that is open, as Ctrl-C does. */
  async disconnect(): Promise<void> {
    await this.#session?.close(closeDraft(this.#parts.clock));
    this.#session = undefined;
  }

  /** Brings the gateway what it lacks. Nothing of an honest laptop may be refused for good. */
  async sync(): Promise<void> {
    const { refused } = await pushPending(this.#journal, this.#identity(), { signal: new AbortController().signal, clock: this.#parts.clock });
    const [first] = refused;
    if (first !== undefined && !isFault(first.error)) throw first.error;
  }

  close(): void {
    for (const journal of this.#journals) journal[Symbol.dispose]();
  }

  #open(bytesMax?: number): Journal {
    const { machine, clock } = this.#parts;
    // The end of the process is what is simulated here, not that of the power.
    const journal = openJournal({ path: machine.file, clock, random: machine.random, synchronous: 'NORMAL', ...(bytesMax !== undefined && { bytesMax }) });
    this.#journals.push(journal);
    return journal;
  }

  #identity(): GatewayIdentity {
    const { machine, network, gateway, key } = this.#parts;
    const request = async (method: string, path: string, call: ControlRequest = {}) => {
      const body = call.json === undefined ? (call.body ?? '') : JSON.stringify(call.json);
      const headers = call.json === undefined ? call.headers : { 'content-type': 'application/json' };
      const answer = await network.ask(machine, gateway.machine, () => gateway.request(method as 'POST', path, body, headers ?? {}));
      if (answer.statusCode < 300 || call.accept?.includes(answer.statusCode)) {
        return { status: answer.statusCode, headers: answer.headers as Record<string, string>, body: answer.rawPayload, json: () => answer.json() as unknown };
      }
      const { error } = answer.json<{ error: { code: McprecError['code']; message: string } }>();
      throw new McprecError(error.code, error.message);
    };
    const publicKey = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(this.#parts.publicKey).toString('base64url') };
    const unused = (): never => {
      throw new McprecError('bug', 'the sync has no use for this');
    };
    return {
      gateway: gatewayUrl,
      logSigner: this.#signer,
      request,
      signDevice: () => ({ name: 'laptop', publicKey, signature: key.type }),
      tokenExpiresAtMs: undefined,
      accessToken: unused,
      stream: unused,
      get login() {
        return unused();
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

function isOf(error: unknown, ...codes: readonly McprecError['code'][]): boolean {
  return error instanceof McprecError && codes.includes(error.code);
}

/** What the network, a full disk or the death of a machine bring about; anything else is a defect. */
export function isFault(error: unknown): boolean {
  return isOf(error, 'gateway_unreachable', 'exchange_repeated', 'journal_full', 'session_closed');
}

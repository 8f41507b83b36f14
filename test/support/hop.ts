// One hop of the data path between a client and an upstream on real sockets, with a record that a test can look into, hold up or break.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newId } from '../../src/base/ids.ts';
import { Secret } from '../../src/base/secret.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import { soloEdge } from '../../src/forwarder/edge.ts';
import type { PathRules } from '../../src/path/rules.ts';
import { readBody } from '../../src/transport/body.ts';
import { serveExchange } from '../../src/transport/exchange.ts';
import type { Hop } from '../../src/transport/hop.ts';
import { HopMemory } from '../../src/transport/hop-memory.ts';
import { UpstreamPool } from '../../src/transport/upstream.ts';
import { makeRules } from './rules.ts';

export interface HopOptions {
  /** The upstream's MCP endpoint. */
  readonly upstream: string;
  readonly rules?: PathRules;
  readonly bodyBytesMax?: number;
  readonly hop?: Partial<Hop>;
}

export class TestHop implements AsyncDisposable {
  readonly port: number;
  readonly rules: PathRules;
  /** What was recorded, in order. */
  readonly entries: EntryDraft[] = [];
  /** What the shell counted, in order. */
  readonly counted: string[] = [];
  /** Every exchange, resolved when it was served. */
  readonly served: Promise<void>[] = [];
  /** Of each exchange, resolved when its answer is delivered or its client gone. */
  readonly gone: Promise<void>[] = [];
  /** Abort it to end what is in flight. */
  readonly cut = new AbortController();
  /** Called before entries are recorded; what it returns is waited for, and its rejection is the record's. */
  beforeRecord: (entries: readonly EntryDraft[]) => Promise<void> | void = () => undefined;
  readonly #server: Server;
  readonly #pool: UpstreamPool;
  #woken = Promise.withResolvers<void>();
  #requests = 0;

  private constructor(server: Server, pool: UpstreamPool, rules: PathRules) {
    this.#server = server;
    this.#pool = pool;
    this.rules = rules;
    this.port = (server.address() as AddressInfo).port;
  }

  static async open({ upstream, rules = makeRules(), bodyBytesMax = 1_000_000, hop }: HopOptions): Promise<TestHop> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const pool = new UpstreamPool();
    const opened = new TestHop(server, pool, rules);
    const edge = soloEdge(new URL(upstream), new Secret('the-local-token-of-a-test'), []);
    const whole: Hop = {
      rules,
      upstream: pool,
      memory: new HopMemory(),
      credentials: edge.credentials,
      record: async (entries) => {
        await opened.beforeRecord(entries);
        opened.entries.push(...entries);
        opened.#wake();
      },
      stopped: () => undefined,
      dress: edge.dress,
      judge: edge.judge,
      foreign: () => Promise.resolve(undefined),
      bind: () => Promise.resolve(),
      counted: (event) => opened.counted.push(event),
      ...hop,
    };
    server.on('request', async (request, response) => {
      response.sendDate = false;
      opened.gone.push(new Promise((resolve) => response.once('close', resolve)));
      opened.#requests++;
      opened.#wake();
      const read = await readBody(request, bodyBytesMax);
      if (read.kind === 'aborted') return;
      if (read.kind === 'too_long') response.setHeader('Connection', 'close');
      const body = read.kind === 'body' ? read.bytes : undefined;
      const exchange = newId('exc', rules.ids);
      opened.served.push(serveExchange(whole, { request, response, target: request.url ?? '/', body, exchange, parent: undefined, signal: opened.cut.signal }));
    });
    return opened;
  }

  /** Waits until that many entries are recorded. */
  async records(count: number): Promise<void> {
    while (this.entries.length < count) await this.#woken.promise;
  }

  /** Waits until the heads of that many requests have come. */
  async hears(count: number): Promise<void> {
    while (this.#requests < count) await this.#woken.promise;
  }

  #wake(): void {
    const { resolve } = this.#woken;
    this.#woken = Promise.withResolvers<void>();
    resolve();
  }

  /** Waits until the exchange with that number, from 0 on, is served. */
  async done(number = 0): Promise<void> {
    await this.served[number];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#pool.close();
  }
}

// A world for the tests of the gateway: a real provider, an upstream, and a gateway in a temporary directory that can be stopped and started.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { Clock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { type DevProvider, type ProviderOptions, startProvider } from '../../src/dev/provider.ts';
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { Caller } from './caller.ts';

/** The system's clock, moved by hand. */
export class MovedClock implements Clock {
  aheadMs = 0;
  wallMs(): number {
    return Date.now() + this.aheadMs;
  }
  monoUs(): number {
    return Math.round((performance.now() + this.aheadMs) * 1000);
  }
}

const audience = 'urn:mcprec:test';
const machine = (clientId: string, ...groups: string[]) => ({
  clientId,
  clientSecret: `the-secret-of-${clientId}`,
  email: `${clientId}@harborshop.example`,
  groups,
});

export type MachineName = 'sre' | 'dev' | 'admin' | 'guest' | 'lead' | 'chief';

interface Upstream {
  readonly server: Server;
  readonly url: string;
  readonly received: { readonly headers: Readonly<Record<string, unknown>>; readonly body: string }[];
  /** What it answers instead, without a body. */
  answer: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body?: string } | undefined;
  /** True where it answers with a stream that stays open; `closed` resolves when its reader is gone. */
  streams: boolean;
  closed: Promise<void>;
}

/** Answers every request, and keeps what it got. */
async function startUpstream(): Promise<Upstream> {
  const received: Upstream['received'] = [];
  const gone = Promise.withResolvers<void>();
  const upstream: Pick<Upstream, 'answer' | 'streams' | 'closed'> = { answer: undefined, streams: false, closed: gone.promise };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    if (upstream.streams) {
      response.once('close', () => gone.resolve());
      return void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
    }
    if (upstream.answer !== undefined) return void response.writeHead(upstream.answer.status, upstream.answer.headers).end(upstream.answer.body);
    response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'given-by-upstream' }).end('{"jsonrpc":"2.0","id":1,"result":{}}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(upstream, { server, received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp` });
}

export interface WorldOptions extends Pick<ProviderOptions, 'accessTokenSeconds'> {
  /** Lines of the identity part of gateway.yaml. */
  readonly identity?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Changes the text of gateway.yaml; `UPSTREAM` in it is the upstream's origin. */
  readonly edit?: (yaml: string) => string;
  /** The gateway's, where it is to differ from the provider's. */
  readonly gatewayAudience?: string;
  /** MCP endpoint of an upstream that is the test's own. */
  readonly upstream?: string;
}

/** Provider, upstream and gateway. The gateway can be stopped and started again on the same data. */
export class TestWorld implements AsyncDisposable {
  readonly clock = new MovedClock();
  readonly ids = { clock: this.clock, random: systemRandom };
  readonly directory = mkdtempSync(join(tmpdir(), 'mcprec-gateway-'));
  /** Lines that the gateway logged. */
  readonly log: string[] = [];
  readonly machines = {
    sre: machine('sre-bot', 'sre'),
    dev: machine('dev-bot', 'engineering'),
    admin: machine('admin-bot', 'security'),
    guest: machine('guest-bot', 'visitors'),
    lead: machine('lead-bot', 'sre-leads'),
    chief: machine('chief-bot', 'sre-leads', 'sre'),
  } satisfies Record<MachineName, unknown>;
  readonly #options: WorldOptions;
  readonly #edits: ((yaml: string) => string)[] = [];
  #provider: DevProvider | undefined;
  #upstream: Upstream | undefined;
  #gateway: Gateway | undefined;

  private constructor(options: WorldOptions) {
    this.#options = options;
  }

  static async start(options: WorldOptions = {}): Promise<TestWorld> {
    const world = new TestWorld(options);
    world.#provider = await startProvider({ audience, machines: Object.values(world.machines), ...options });
    world.#upstream = await startUpstream();
    await world.startGateway();
    return world;
  }

  get provider(): DevProvider {
    if (this.#provider === undefined) throw new Error('the provider is not started');
    return this.#provider;
  }
  get upstream(): Upstream {
    if (this.#upstream === undefined) throw new Error('the upstream is not started');
    return this.#upstream;
  }
  get gateway(): Gateway {
    if (this.#gateway === undefined) throw new Error('the gateway is not started');
    return this.#gateway;
  }

  configText(port = 0): string {
    const { edit = (yaml) => yaml } = this.#options;
    return this.#edits.reduce((yaml, more) => more(yaml), edit(this.#configText(port))).replaceAll('UPSTREAM', new URL(this.upstream.url).origin);
  }

  #configText(port: number): string {
    return `
listen: 127.0.0.1:${port}
data: sqlite:${join(this.directory, 'gateway.db')}
keys: file:${join(this.directory, 'keys.json')}
identity:
  issuer: ${this.provider.issuer}
  audience: ${this.#options.gatewayAudience ?? audience}
  client_id: mcprec
  admin_groups: [security]
  ${this.#options.identity ?? ''}
connections:
  datadog: { kind: mcp, upstream: "${this.#options.upstream ?? this.upstream.url}", record: full, credential: { headers: { DD_API_KEY: "env:TEST_API_KEY" } } }
  quiet: { kind: mcp, upstream: "${this.#options.upstream ?? this.upstream.url}", record: off }
  secret: { kind: mcp, upstream: "${this.#options.upstream ?? this.upstream.url}", record: full }
access:
  - { groups: [sre], connections: [datadog, quiet], ttl: 1h }
  - { groups: [engineering, sre-leads], connections: [secret], ttl: 1h }
rules: [{ id: no-delete, deny: true, tools: ["delete_*"] }]
mask: { apply: [record], detectors: [secrets, email], fields: [] }
`;
  }

  /** On the port that it had before, so that what clients know of it still holds. */
  async startGateway(): Promise<void> {
    const port = this.#gateway === undefined ? 0 : Number(new URL(this.#gateway.url).port);
    const { config } = parseConfig(this.configText(port), { file: 'gateway.yaml' });
    const logger = pino({ level: 'info' }, { write: (line: string) => void this.log.push(line) });
    this.#gateway = await startGateway(config, { ...this.ids, env: { TEST_API_KEY: 'upstream-key', ...this.#options.env }, logger, createKeys: true });
  }

  /** Starts the gateway again with its configuration changed once more. */
  async changeConfig(edit: (yaml: string) => string): Promise<void> {
    this.#edits.push(edit);
    await this.restartGateway();
  }

  async restartGateway(): Promise<void> {
    await this.gateway.close();
    await this.startGateway();
  }

  /** A caller with a key of its own; the provider is asked for a token when it first needs one. */
  caller(name: MachineName): Promise<Caller> {
    return Caller.make(this, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway?.close();
    await this.#provider?.close();
    this.#upstream?.server.closeAllConnections();
    this.#upstream?.server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

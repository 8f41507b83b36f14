// What the tests of the gateway share: a real provider, a gateway in a temporary directory, callers with DPoP keys, and a laptop's view of a grant.
import { createSecretKey, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compactDecrypt, exportJWK, generateKeyPair } from 'jose';
import pino from 'pino';
import type { Clock } from '../../src/base/clock.ts';
import { type ExchangeId, type LogId, newId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import { Secret } from '../../src/base/secret.ts';
import { type DevProvider, type ProviderOptions, startProvider } from '../../src/dev/provider.ts';
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';
import { type DeviceKey, importDeviceKey, newDeviceJwk, signDevice } from '../../src/identity/device.ts';
import { type DpopKey, importDpopKey, makeProof, newDpopJwk } from '../../src/identity/dpop.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import type { GrantResponse } from '../../src/protocol/control.ts';
import { bodyMac, signRequest } from '../../src/protocol/signature.ts';

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

export type MachineName = 'sre' | 'dev' | 'admin' | 'guest';

interface Upstream {
  readonly server: Server;
  readonly url: string;
  readonly received: { readonly headers: Readonly<Record<string, unknown>>; readonly body: string }[];
}

/** Answers every request, and keeps what it got. */
async function startUpstream(): Promise<Upstream> {
  const received: Upstream['received'] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'given-by-upstream' }).end('{"jsonrpc":"2.0","id":1,"result":{}}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, received };
}

export interface WorldOptions extends Pick<ProviderOptions, 'accessTokenSeconds'> {
  /** Lines of the identity part of gateway.yaml. */
  readonly identity?: string;
  /** The gateway's, where it is to differ from the provider's. */
  readonly gatewayAudience?: string;
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
  } satisfies Record<MachineName, unknown>;
  readonly #options: WorldOptions;
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
  datadog: { kind: mcp, upstream: "${this.upstream.url}", record: full, credential: { headers: { DD_API_KEY: "env:TEST_API_KEY" } } }
  quiet: { kind: mcp, upstream: "${this.upstream.url}", record: off }
  secret: { kind: mcp, upstream: "${this.upstream.url}", record: full }
access:
  - { groups: [sre], connections: [datadog, quiet], ttl: 1h }
  - { groups: [engineering, sre-leads], connections: [secret], ttl: 1h }
rules: []
mask: { apply: [record], detectors: [secrets, email], fields: [] }
`;
  }

  /** On the port that it had before, so that what clients know of it still holds. */
  async startGateway(): Promise<void> {
    const port = this.#gateway === undefined ? 0 : Number(new URL(this.#gateway.url).port);
    const { config } = parseConfig(this.configText(port), { file: 'gateway.yaml' });
    const logger = pino({ level: 'info' }, { write: (line: string) => void this.log.push(line) });
    this.#gateway = await startGateway(config, { ...this.ids, env: { TEST_API_KEY: 'upstream-key' }, logger, createKeys: true });
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

export interface CallChanges {
  readonly json?: unknown;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly scheme?: string;
  /** In place of a fresh proof. */
  readonly proof?: string | undefined;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the tests read answers of every shape
  readonly body: any;
}

export class Caller {
  readonly world: TestWorld;
  readonly key: DpopKey;
  readonly device: DeviceKey;
  readonly #name: MachineName;
  #token: string | undefined;

  private constructor(world: TestWorld, name: MachineName, key: DpopKey, device: DeviceKey) {
    this.world = world;
    this.#name = name;
    this.key = key;
    this.device = device;
  }

  static async make(world: TestWorld, name: MachineName): Promise<Caller> {
    return new Caller(world, name, await importDpopKey(await newDpopJwk()), importDeviceKey(newDeviceJwk()));
  }

  /** An access token bound to the caller's key; kept. */
  async token(): Promise<string> {
    this.#token ??= await this.fetchToken();
    return this.#token;
  }

  /** The next call gets a new token, with the groups of now. */
  forgetToken(): void {
    this.#token = undefined;
  }

  /** `unbound`: without a proof, as providers that know no DPoP give them. */
  async fetchToken(kind: 'bound' | 'unbound' = 'bound', provider = this.world.provider): Promise<string> {
    const { clientId, clientSecret } = this.world.machines[this.#name];
    const url = `${provider.issuer}/token`;
    const proof =
      kind === 'bound'
        ? {
            dpop: await makeProof(
              this.key,
              { method: 'POST', url },
              { clock: { ...this.world.clock, wallMs: Date.now, monoUs: () => 0 }, random: systemRandom },
            ),
          }
        : {};
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`, ...proof },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: provider.audience }),
    });
    const body = (await response.json()) as { access_token?: string };
    if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
    return body.access_token;
  }

  proof(method: string, path: string, token: string, world = this.world.ids): Promise<string> {
    return makeProof(this.key, { method, url: `${this.world.gateway.publicUrl}${path}`, accessToken: new Secret(token) }, world);
  }

  async call(method: string, path: string, changes: CallChanges = {}): Promise<Answer> {
    const response = await this.send(method, path, changes);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  }

  async send(method: string, path: string, changes: CallChanges = {}): Promise<Response> {
    const token = changes.token ?? (await this.token());
    const proof = 'proof' in changes ? changes.proof : await this.proof(method, path, token);
    const body = changes.json === undefined ? changes.body : JSON.stringify(changes.json);
    return fetch(`${this.world.gateway.url}${path}`, {
      method,
      headers: {
        authorization: `${changes.scheme ?? 'DPoP'} ${token}`,
        ...(proof !== undefined && { dpop: proof }),
        ...(changes.json !== undefined && { 'content-type': 'application/json' }),
        ...changes.headers,
      },
      ...(body !== undefined && { body: body as string }),
      ...(changes.signal && { signal: changes.signal }),
    });
  }

  /** A grant request's body, with the ephemeral private key that opens the answer. */
  async wish(connection: string, over: Readonly<Record<string, unknown>> = {}) {
    const ephemeral = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true });
    const json = {
      connection,
      logId: newId('log', this.world.ids),
      device: { name: 'laptop', publicKey: this.device.publicJwk, signature: signDevice(this.device, this.key.thumbprint, this.world.gateway.publicUrl) },
      ephemeralKey: await exportJWK(ephemeral.publicKey),
      client: { program: 'test', version: '1', pid: 1, host: 'host', user: 'user' },
      ...over,
    };
    return { json, privateKey: ephemeral.privateKey };
  }

  async grant(connection: string, over: Readonly<Record<string, unknown>> = {}): Promise<HeldGrant> {
    const { json, privateKey } = await this.wish(connection, over);
    const answer = await this.call('POST', '/v1/grants', { json });
    if (answer.status !== 201) throw new Error(`no grant: ${answer.status} ${JSON.stringify(answer.body)}`);
    const { plaintext } = await compactDecrypt(answer.body.keys, privateKey);
    const keys = JSON.parse(Buffer.from(plaintext).toString()) as { signing: string; reconcile: string };
    return new HeldGrant(this.world, json.logId, answer.body, createSecretKey(Buffer.from(keys.signing, 'base64url')));
  }
}

export interface DataChanges {
  readonly exchange?: ExchangeId;
  readonly token?: string;
  readonly session?: string;
  readonly key?: KeyObject;
  readonly connection?: string;
  readonly body?: string;
  readonly signedMs?: number;
  /** Sent in place of what was signed. */
  readonly sentBody?: string;
  readonly sentHeaders?: Readonly<Record<string, string>>;
  readonly mcpSessionId?: string;
}

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

export class HeldGrant {
  readonly world: TestWorld;
  readonly logId: LogId;
  readonly response: GrantResponse;
  readonly signingKey: KeyObject;

  constructor(world: TestWorld, logId: LogId, response: GrantResponse, signingKey: KeyObject) {
    this.world = world;
    this.logId = logId;
    this.response = response;
    this.signingKey = signingKey;
  }

  newExchange(): ExchangeId {
    return newId('exc', this.world.ids);
  }

  /** Sends the head and half of the body, waits for `meanwhile`, then sends the rest. Returns the body of the answer. */
  async sendSlowly(meanwhile: () => Promise<unknown>): Promise<string> {
    const { path, headers, body } = this.#signed({});
    const request = httpRequest(`${this.world.gateway.url}${path}`, { method: 'POST', headers: { ...headers, 'content-length': String(body.length) } });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    await new Promise<void>((resolve) => request.write(body.slice(0, 5), () => resolve()));
    // The gateway has let the head in once it asks the session for anything; a second request on the way makes sure of it.
    await this.send();
    await meanwhile();
    request.end(body.slice(5));
    const [response] = await answered;
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  /** One request through the gateway's data path, signed as a forwarder does it. */
  async send(changes: DataChanges = {}): Promise<Answer> {
    const { path, headers, body } = this.#signed(changes);
    const answer = await fetch(`${this.world.gateway.url}${path}`, {
      method: 'POST',
      headers: { ...headers, ...changes.sentHeaders },
      body: changes.sentBody ?? body,
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
  }

  #signed(changes: DataChanges): { readonly path: string; readonly headers: Record<string, string>; readonly body: string } {
    const { world, response } = this;
    const key = changes.key ?? this.signingKey;
    const body = changes.body ?? ping;
    const path = `/c/${changes.connection ?? response.connection.name}/mcp`;
    const signed = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcprec-session': changes.session ?? response.sessionId,
      'mcprec-exchange': changes.exchange ?? this.newExchange(),
      'mcprec-body-mac': bodyMac(key, Buffer.from(body)),
      ...(changes.mcpSessionId !== undefined && { 'mcp-session-id': changes.mcpSessionId }),
    };
    const signature = signRequest({
      key,
      method: 'POST',
      targetUri: `${world.gateway.publicUrl}${path}`,
      rawHeaders: Object.entries(signed).flat(),
      createdSeconds: Math.floor((changes.signedMs ?? world.clock.wallMs()) / 1000),
    });
    const authorization = `Bearer ${changes.token ?? response.token}`;
    return { path, body, headers: { ...signed, authorization, 'signature-input': signature.signatureInput, signature: signature.signature } };
  }
}

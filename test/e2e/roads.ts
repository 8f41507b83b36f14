// The same upstream behind the forwarder alone, behind forwarder and gateway, and behind the gateway alone, as a caller with a stolen
// forwarder would reach it; and requests by the byte.
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Closers } from '../../src/base/closers.ts';
import { newId } from '../../src/base/ids.ts';
import { bodyMac, signRequest } from '../../src/protocol/signature.ts';
import type { HeldGrant } from '../gateway/held-grant.ts';
import { TestWorld } from '../gateway/support.ts';
import { SoloForwarder } from '../support/forwarder.ts';
import { TOOLS } from './bad-bodies.ts';
import { Laptop } from './harness.ts';
import { brief, gatewayEntries, journalEntries } from './records.ts';
import { World } from './world.ts';

export interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An upstream that keeps what it got, gives its list of tools, and answers nothing while it is told to wait. */
export class KeepingUpstream implements AsyncDisposable {
  readonly heard: Heard[] = [];
  /** Awaited before an answer. */
  wait: Promise<void> = Promise.resolve();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', async (incoming, response) => {
      const body = Buffer.concat(await incoming.toArray()).toString('utf8');
      this.heard.push({ headers: incoming.headers, body });
      await this.wait;
      const headers = { 'content-type': 'application/json', 'mcp-session-id': 'the-session' };
      response.writeHead(200, headers).end(body.includes('"tools/list"') ? TOOLS : '{"jsonrpc":"2.0","id":1,"result":{}}');
    });
  }

  static async open(): Promise<KeepingUpstream> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new KeepingUpstream(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/mcp`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

export interface RoadAnswer {
  readonly status: number;
  readonly text: string;
}

/** One way to an upstream. */
export interface Road extends AsyncDisposable {
  readonly upstream: KeepingUpstream;
  post(body: string | Buffer, headers?: Readonly<Record<string, string>>): Promise<RoadAnswer>;
  /** What the hop that the client meets has recorded, a line each. */
  recorded(): Promise<readonly string[]>;
}

export const roads: Readonly<Record<string, () => Promise<Road>>> = {
  'the forwarder alone': forwarderAlone,
  'forwarder and gateway': forwarderAndGateway,
  'the gateway alone': gatewayAlone,
};

async function forwarderAlone(): Promise<Road> {
  const closers = new Closers();
  const upstream = closers.use(await KeepingUpstream.open());
  const solo = closers.use(await SoloForwarder.open(upstream.url));
  return {
    upstream,
    post: (body, headers = {}) => send(new URL(solo.endpoint), body, headers),
    recorded: async () => journalEntries(`${solo.home}/journal.db`, solo.session.sessionId).map(brief),
    [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose](),
  };
}

async function forwarderAndGateway(): Promise<Road> {
  const closers = new Closers();
  const upstream = closers.use(await KeepingUpstream.open());
  const world = closers.use(await World.start({}, (yaml) => yaml.replace(/upstream: .*\/v1\/mcp/, `upstream: ${upstream.url}`)));
  const laptop = closers.use(new Laptop());
  await laptop.login(world.url, 'maya.okafor');
  const connected = closers.use(await laptop.connect('datadog'));
  const { sessionId, endpoint } = connected.session();
  return {
    upstream,
    post: (body, headers = {}) => send(new URL(endpoint), body, headers),
    recorded: async () => laptop.entries(sessionId).map(brief),
    [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose](),
  };
}

async function gatewayAlone(): Promise<Road> {
  const closers = new Closers();
  const upstream = closers.use(await KeepingUpstream.open());
  const world = closers.use(await TestWorld.start({ upstream: upstream.url }));
  const grant = await (await world.caller('sre')).grant('datadog');
  return {
    upstream,
    post: (body, headers = {}) => {
      const path = `/c/${grant.response.connection.name}/mcp`;
      return send(new URL(path, world.gateway.url), body, signed(world, grant, path, Buffer.from(body), headers));
    },
    recorded: async () => (await gatewayEntries(`${world.directory}/gateway.db`, grant.response.sessionId)).map(brief),
    [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose](),
  };
}

function signed(world: TestWorld, { signingKey: key, response }: HeldGrant, path: string, body: Buffer, headers: Readonly<Record<string, string>>) {
  const all = {
    ...headers,
    'mcprec-session': response.sessionId,
    'mcprec-exchange': newId('exc', world.ids),
    'mcprec-body-mac': bodyMac(key, body),
  };
  const { signatureInput, signature } = signRequest({
    key,
    method: 'POST',
    targetUri: `${world.gateway.publicUrl}${path}`,
    rawHeaders: Object.entries(all).flat(),
    createdSeconds: Math.floor(world.clock.wallMs() / 1000),
  });
  return { ...all, authorization: `Bearer ${response.token}`, 'signature-input': signatureInput, signature };
}

function send(url: URL, body: string | Buffer, headers: Readonly<Record<string, string>>): Promise<RoadAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RoadAnswer>();
  const outgoing = request(url, { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } });
  outgoing.on('response', (answer) => {
    answer.toArray().then((chunks) => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }), reject);
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}

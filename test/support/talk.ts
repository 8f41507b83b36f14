// One client and one upstream on bare sockets with a hop between them.
import { TestHop } from './hop.ts';
import { openSocket, RawServer, type RawSocket, requestText } from './raw-http.ts';

export const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_x"}}';
export const RESULT = '{"jsonrpc":"2.0","id":1,"result":{"big":9007199254740993}}';
export const JSON_HEADERS = ['Content-Type: application/json'];

export class Talk implements AsyncDisposable {
  readonly hop: TestHop;
  readonly client: RawSocket;
  readonly upstream: RawServer;

  private constructor(hop: TestHop, client: RawSocket, upstream: RawServer) {
    this.hop = hop;
    this.client = client;
    this.upstream = upstream;
  }

  static async open(options: { readonly rules?: TestHop['rules'] } = {}): Promise<Talk> {
    const upstream = await RawServer.open();
    const hop = await TestHop.open({ upstream: `${upstream.url}/up/mcp`, ...options });
    return new Talk(hop, await openSocket(hop.port), upstream);
  }

  /** Sends a request from the client. */
  send(verb = 'POST', body: string | undefined = verb === 'POST' ? CALL : undefined, headers: readonly string[] = JSON_HEADERS): void {
    this.client.write(requestText(verb, '/mcp', { port: this.hop.port, headers, ...(body !== undefined && { body }) }));
  }

  /** Sends a request; gives the new connection on which it has reached the upstream, whole. */
  async ask(verb?: string, body?: string, headers?: readonly string[]): Promise<RawSocket> {
    this.send(verb, body, headers);
    const socket = await this.upstream.next();
    await socket.has(body ?? (verb === undefined || verb === 'POST' ? CALL : '\r\n\r\n'));
    return socket;
  }

  /** Lets a whole exchange pass on another connection: what the hop had written before it has arrived by then. */
  async roundTrip(): Promise<void> {
    const { beforeRecord } = this.hop;
    this.hop.beforeRecord = () => undefined;
    using other = await openSocket(this.hop.port);
    other.write(requestText('POST', '/mcp', { port: this.hop.port, headers: JSON_HEADERS, body: '{' }));
    await other.has('-32700');
    this.hop.beforeRecord = beforeRecord;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.hop[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}

/** The text of an answer's head. */
export function head(status: string, ...headers: string[]): string {
  return [`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n');
}

/** The text behind the head. */
export function bodyOf(text: string): string {
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}

/** One chunk of a chunked body. */
export function chunk(bytes: string | Uint8Array): Buffer {
  const body = Buffer.from(bytes as string);
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
}

/** The whole chunks of a chunked body put together; what is not complete yet is left out. */
export function dechunk(body: string): string {
  let out = '';
  let at = 0;
  for (;;) {
    const end = body.indexOf('\r\n', at);
    const size = end === -1 ? Number.NaN : Number.parseInt(body.slice(at, end), 16);
    if (!(size > 0) || body.length < end + 2 + size) return out;
    out += body.slice(end + 2, end + 2 + size);
    at = end + 4 + size;
  }
}

// A way through mcprec's own processes with bare sockets at both ends: what leaves one end is compared with what arrives at the other.
import type { OpenWay, Way } from '../conformance/ways.ts';
import { openSocket, RawServer, type RawSocket, requestText } from '../support/raw-http.ts';
import { CALL, JSON_HEADERS } from '../support/talk.ts';

export class RawWay implements AsyncDisposable {
  readonly pids: readonly number[];
  readonly upstream: RawServer;
  readonly port: number;
  readonly path: string;
  readonly #open: OpenWay;

  private constructor(upstream: RawServer, open: OpenWay) {
    const url = new URL(open.endpoint);
    this.pids = open.pids;
    this.upstream = upstream;
    this.port = Number(url.port);
    this.path = url.pathname;
    this.#open = open;
  }

  static async open(way: Way): Promise<RawWay> {
    const upstream = await RawServer.open();
    return new RawWay(upstream, await way.open(`${upstream.url}/up/mcp`));
  }

  /** A connection of a client. */
  client(): Promise<RawSocket> {
    return openSocket(this.port);
  }

  /** The text of a request to the endpoint. */
  text(verb = 'POST', body: string | undefined = verb === 'POST' ? CALL : undefined, headers: readonly string[] = JSON_HEADERS): string {
    return requestText(verb, this.path, { port: this.port, headers, ...(body !== undefined && { body }) });
  }

  /** Sends a request; gives the connection on which all of it has reached the upstream. Its answer must close the connection. */
  async ask(client: RawSocket, verb?: string, body?: string, headers?: readonly string[]): Promise<RawSocket> {
    client.write(this.text(verb, body, headers));
    const socket = await this.upstream.next();
    await socket.has(body ?? (verb === undefined || verb === 'POST' ? CALL : '\r\n\r\n'));
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}

/** The text of an answer's head, after which the connection is closed. */
export function closingHead(status: string, ...headers: string[]): string {
  return [`HTTP/1.1 ${status}`, ...headers, 'Connection: close', '', ''].join('\r\n');
}

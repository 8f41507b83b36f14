// The localhost listener (RULES R6): lets in who knows a session's local token, and hands the request to that session.
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Secret } from '../base/secret.ts';
import { headerValue, headerValues } from '../protocol/headers.ts';
import { answerStranger } from '../protocol/refusal.ts';
import { readBody } from '../transport/body.ts';
import { answerLocally } from '../transport/exchange.ts';
import { createServer } from '../transport/node-http.ts';

/** What the listener serves: something behind a local token. */
export interface Lodger {
  readonly localToken: Secret;
  /** Serves a request that was let in; `target` is the path behind the token, with its query. */
  serve(request: IncomingMessage, response: ServerResponse, target: string, body: Buffer | undefined): Promise<void>;
}

const ADDRESS = '127.0.0.1';

/** An open listener on 127.0.0.1. Close it to free the port. */
export class Listener {
  readonly port: number;
  readonly #server: Server;
  /** With the digest of each one's token. */
  readonly #lodgers: { readonly lodger: Lodger; readonly digest: Buffer }[] = [];
  #inFlight = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo | null)?.port ?? 0;
    server.on('request', (request, response) => void this.#answer(request, response));
    // Who asks first whether the body is wanted is let in first.
    server.on('checkContinue', (request, response) => void this.#answer(request, response, () => response.writeContinue()));
  }

  /** A listener that nobody can reach, for a client that does not come by HTTP. */
  static unopened(): Listener {
    return new Listener(createServer());
  }

  /** Listens on the port, or on any free one for 0. Throws `port_taken`. */
  static async open(port: number): Promise<Listener> {
    const server = createServer({
      requestTimeout: limits.requestMsMax,
      headersTimeout: limits.requestMsMax,
      maxHeaderSize: limits.headerBytesMax,
      keepAliveTimeout: limits.keepAliveMsMax,
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const why = cause.code === 'EADDRINUSE' ? `port ${port} is in use` : `cannot listen on port ${port}: ${cause.code ?? cause.message}`;
        reject(new McprecError('port_taken', why, { cause }));
      });
      server.listen({ port, host: ADDRESS, exclusive: true }, resolve);
    });
    return new Listener(server);
  }

  /** Base of all endpoints: `http://127.0.0.1:PORT`. */
  get origin(): string {
    return `http://${ADDRESS}:${this.port}`;
  }

  add(lodger: Lodger): void {
    this.#lodgers.push({ lodger, digest: digestOf(lodger.localToken.reveal()) });
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, proceed?: () => void): Promise<void> {
    // A Date of ours would stand beside the upstream's.
    response.sendDate = false;
    // Whether a body follows that was announced and not asked for, nobody can tell: no next request is read behind it.
    if (proceed !== undefined) response.setHeader('Connection', 'close');
    const refused = this.#strange(request);
    if (refused !== undefined) {
      answerLocally(response, answerStranger(request.url ?? '', 403, refused));
      return;
    }
    const entered = this.#enter(request);
    if (entered === undefined) {
      const reason = 'the local token is missing or wrong; use the endpoint that mcprec connect printed';
      answerLocally(response, answerStranger(request.url ?? '', 401, reason));
      return;
    }
    if (this.#inFlight >= limits.exchangesMax) {
      answerLocally(response, answerStranger(request.url ?? '', 503, `more than ${limits.exchangesMax} calls are in flight`, ['Retry-After', '1']));
      return;
    }
    this.#inFlight++;
    try {
      const read = await readBody(request, limits.requestBytesMax, proceed);
      if (read.kind === 'body') response.removeHeader('Connection');
      if (read.kind === 'aborted') return;
      // What is left of a body that is too long may not have been read: the connection cannot be used again.
      if (read.kind === 'too_long') response.setHeader('Connection', 'close');
      await entered.lodger.serve(request, response, entered.target, read.kind === 'body' ? read.bytes : undefined);
    } finally {
      this.#inFlight--;
    }
  }

  /** Why a request cannot come from a program on this machine that was given the endpoint (DNS rebinding), or undefined. */
  #strange(request: IncomingMessage): string | undefined {
    const { host, origin } = request.headers;
    if (host !== `${ADDRESS}:${this.port}` && host !== `localhost:${this.port}`) return 'the Host header names another host';
    if (headerValues(request.rawHeaders, 'host').length > 1) return 'the Host header stands twice';
    if (origin !== undefined && !/^https?:\/\/(127\.0\.0\.1|localhost)(:\d{1,5})?$/.test(origin)) return 'the Origin header names another site';
    return undefined;
  }

  #enter(request: IncomingMessage): { lodger: Lodger; target: string } | undefined {
    const url = request.url ?? '/';
    const [, first = ''] = /^\/([^/?]+)/.exec(url) ?? [];
    const inPath = this.#lodgerOf(first);
    if (inPath !== undefined) return { lodger: inPath, target: url.slice(first.length + 1) || '/' };
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    // The names under which client libraries send Datadog's key.
    for (const claimed of [bearer, headerValue(request.rawHeaders, 'dd-api-key'), headerValue(request.rawHeaders, 'dd_api_key')]) {
      const lodger = claimed === undefined ? undefined : this.#lodgerOf(claimed);
      if (lodger !== undefined) return { lodger, target: url };
    }
    return undefined;
  }

  /** Compares digests, all of them, so that time says nothing about a token. */
  #lodgerOf(claimed: string): Lodger | undefined {
    const claim = digestOf(claimed);
    let found: Lodger | undefined;
    for (const { lodger, digest } of this.#lodgers) if (timingSafeEqual(claim, digest)) found = lodger;
    return found;
  }
}

function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

// A server of HTTP+SSE as a pipe: its messages come on one event stream, ours go to the address that the stream names first (MCP
// 2024-11-05, transports). Source of the rules: the same page.
import { limits } from '../base/limits.ts';
import { isLoopback } from '../base/loopback.ts';
import { dropHeaders, headerValue, isEventStream, type RawHeaders } from '../protocol/headers.ts';
import { SseSplitter } from '../protocol/sse.ts';
import { type OpenPipe, type Pipe, type PipeEvents, PipeFault } from './pipe.ts';
import type { AnswerFlow, AnswerReceiver, Upstream, UpstreamFailure, UpstreamRequest } from './upstream.ts';

/** Opens pipes over the event stream that a request's address serves. */
export function ssePipes(upstream: Upstream): OpenPipe {
  return (request, events) => new SsePipe(upstream, request, events);
}

/** Say something of one message only, or belong to the newer transport. */
const ownHeaders = /^(?:accept|content-.*|mcp-.*|last-event-id)$/;

class SsePipe implements Pipe, AnswerReceiver {
  readonly #upstream: Upstream;
  readonly #request: UpstreamRequest;
  readonly #headers: RawHeaders;
  readonly #events: PipeEvents;
  readonly #splitter = new SseSplitter(limits.lineBytesMax);
  readonly #endpoint = Promise.withResolvers<string>();
  readonly #abort: () => void;
  readonly #late: NodeJS.Timeout;
  #opened = false;
  #flow: AnswerFlow | undefined;
  #paused = false;
  #over = false;

  constructor(upstream: Upstream, request: UpstreamRequest, events: PipeEvents) {
    this.#upstream = upstream;
    this.#request = request;
    this.#events = events;
    this.#headers = dropHeaders(request.headers, (name) => ownHeaders.test(name));
    this.#endpoint.promise.catch(() => undefined);
    this.#late = setTimeout(() => {
      this.#end('the server named no address for messages in time');
      this.#abort();
    }, limits.connectMsMax);
    this.#abort = upstream.send({ ...request, verb: 'GET', headers: [...this.#headers, 'Accept', 'text/event-stream'], body: undefined }, this);
  }

  async write(message: Uint8Array): Promise<void> {
    const path = await this.#endpoint.promise;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const headers = [...this.#headers, 'Accept', 'application/json', 'Content-Type', 'application/json'];
    const refuse = (reason: string, notSent: boolean): void => reject(new PipeFault(reason, notSent));
    this.#upstream.send(
      { origin: this.#request.origin, path, verb: 'POST', headers, body: message },
      {
        // Its answer comes on the stream; what stands here is a word of thanks at most.
        started: (status) => (status < 300 ? resolve() : refuse(`the server answered a message with HTTP ${status}`, true)),
        data: () => undefined,
        ended: () => undefined,
        failed: ({ reason, notSent }) => refuse(reason, notSent),
      },
    );
    return promise;
  }

  pause(): void {
    this.#paused = true;
    this.#flow?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#flow?.resume();
  }

  close(): Promise<void> {
    this.#end('the session has ended');
    this.#abort();
    return Promise.resolve();
  }

  started(status: number, headers: RawHeaders, flow: AnswerFlow): void {
    this.#flow = flow;
    if (status !== 200 || !isEventStream(headerValue(headers, 'content-type'))) {
      this.#end(`the server answered with HTTP ${status} and no event stream`);
      flow.abort();
    } else if (this.#paused) flow.pause();
  }

  data(chunk: Buffer): void {
    for (const piece of this.#splitter.push(chunk)) {
      if (piece.kind === 'part') {
        this.#end(`an event of the server is longer than ${limits.lineBytesMax} bytes`);
        this.#flow?.abort();
        return;
      }
      if (piece.data === undefined) continue;
      if (piece.event === 'endpoint') this.#learn(piece.data);
      else if (piece.data !== '' && !this.#over) this.#events.message(Buffer.from(piece.data, 'utf8'));
    }
  }

  ended(): void {
    this.#end('the server ended its stream');
  }

  failed({ reason }: UpstreamFailure): void {
    this.#end(`the server’s stream broke off (${reason})`);
  }

  /** An address on another host would get our credential. */
  #learn(endpoint: string): void {
    const { origin, path } = this.#request;
    const url = URL.parse(endpoint, `${origin}${path}`);
    if (url === null || !isSamePlace(url, new URL(origin))) {
      this.#end(`the server named an address at ${url?.origin ?? 'no place'} for messages, and the connection is to ${origin}`);
      this.#abort();
      return;
    }
    this.#opened = true;
    clearTimeout(this.#late);
    this.#endpoint.resolve(`${url.pathname}${url.search}`);
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#late);
    this.#endpoint.reject(new PipeFault(reason, true));
    // Whoever opened the pipe does not know it yet where the stream failed at once.
    queueMicrotask(() => this.#events.ended({ reason, neverOpened: !this.#opened }));
  }
}

/** The same origin, as the clients of the SDKs want it, but for the names of this machine: messages go to the connection's own origin anyway. */
function isSamePlace(a: URL, b: URL): boolean {
  return a.origin === b.origin || (a.protocol === b.protocol && a.port === b.port && isLoopback(a.hostname) && isLoopback(b.hostname));
}

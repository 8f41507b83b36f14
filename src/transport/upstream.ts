// Sends one request to an upstream over undici and hands over the answer as it comes: raw headers, raw chunks, back-pressure.
import { Agent, type Dispatcher } from 'undici';
import { limits } from '../base/limits.ts';
import type { RawHeaders } from '../protocol/headers.ts';

export interface UpstreamRequest {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path with query. */
  readonly path: string;
  readonly verb: string;
  /** Flat: name, value, … Host and Content-Length are added. */
  readonly headers: RawHeaders;
  readonly body: Uint8Array | undefined;
}

/** What the receiver of an answer may do with its flow. */
export interface AnswerFlow {
  pause(): void;
  resume(): void;
  /** Gives the answer up: the upstream sees its connection close. */
  abort(): void;
}

/** Takes an answer in pieces. After `failed` or `ended` nothing follows. */
export interface AnswerReceiver {
  started(status: number, headers: RawHeaders, flow: AnswerFlow): void;
  data(chunk: Buffer): void;
  ended(): void;
  failed(failure: UpstreamFailure): void;
}

export interface UpstreamFailure {
  readonly kind: 'unreachable' | 'timeout' | 'lost' | 'aborted';
  /** True where nothing of the request can have reached the upstream. */
  readonly notSent: boolean;
  readonly reason: string;
}

/** The connections to upstreams of one process. Close it to end them. */
export class UpstreamPool {
  readonly #agent: Agent;

  constructor() {
    this.#agent = new Agent({
      connect: { timeout: limits.connectMsMax },
      headersTimeout: limits.firstByteMsMax,
      // An event stream may be silent for hours; the client decides how long it waits.
      bodyTimeout: 0,
      pipelining: 1,
      maxHeaderSize: limits.headerBytesMax,
      keepAliveTimeout: 4_000,
      allowH2: false,
    });
  }

  /** Sends the request; returns what aborts it, also before an answer started. */
  send(request: UpstreamRequest, receiver: AnswerReceiver): () => void {
    const exchange = new Dispatched(receiver);
    try {
      this.#agent.dispatch(
        {
          origin: request.origin,
          path: request.path,
          method: request.verb as Dispatcher.HttpMethod,
          headers: request.headers as string[],
          body:
            request.body === undefined || request.body.length === 0 ? null : Buffer.from(request.body.buffer, request.body.byteOffset, request.body.byteLength),
          // Nothing is sent again by us: the first try may have been executed (RULES R13).
          idempotent: false,
        },
        exchange,
      );
    } catch (error) {
      // undici refuses headers that cannot be sent before anything leaves.
      receiver.failed({ kind: 'unreachable', notSent: true, reason: (error as Error).message });
    }
    return () => exchange.abort();
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

class Dispatched implements Dispatcher.DispatchHandler {
  readonly #receiver: AnswerReceiver;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;
  #settled = false;
  #sent = false;

  constructor(receiver: AnswerReceiver) {
    this.#receiver = receiver;
  }

  abort(): void {
    if (this.#settled) return;
    this.#aborted = true;
    this.#controller?.abort(new Error('aborted'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(new Error('aborted'));
    else this.#sent = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    this.#receiver.started(status, rawHeadersOf(controller.rawHeaders), {
      pause: () => controller.pause(),
      resume: () => controller.resume(),
      abort: () => this.abort(),
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receiver.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#receiver.ended();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#receiver.failed(this.#aborted ? { kind: 'aborted', notSent: !this.#sent, reason: 'aborted' } : failureOf(error, this.#sent));
  }
}

const neverConnected = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

function failureOf(error: Error, sent: boolean): UpstreamFailure {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reason = code === '' ? error.message : code;
  if (neverConnected.has(code) || code.startsWith('ERR_TLS') || code.startsWith('CERT_')) return { kind: 'unreachable', notSent: true, reason };
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return { kind: 'timeout', notSent: false, reason };
  return { kind: 'lost', notSent: !sent, reason };
}

function rawHeadersOf(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return Object.entries(raw ?? {}).flatMap(([name, value]) => [value ?? []].flat().flatMap((v) => [name, v]));
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}

// Sends one request to an upstream over undici and hands over the answer as it comes: raw headers, raw chunks, back-pressure.
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { limits } from '../base/limits.ts';
import type { RawHeaders } from '../protocol/headers.ts';
import { skipInterim } from './interim.ts';

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

/** Takes an answer in pieces. After `failed` or `ended` nothing follows. `failed` may come before `send` returns. */
export interface AnswerReceiver {
  /** `reason` is the phrase beside the status, where there is one. */
  started(status: number, headers: RawHeaders, flow: AnswerFlow, reason?: string): void;
  data(chunk: Buffer): void;
  ended(): void;
  failed(failure: UpstreamFailure): void;
}

/** `unreachable`: there was no connection. `turned_away`: it does not take what we call with. `lost`: it broke. `aborted`: we gave it up. */
export interface UpstreamFailure {
  readonly kind: 'unreachable' | 'turned_away' | 'timeout' | 'lost' | 'aborted';
  /** True where nothing of the request can have reached the upstream. */
  readonly notSent: boolean;
  readonly reason: string;
}

/** Where requests go. */
export interface Upstream {
  /** Sends the request; returns what aborts it, also before an answer started. */
  send(request: UpstreamRequest, receiver: AnswerReceiver): () => void;
}

/** The connections to upstreams of one process. Close it to end them. */
export class UpstreamPool implements Upstream {
  readonly #agent: Agent;

  constructor() {
    const connect = buildConnector({ timeout: limits.connectMsMax, allowH2: false });
    this.#agent = new Agent({
      connect: (options, connected) =>
        connect(options, (...outcome) => {
          if (outcome[0] === null) skipInterim(outcome[1]);
          connected(...outcome);
        }),
      headersTimeout: limits.firstByteMsMax,
      // An event stream may be silent for hours; the client decides how long it waits.
      bodyTimeout: 0,
      pipelining: 1,
      maxHeaderSize: limits.headerBytesMax,
      keepAliveTimeout: limits.upstreamKeepAliveMsMax,
      allowH2: false,
    });
  }

  /** Sends the request; returns what aborts it, also before an answer started. */
  send(request: UpstreamRequest, receiver: AnswerReceiver): () => void {
    const exchange = new Dispatched(receiver);
    const { body } = request;
    const options: Dispatcher.DispatchOptions = {
      origin: request.origin,
      path: request.path,
      method: request.verb as Dispatcher.HttpMethod,
      headers: request.headers as string[],
      body: body === undefined || body.length === 0 ? null : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
      // Nothing is sent again by us: the first try may have been executed (RULES R13).
      idempotent: false,
    };
    try {
      this.#agent.dispatch(options, exchange);
    } catch (error) {
      // Headers that cannot be sent are refused before anything leaves.
      exchange.onResponseError(undefined, error as Error);
    }
    return () => exchange.abort();
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

const ABORTED = 'aborted';

class Dispatched implements Dispatcher.DispatchHandler {
  readonly #receiver: AnswerReceiver;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;
  #settled = false;

  constructor(receiver: AnswerReceiver) {
    this.#receiver = receiver;
  }

  abort(): void {
    if (this.#settled || this.#aborted) return;
    this.#aborted = true;
    if (this.#controller !== undefined) this.#controller.abort(new Error(ABORTED));
    // Still waiting for a connection, which may take a while to fail.
    else this.#settle({ kind: 'aborted', notSent: true, reason: ABORTED });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#aborted) {
      controller.abort(new Error(ABORTED));
      return;
    }
    this.#controller = controller;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, reason?: string): void {
    if (status < 200 || this.#settled) return;
    const flow = { pause: () => controller.pause(), resume: () => controller.resume(), abort: () => this.abort() };
    this.#receiver.started(status, rawHeadersOf(controller.rawHeaders), flow, reason);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#settled) this.#receiver.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#receiver.ended();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    // The controller comes when the request is written to a connection, and not before.
    const sent = this.#controller !== undefined;
    this.#settle(this.#aborted ? { kind: 'aborted', notSent: !sent, reason: ABORTED } : failureOf(error, sent));
  }

  #settle(failure: UpstreamFailure): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#receiver.failed(failure);
  }
}

function failureOf(error: Error, sent: boolean): UpstreamFailure {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reason = code === '' ? error.message : code;
  if (!sent) return { kind: 'unreachable', notSent: true, reason };
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return { kind: 'timeout', notSent: false, reason };
  return { kind: 'lost', notSent: false, reason };
}

function rawHeadersOf(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return Object.entries(raw ?? {}).flatMap(([name, value]) => [value ?? []].flat().flatMap((v) => [name, v]));
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}

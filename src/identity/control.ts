// Control calls to a gateway: each with the access token and a DPoP proof (RFC 9449). Sends nothing twice unless the gateway
// refused it unread (401).
import type { Dispatcher } from 'undici';
import { request } from 'undici';
import type { Clock } from '../base/clock.ts';
import { type ErrorCode, errorTable, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import { controlErrorSchema, type SessionEvent, sessionEventSchema } from '../protocol/control.ts';
import { SseSplitter } from '../protocol/sse.ts';
import type { AccessToken } from './credential.ts';
import { type DpopKey, makeProof } from './dpop.ts';
import { exchangeFault, readBody, within } from './http.ts';

export interface ControlRequest {
  /** Sent as `application/json`. */
  readonly json?: unknown;
  /** Sent as it is, with the content type and coding of `headers`. */
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Statuses outside 200–299 that are an answer, unless what comes with them is an error. */
  readonly accept?: readonly number[];
}

export interface ControlAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The body read as JSON. Throws `gateway_failed`. */
  json(): unknown;
}

export interface ControlSettings {
  /** Base URL of the gateway, no slash at its end. */
  readonly gateway: string;
  readonly dpop: DpopKey;
  readonly token: (refused?: AccessToken) => Promise<AccessToken>;
  readonly agent: Dispatcher;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

type Sent = Dispatcher.ResponseData;

export class ControlClient {
  readonly #settings: ControlSettings;
  /** The gateway's latest `DPoP-Nonce` (RFC 9449 §8.2). */
  #nonce: string | undefined;

  constructor(settings: ControlSettings) {
    this.#settings = settings;
  }

  /** Makes a call. Throws the gateway's own error, `gateway_failed`, `gateway_unreachable`, `cancelled`, or what getting a token throws. */
  async request(method: string, path: string, call: ControlRequest = {}): Promise<ControlAnswer> {
    const { gateway } = this.#settings;
    const signal = within(limits.controlMsMax, call.signal);
    try {
      const answer = await this.#send(method, path, call, signal);
      const body = await readBody(answer.body, limits.controlAnswerBytesMax, gateway);
      const { statusCode: status, headers } = answer;
      if ((status < 200 || status > 299) && !(call.accept?.includes(status) && !isError(body))) throw errorOf(status, body, `${method} ${path}`);
      return { status, headers, body, json: () => readJson(body, gateway) };
    } catch (cause) {
      throw exchangeFault(cause, gateway, call.signal);
    }
  }

  /**
   * The events of a session, as they come; unknown ones are left out. Ends when the gateway ends the stream or `signal` is
   * aborted. Throws like `request`; `gateway_unreachable` also where the stream breaks or is silent for too long.
   */
  async *stream(path: string, signal: AbortSignal): AsyncGenerator<SessionEvent, void, undefined> {
    const { gateway } = this.#settings;
    const splitter = new SseSplitter(limits.controlAnswerBytesMax);
    try {
      const answer = await this.#send('GET', path, { headers: { accept: 'text/event-stream' } }, signal);
      if (answer.statusCode !== 200) throw errorOf(answer.statusCode, await readBody(answer.body, limits.controlAnswerBytesMax, gateway), `GET ${path}`);
      for await (const chunk of answer.body) {
        for (const { data } of splitter.push(Buffer.from(chunk))) {
          const event = sessionEventSchema.safeParse(data === undefined ? undefined : readJson(Buffer.from(data), gateway));
          if (event.success) yield event.data;
        }
      }
    } catch (cause) {
      if (signal.aborted) return;
      throw exchangeFault(cause, gateway, signal);
    }
  }

  async #send(method: string, path: string, call: ControlRequest, signal: AbortSignal): Promise<Sent> {
    let token = await this.#settings.token();
    let nonceTaken = false;
    let tokenTaken = false;
    for (;;) {
      const usedNonce = this.#nonce;
      const answer = await this.#sendOnce(method, path, call, { token, signal });
      if (answer.statusCode !== 401) return answer;
      if (!nonceTaken && this.#nonce !== usedNonce) {
        nonceTaken = true;
        await answer.body.dump();
        continue;
      }
      const body = await readBody(answer.body, limits.controlAnswerBytesMax, this.#settings.gateway);
      const error = errorOf(401, body, `${method} ${path}`);
      // The provider may have changed its keys, or this clock may be behind: one fresh token settles it.
      if (tokenTaken || error.code !== 'token_invalid') throw error;
      tokenTaken = true;
      token = await this.#settings.token(token);
    }
  }

  async #sendOnce(method: string, path: string, call: ControlRequest, held: { readonly token: AccessToken; readonly signal: AbortSignal }): Promise<Sent> {
    const { gateway, dpop, agent } = this.#settings;
    const url = `${gateway}${path}`;
    const { token, scheme } = held.token;
    const nonce = this.#nonce === undefined ? {} : { nonce: this.#nonce };
    const headers: Record<string, string> = {
      accept: 'application/json',
      ...(call.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
      authorization: `${scheme} ${token.reveal()}`,
      dpop: await makeProof(dpop, { method, url, accessToken: token, ...nonce }, this.#settings),
    };
    const body = call.json === undefined ? (call.body ?? null) : JSON.stringify(call.json);
    const idle = headers.accept === 'text/event-stream' ? { bodyTimeout: limits.eventSilenceMsMax } : {};
    const answer = await request(url, { dispatcher: agent, method: method as Dispatcher.HttpMethod, headers, body, signal: held.signal, ...idle });
    const given = answer.headers['dpop-nonce'];
    if (typeof given === 'string') this.#nonce = given;
    return answer;
  }
}

/** The error that a gateway's answer stands for (controlErrorSchema). A code that we do not know, or of a bug there, is `gateway_failed`. */
function errorOf(status: number, body: Buffer, what: string): McprecError {
  const read = controlErrorSchema.safeParse(parse(body));
  if (!read.success) return new McprecError('gateway_failed', `the gateway answered ${what} with HTTP ${status}`);
  const { code, message, remedy } = read.data.error;
  const text = escapeHostileLine(message);
  if (!isErrorCode(code) || code === 'bug') return new McprecError('gateway_failed', `the gateway answered ${what} with HTTP ${status}: ${text}`);
  return new McprecError(code, text, remedy === undefined ? {} : { remedy: escapeHostileLine(remedy) });
}

function isError(body: Buffer): boolean {
  return controlErrorSchema.safeParse(parse(body)).success;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function readJson(body: Buffer, gateway: string): unknown {
  const value = parse(body);
  if (value === undefined) throw new McprecError('gateway_failed', `${gateway} answered with what is not JSON`);
  return value;
}

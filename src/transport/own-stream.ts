// The stream on which a server says what belongs to no call, kept open for a client whose messages do not come over HTTP.
import type { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../base/limits.ts';
import { call, type HeardMessage, messagesOf, type Resumption } from './heard.ts';

export interface OwnStreamOptions {
  readonly agent: Agent;
  /** Of a request in the client's session as it is now: flat, name and value. */
  readonly headers: () => readonly string[];
  readonly deliver: (heard: HeardMessage) => Promise<void>;
}

export class OwnStream {
  readonly #options: OwnStreamOptions;
  readonly #cut = new AbortController();
  #heard: Promise<void> = Promise.resolve();
  #isOpen = false;
  #isEnding = false;
  /** It was given up while the server could not be reached. */
  #isLost = false;

  constructor(options: OwnStreamOptions) {
    this.#options = options;
  }

  /** Opens it, where it is not open, and keeps it open as long as the server offers one. */
  open(): void {
    if (this.#isOpen || this.#isEnding) return;
    this.#isOpen = true;
    this.#isLost = false;
    this.#heard = this.#hear()
      // The session ends, or its data path did.
      .catch(() => undefined)
      .finally(() => {
        this.#isOpen = false;
      });
  }

  /** Opens it once more where it was lost. */
  reopen(): void {
    if (this.#isLost) this.open();
  }

  /** Opens it no more, and lets the one that is open go on. */
  ending(): void {
    this.#isEnding = true;
  }

  /** Waits for its end, for `ms` at most, and then hangs up. */
  async close(ms: number): Promise<void> {
    this.ending();
    const late = new AbortController();
    await Promise.race([this.#heard, sleep(ms, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    this.#cut.abort();
    await this.#heard;
  }

  async #hear(): Promise<void> {
    const { agent, headers, deliver } = this.#options;
    const { signal } = this.#cut;
    const resumption: Resumption = { lastEventId: undefined, retryMs: undefined };
    for (let tries = 0; tries < limits.resumeTriesMax && !this.#isEnding; tries++) {
      const resumed = resumption.lastEventId === undefined ? [] : ['Last-Event-ID', resumption.lastEventId];
      const response = await call(agent, { verb: 'GET', headers: [...headers(), ...resumed], signal });
      if (response.statusCode === 200) {
        tries = 0;
        for await (const heard of messagesOf(response, resumption)) await deliver(heard);
      } else {
        response.resume();
        // The server has no such stream, or not this session; another refusal may pass.
        if (response.statusCode === 405 || response.statusCode === 404) return;
        if ((response.statusCode ?? 0) < 500) break;
      }
      if (!this.#isEnding) await pause(resumption.retryMs, signal);
    }
    this.#isLost = true;
  }
}

/** As long as the server wants it before a broken stream is taken up again. */
export async function pause(ms: number | undefined, signal: AbortSignal): Promise<void> {
  await sleep(Math.min(ms ?? limits.resumePauseMs, limits.resumePauseMsMax), undefined, { signal });
}

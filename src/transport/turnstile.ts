// Lets the messages of one client in: so many at once and so many bytes, the others in the order in which they came.
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../base/limits.ts';

/** A message that wants in. */
export interface Entrant {
  readonly bytes: number;
  /** True where others inside may wait for it: then it waits for none. */
  readonly isUrgent: boolean;
  /** Begins it. `done` settles when it is over and never rejects, `next` when the one behind it may begin. */
  readonly begin: () => { readonly done: Promise<void>; readonly next: Promise<void> };
}

export class Turnstile {
  #inside = 0;
  #waiting = 0;
  #bytes = 0;
  #left = Promise.withResolvers<void>();
  /** Settles when the one that began last lets the one behind it begin. */
  #gate: Promise<void> = Promise.resolve();
  /** Settle when the last of those that wait has begun. */
  #queue: Promise<void> = Promise.resolve();
  #urgent: Promise<void> = Promise.resolve();

  /** Resolves when the next message may be read, which is soon: a client that is not read from could not even be seen to go. */
  async enter(entrant: Entrant): Promise<void> {
    this.#bytes += entrant.bytes;
    this.#waiting++;
    if (entrant.isUrgent && this.#isFull) this.#urgent = this.#urgent.then(() => this.#pass(entrant));
    else {
      this.#queue = this.#queue.then(async () => {
        while (this.#isFull) await this.#left.promise;
        await this.#pass(entrant);
      });
    }
    while (this.#bytes >= limits.clientInFlightBytesMax) await this.#left.promise;
  }

  /** Resolves when everybody is through, or nobody came out for `silenceMs`. */
  async emptied(silenceMs: number): Promise<void> {
    while (this.#inside + this.#waiting > 0) {
      const late = new AbortController();
      const isLate = await Promise.race([this.#left.promise.then(() => false), sleep(silenceMs, true, { signal: late.signal }).catch(() => true)]);
      late.abort();
      if (isLate) return;
    }
  }

  get #isFull(): boolean {
    return this.#inside >= limits.clientInFlightMax;
  }

  async #pass({ bytes, begin }: Entrant): Promise<void> {
    await this.#gate;
    this.#waiting--;
    this.#inside++;
    const { done, next } = begin();
    this.#gate = next;
    void done.then(() => {
      this.#inside--;
      this.#bytes -= bytes;
      const { resolve } = this.#left;
      this.#left = Promise.withResolvers<void>();
      resolve();
    });
  }
}

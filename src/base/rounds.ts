// Work that covers all who ask for it: whoever comes while a round runs shares the next one with the others that came meanwhile.

export class Rounds {
  readonly #work: () => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when a round that began after this call is done; rejects as that round does. */
  join(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    const before = this.#running.catch(() => undefined);
    const mine = before.then(() => {
      this.#next = undefined;
      return this.#work();
    });
    this.#next = mine;
    this.#running = mine;
    return mine;
  }
}

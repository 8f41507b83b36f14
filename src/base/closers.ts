// Closes what was opened, last first. Node 22 has `using` only as far as the compiler gives it, and no AsyncDisposableStack.

type Closer = () => void | PromiseLike<void>;

export class Closers implements AsyncDisposable {
  #closers: Closer[] = [];

  /** Takes charge of a resource and gives it back. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.defer(() => (Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose]()));
    return resource;
  }

  /** Has `closer` run when all is closed. */
  defer(closer: Closer): void {
    this.#closers.push(closer);
  }

  /** Forgets everything without closing it: somebody else does now. */
  release(): void {
    this.#closers = [];
  }

  /** Runs every closer, also where one throws; then throws the first error. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closers = this.#closers.reverse();
    this.#closers = [];
    const errors: unknown[] = [];
    for (const closer of closers) {
      try {
        await closer();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

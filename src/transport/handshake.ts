// The handshake that a client made with a server (legacy era), kept so that the server can have it again after it was started anew.
import { limits } from '../base/limits.ts';
import { meaningOfId } from '../protocol/server-message.ts';
import { type Pipe, PipeFault } from './pipe.ts';

export class Handshake {
  readonly #initialize: Uint8Array;
  readonly #id: string;
  #initialized: Uint8Array | undefined;
  #answered: ((failed: boolean) => void) | undefined;

  constructor(initialize: Uint8Array, idLexeme: string) {
    this.#initialize = initialize;
    this.#id = meaningOfId(idLexeme);
  }

  /** The client has sent `notifications/initialized`. */
  complete(initialized: Uint8Array): void {
    this.#initialized = initialized;
  }

  /** True where an answer of the server is that to the handshake, and so nobody else's. */
  takes(id: string, failed: boolean): boolean {
    if (this.#answered === undefined || id !== this.#id) return false;
    this.#answered(failed);
    return true;
  }

  /** The pipe has ended. */
  abort(): void {
    this.#answered?.(true);
  }

  /** Makes it again. Throws a PipeFault where the server does not take it. */
  async repeat(pipe: Pipe): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const late = setTimeout(() => resolve(true), limits.handshakeMsMax);
    this.#answered = resolve;
    try {
      await pipe.write(this.#initialize);
      if (await promise) throw new PipeFault('the server was started again and did not take the handshake', true);
      if (this.#initialized !== undefined) await pipe.write(this.#initialized);
    } finally {
      clearTimeout(late);
      this.#answered = undefined;
    }
  }
}

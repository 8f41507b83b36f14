// The calls on their way through one pipe, and which of them a message of the server belongs to. Does no IO.
import type { Reply } from './reply.ts';
import type { Said } from './said.ts';
import type { UpstreamRequest } from './upstream.ts';

/** A request or a batch of them on its way through a channel. */
export interface Asked {
  readonly request: UpstreamRequest;
  readonly reply: Reply;
  readonly body: Uint8Array;
  /** True where the client cancels by going away (the modern era), so that the server must be told. */
  readonly cancels: boolean;
  readonly written: { done: boolean };
}

export class AskedCalls {
  /** Whom an answer with that id belongs to. */
  readonly #owing = new Map<string, Asked>();
  /** The oldest first. */
  readonly #asked = new Set<Asked>();

  /** True where no answer is awaited, not even for a client that has gone. */
  get owesNothing(): boolean {
    return this.#owing.size === 0;
  }

  get isEmpty(): boolean {
    return this.#asked.size === 0;
  }

  add(asked: Asked): void {
    for (const id of asked.reply.owed.keys()) this.#owing.set(id, asked);
    this.#asked.add(asked);
  }

  all(): readonly Asked[] {
    return [...this.#asked];
  }

  /** The call that an answer with that id belongs to; it may be over for its client. */
  owing(id: string): Asked | undefined {
    return this.#owing.get(id);
  }

  /** That id is answered, or will not be. */
  release(id: string): void {
    this.#owing.delete(id);
  }

  /** The client is gone; what the server answers all the same is known for it. */
  leave(asked: Asked): void {
    this.#asked.delete(asked);
  }

  forget(asked: Asked): void {
    for (const id of asked.reply.owed.keys()) this.#owing.delete(id);
    this.#asked.delete(asked);
  }

  /** No answer comes any more for clients that have gone. */
  forgetGone(): void {
    for (const [id, { reply }] of this.#owing) if (reply.isOver) this.#owing.delete(id);
  }

  /** The call that a message belongs to. */
  ownerOf(said: Said): Asked | undefined {
    switch (said.kind) {
      case 'answer':
        return this.#owing.get(said.id);
      case 'answers':
        return said.ids.map((id) => this.#owing.get(id)).find((found) => found !== undefined);
      case 'progress':
        return this.#open().find(({ reply }) => [...reply.owed.values()].some(({ progressToken }) => progressToken === said.token));
      case 'of': {
        const found = this.#owing.get(said.id);
        return found?.reply.isOver ? undefined : found;
      }
      case 'other':
        return undefined;
    }
  }

  /**
   * Where a message goes that names no call. With one call in flight it is most likely about that, and stays in order with its answer;
   * else the client's own stream has it, and failing that the newest call.
   */
  anyStream(own: Reply | undefined): Reply | undefined {
    const calls = this.#open().filter(({ reply }) => reply.isStream && ![...reply.owed.values()].some(({ method }) => method === 'subscriptions/listen'));
    return calls.length === 1 ? calls[0]?.reply : (own ?? calls.at(-1)?.reply);
  }

  #open(): readonly Asked[] {
    return [...this.#asked].filter(({ reply, written }) => written.done && !reply.isOver);
  }
}

// One message of a client on its way: what its sender is still owed, and how it is told that it will not get it.
import { rpcFailure } from '../protocol/refusal.ts';
import type { HeardMessage } from './heard.ts';

export class Flight {
  readonly cut = new AbortController();
  /** Ids as written, by what they mean. */
  readonly owed: Map<string, string>;
  /** Its sender waits for no answer any more. */
  isGivenUp = false;
  readonly #deliver: (heard: HeardMessage) => Promise<void>;

  constructor(owed: Iterable<readonly [string, string]>, deliver: (heard: HeardMessage) => Promise<void>) {
    this.owed = new Map(owed);
    this.#deliver = deliver;
  }

  /** Tells the sender of each request that is still owed an answer, unless it has given that up. */
  async fail(reason: string): Promise<void> {
    await this.tell((idLexeme) => Buffer.from(rpcFailure(idLexeme, `${reason}; it may have been executed`)));
  }

  /** Answers what is owed with what `answer` makes of the id. */
  async tell(answer: (idLexeme: string) => Buffer): Promise<void> {
    const owed = this.isGivenUp ? [] : [...this.owed.values()];
    this.owed.clear();
    for (const idLexeme of owed) await this.#deliver({ message: answer(idLexeme) });
  }
}

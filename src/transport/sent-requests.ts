// The requests whose answers came as event streams, by MCP session: such a stream may break off and be taken up again on another exchange.
import { limits } from '../base/limits.ts';
import type { EarlierRequest, OpenExchange } from '../path/rules.ts';
import { meaningOfId } from '../protocol/server-message.ts';

export class SentRequests {
  /** By session and id; the oldest first. */
  readonly #sent = new Map<string, EarlierRequest>();

  /** Remembers the requests of an exchange, in the place of earlier ones with the same ids. */
  remember(mcpSessionId: string, { exchange, requests }: OpenExchange): void {
    for (const request of requests) {
      const key = keyOf(mcpSessionId, request.idLexeme);
      this.#sent.delete(key);
      this.#sent.set(key, { exchange, request, isAnswered: false });
      const [oldest] = this.#sent.keys();
      if (this.#sent.size > limits.sentRequestsMax && oldest !== undefined) this.#sent.delete(oldest);
    }
  }

  /** The request of that id, as written, that was sent last; undefined where none is known. */
  find(mcpSessionId: string, idLexeme: string): EarlierRequest | undefined {
    return this.#sent.get(keyOf(mcpSessionId, idLexeme));
  }

  /** An answer to that request is recorded. */
  answered(mcpSessionId: string, idLexeme: string): void {
    if (this.#sent.size === 0) return;
    const key = keyOf(mcpSessionId, idLexeme);
    const sent = this.#sent.get(key);
    if (sent !== undefined) this.#sent.set(key, { ...sent, isAnswered: true });
  }

  /** Nothing more can come of an exchange: its stream came to its end, and nobody can take it up again. */
  forget(mcpSessionId: string, { exchange, requests }: OpenExchange): void {
    for (const { idLexeme } of requests) {
      const key = keyOf(mcpSessionId, idLexeme);
      if (this.#sent.get(key)?.exchange === exchange) this.#sent.delete(key);
    }
  }
}

function keyOf(mcpSessionId: string, idLexeme: string): string {
  return JSON.stringify([mcpSessionId, meaningOfId(idLexeme)]);
}

// The requests whose answers came as event streams, by MCP session: such a stream may break off and be taken up again on another exchange.
import { limits } from '../base/limits.ts';
import type { EarlierRequest, OpenExchange } from '../path/rules.ts';
import { meaningOfId } from '../protocol/server-message.ts';

/**
 * An id that was used again. The client chooses ids, and the answer to the one request would be masked, and lists be shown, as policy says for the
 * other: such an answer is taken as one to a call that nobody knows.
 */
const SEVERAL = 'several';

export class SentRequests {
  /** By session and id; the oldest first. */
  readonly #sent = new Map<string, EarlierRequest | typeof SEVERAL>();

  /** Remembers the requests of an exchange. */
  remember(mcpSessionId: string, { exchange, requests }: OpenExchange): void {
    for (const request of requests) {
      const key = keyOf(mcpSessionId, request.idLexeme);
      const isTaken = this.#sent.delete(key);
      this.#sent.set(key, isTaken ? SEVERAL : { exchange, request, isAnswered: false });
      const [oldest] = this.#sent.keys();
      if (this.#sent.size > limits.sentRequestsMax && oldest !== undefined) this.#sent.delete(oldest);
    }
  }

  /** The request of that id, as written; undefined where none is known, or more than one. */
  find(mcpSessionId: string, idLexeme: string): EarlierRequest | undefined {
    const sent = this.#sent.get(keyOf(mcpSessionId, idLexeme));
    return sent === SEVERAL ? undefined : sent;
  }

  /** An answer to that request is recorded. */
  answered(mcpSessionId: string, idLexeme: string): void {
    if (this.#sent.size === 0) return;
    const key = keyOf(mcpSessionId, idLexeme);
    const sent = this.#sent.get(key);
    if (sent !== undefined && sent !== SEVERAL) this.#sent.set(key, { ...sent, isAnswered: true });
  }

  /** Nothing more can come of an exchange: its stream came to its end, and nobody can take it up again. */
  forget(mcpSessionId: string, { exchange, requests }: OpenExchange): void {
    for (const { idLexeme } of requests) {
      const key = keyOf(mcpSessionId, idLexeme);
      const sent = this.#sent.get(key);
      if (sent !== SEVERAL && sent?.exchange === exchange) this.#sent.delete(key);
    }
  }
}

function keyOf(mcpSessionId: string, idLexeme: string): string {
  return JSON.stringify([mcpSessionId, meaningOfId(idLexeme)]);
}

// What one connection at one hop remembers between messages: ids in flight, requests whose streams may break off, and what the tools' lists say
// of headers that repeat arguments.
import type { ClientMessage } from '../protocol/message.ts';
import type { MirroredParams } from '../protocol/request-headers.ts';
import { meaningOfId } from '../protocol/server-message.ts';
import { SentRequests } from './sent-requests.ts';

/** Ids that were claimed, or the first of them, as written, that is in flight already. */
export type Claim = { readonly kind: 'claimed'; release(): void } | { readonly kind: 'taken'; readonly idLexeme: string };

const NOTHING: Claim = { kind: 'claimed', release: () => undefined };

export class HopMemory {
  /** By tool: the parameters that `Mcp-Param-*` repeat. */
  readonly mirrored: MirroredParams = new Map();
  readonly sent = new SentRequests();
  readonly #inFlight = new Set<string>();

  /** Holds the ids of these requests until they are released. Only within an MCP session or a client's pipe: elsewhere two clients may use the same. Source: RULES R7. */
  claim(place: string | undefined, messages: readonly ClientMessage[]): Claim {
    if (place === undefined) return NOTHING;
    const claimed: string[] = [];
    const release = (): void => {
      for (const key of claimed) this.#inFlight.delete(key);
    };
    for (const { kind, idLexeme } of messages) {
      if (kind !== 'request' || idLexeme === undefined) continue;
      const key = JSON.stringify([place, meaningOfId(idLexeme)]);
      if (this.#inFlight.has(key)) {
        release();
        return { kind: 'taken', idLexeme };
      }
      this.#inFlight.add(key);
      claimed.push(key);
    }
    return { kind: 'claimed', release };
  }
}

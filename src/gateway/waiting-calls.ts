// The calls that wait for a human right now, by what their clients name them by, so that a client can give one up.
import type { SessionId } from '../base/ids.ts';
import type { HeldCall } from '../path/hold.ts';
import { headerValue } from '../protocol/headers.ts';

export class WaitingCalls {
  readonly #waiting = new Map<string, Set<AbortController>>();

  /** Adds one; returns what takes it out again. Its `signal` is aborted where somebody ends the waiting. */
  add(sessionId: SessionId, { message, request }: HeldCall): { readonly signal: AbortSignal; readonly forget: () => void } {
    const id = message?.idLexeme ?? JSON.stringify(request.facts.exchange);
    const key = keyOf(sessionId, id, headerValue(request.headers, 'mcp-session-id'));
    const ended = new AbortController();
    const all = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, all.add(ended));
    return {
      signal: ended.signal,
      forget: () => {
        all.delete(ended);
        if (all.size === 0 && this.#waiting.get(key) === all) this.#waiting.delete(key);
      },
    };
  }

  /** The client gives the request with that id up. */
  cancel(sessionId: SessionId, idLexeme: string, mcpSessionId: string | undefined): void {
    for (const ended of this.#waiting.get(keyOf(sessionId, idLexeme, mcpSessionId)) ?? []) ended.abort('client_cancelled');
  }

  /** The gateway stops. */
  endAll(): void {
    for (const all of this.#waiting.values()) for (const ended of all) ended.abort('gateway_stopped');
  }
}

// By the id's meaning, however it is written.
function keyOf(sessionId: SessionId, idLexeme: string, mcpSessionId: string | undefined): string {
  return JSON.stringify([sessionId, JSON.parse(idLexeme), mcpSessionId ?? null]);
}

// Tells whoever follows a session what became of it. Holds listeners only; the store holds the truth.
import type { SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { SessionEvent } from '../protocol/control.ts';

export interface Follower {
  event(event: SessionEvent): void;
  /** Nothing more will come. */
  end(): void;
}

export class SessionEvents {
  readonly #followers = new Map<SessionId, Set<Follower>>();

  /** Returns what ends the following. Beyond `limits.eventStreamsMax` the oldest follower of the session is ended. */
  follow(sessionId: SessionId, follower: Follower): () => void {
    const followers = this.#followers.get(sessionId) ?? new Set();
    this.#followers.set(sessionId, followers);
    followers.add(follower);
    const [oldest] = followers;
    if (followers.size > limits.eventStreamsMax && oldest !== undefined) {
      followers.delete(oldest);
      oldest.end();
    }
    return () => {
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(sessionId) === followers) this.#followers.delete(sessionId);
    };
  }

  publish(sessionId: SessionId, event: SessionEvent): void {
    const followers = [...(this.#followers.get(sessionId) ?? [])];
    for (const follower of followers) follower.event(event);
    // Behind these nothing can come.
    if (event.event !== 'policy' && event.event !== 'approval') for (const follower of followers) follower.end();
  }

  /** The sessions that somebody follows. */
  followed(): readonly SessionId[] {
    return [...this.#followers.keys()];
  }

  /** Ends all following, because the gateway stops. */
  close(): void {
    for (const followers of this.#followers.values()) for (const follower of [...followers]) follower.end();
    this.#followers.clear();
  }
}

/** What followers of a session are told when it has ended so. */
export function endEvent(state: 'closed' | 'expired' | 'revoked', reason: string | undefined): SessionEvent {
  return state === 'revoked' ? { event: state, reason: reason ?? state } : { event: state };
}

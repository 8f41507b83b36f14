// What a store does to take contents out for good: erasure by authority, and retention. Types only.
import type { LogId, SessionId } from '../base/ids.ts';

/** Why the contents of a session are gone. */
export interface Removal {
  readonly kind: 'erasure' | 'retention';
  readonly reason: string;
  /** Who asked for it. */
  readonly by?: string;
}

/** Where an index log says that contents of a log are gone. */
export interface StatedRemoval {
  readonly indexLog: LogId;
  /** Of the entry in it. */
  readonly index: number;
}

export interface RemovalStore {
  /**
   * Removes payloads, names and approvals of an ended session, and says so in the gateway's index log; what a laptop uploads of it later
   * is kept without contents, and listed there too. Nothing of them is left in the files after `rewrite`.
   * Throws `usage` where it is open, and where a retention would take what is not in the tree yet.
   */
  removeContents(sessionId: SessionId, removal: Removal): Promise<void>;
  /** Ended sessions that still have contents, all of them in the tree, the one that ended first in front. */
  prunable(limit: number): Promise<readonly { readonly sessionId: SessionId; readonly endedMs: number }[]>;
  /** Where index logs, the gateway's and the laptop's own, say that contents of the log are gone. */
  removalsOf(logId: LogId): Promise<readonly StatedRemoval[]>;
  /** Bytes that are in use. */
  usedBytes(): number;
  /** Writes the files anew, so that nothing that was removed is left in them. Throws `journal_locked` where another process keeps it from that. */
  rewrite(): Promise<void>;
}

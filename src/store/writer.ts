// The one way into the store: a write is a few statements and entries that are committed together or not at all.
import type { Compilable } from 'kysely';
import type { EntryDraft } from '../evidence/entry.ts';
import type { LogTail } from '../evidence/tail.ts';

/** A log that this process writes. */
export interface OwnedLog {
  /** As of the last commit. */
  tail: LogTail;
  /** True until this process has written to a log that another began: its first write puts a `restart` in front, because monotonic time starts anew. */
  resumed: boolean;
}

export interface Write {
  /** Each must change exactly one row; otherwise nothing of the write is done. */
  readonly guards?: readonly Compilable[];
  readonly statements?: readonly Compilable[];
  readonly append?: { readonly log: OwnedLog; readonly drafts: readonly EntryDraft[] };
  /** Added to the gateway's index log in the same commit; it may say what `append` has come to. */
  readonly index?: {
    readonly log: OwnedLog;
    readonly drafts: (appended: LogTail | undefined) => readonly EntryDraft[];
    /** More of the same commit, that depends on where in the index log its entries come to stand: the first is number `first`. */
    readonly noted?: (first: number) => readonly Compilable[];
  };
}

/** Commits writes in groups, in the order in which they were asked for. */
export interface Writer {
  /** True once the write is durable; false where a guard did not hold. Rejects with a McprecError where it could not be written. */
  commit(write: Write): Promise<boolean>;
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>;
}

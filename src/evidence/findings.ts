// What a verification can find. The codes are part of what `mcprec verify --json` prints; docs/journal-format.md says what they mean.
import type { LogId } from '../base/ids.ts';

const findingCodes = [
  /** The bytes are no leaf. */
  'leaf_malformed',
  /** The leaf belongs to another log. */
  'log_differs',
  /** The leaf says another position than the one where it stands. */
  'index_differs',
  'entry_missing',
  /** More entries than the head counts. */
  'entry_surplus',
  'leaf_hash_differs',
  /** The entries do not add up to the root in the head. */
  'root_differs',
  'payload_missing',
  'payload_differs',
  'payload_uncommitted',
  'payload_unreadable',
  'names_missing',
  'names_differ',
  'names_uncommitted',
  /** A column beside the leaf says something else than the leaf, the names or the log. */
  'column_differs',
  'time_went_back',
  'clock_unmarked',
  'open_missing',
  'open_repeated',
  'close_missing',
  'entry_after_close',
  'totals_differ',
  /** The gateway's tree does not go on from a head that somebody has seen, or its hashes do not give the head that it signed. */
  'tree_differs',
  /** At some size the log does not have the root that a signed checkpoint, a receipt or an index log states. */
  'head_differs',
  /** One of these covers more entries than there are. */
  'end_missing',
  /** A checkpoint that the log's own key has not signed, or a receipt whose signatures or proof do not hold. */
  'signature_invalid',
  /** What was erased stands there again. */
  'erased_restored',
  /** An index log does not begin as one, or an entry of it cannot be read. */
  'index_malformed',
  /** A session that no index log lists. */
  'session_unlisted',
  /** A log, or the session it belongs to, is gone from the store. */
  'session_missing',
  /** The store itself cannot be read any further. */
  'store_damaged',
] as const;
export type FindingCode = (typeof findingCodes)[number];

export interface Finding {
  readonly code: FindingCode;
  /** The entry it is about; absent where it is about the log. */
  readonly index?: number;
  /** What is wrong and what that means. */
  readonly message: string;
}

export interface LogReport {
  readonly logId: LogId;
  /** Entries read. */
  readonly entries: number;
  /** Entries whose contents are gone as signed entries say: erased by authority, or pruned. */
  readonly erased: number;
  readonly pruned: number;
  /** At most `limits.findingsMax`. */
  readonly findings: readonly Finding[];
  /** Findings beyond that. */
  readonly more: number;
}

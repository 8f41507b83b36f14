// The tail of a log: what its writer must know to add the next entries. A value: a commit that fails leaves the old one in force.
import { McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import { type EntryDraft, type EntryKind, entryKinds, type MessageKind } from './entry.ts';
import type { Leaf } from './leaf.ts';
import { Frontier } from './merkle.ts';
import { type SealedEntry, seal } from './seal.ts';

/** What a session's list shows and its last entry states. */
export interface Counts {
  /** Requests, batches and HTTP calls from the client, and what could not be decoded of them. */
  readonly calls: number;
  readonly denied: number;
  /** Values masked. */
  readonly masked: number;
}

export interface LogTail extends Counts {
  readonly logId: LogId;
  /** Never appended to: `extend` works on a copy. */
  readonly frontier: Frontier;
  /** Kind and times of the last entry; absent in an empty log. */
  readonly last?: { readonly kind: EntryKind; readonly wallMs: number; readonly monoUs: number };
}

export const noCounts: Counts = { calls: 0, denied: 0, masked: 0 };

/** The tail of a log without entries. */
export function emptyTail(logId: LogId): LogTail {
  return { logId, frontier: new Frontier(), ...noCounts };
}

/**
 * Seals drafts behind the tail; returns the entries and the new tail. Monotonic time never falls below the entry before, and a
 * wall clock that was set back gets a `clock` entry in front.
 * Throws `session_closed` behind an entry that ends a log.
 */
export function extend(
  tail: LogTail,
  drafts: readonly EntryDraft[],
  random: RandomBytes,
): { readonly entries: readonly SealedEntry[]; readonly tail: LogTail } {
  const frontier = tail.frontier.copy();
  const entries: SealedEntry[] = [];
  let { calls, denied, masked, last } = tail;
  const add = (draft: EntryDraft) => {
    if (last !== undefined && endsLog(last.kind)) throw new McprecError('session_closed', 'the session is closed: nothing can be added to its log');
    const counted = countsOf(draft);
    calls += counted.calls;
    denied += counted.denied;
    masked += counted.masked;
    const index = frontier.size;
    const totals = endsLog(draft.kind) ? { entries: index + 1, calls, denied, masked } : undefined;
    const entry = seal(draft, { logId: tail.logId, index, random, totals });
    frontier.append(entry.leafHash);
    entries.push(entry);
    last = { kind: draft.kind, wallMs: draft.wallMs, monoUs: draft.monoUs };
  };
  for (const draft of drafts) {
    if (last === undefined || startsProcess(draft.kind)) {
      add(draft);
      continue;
    }
    const next = notBefore(last, draft);
    if (draft.kind !== 'clock' && clockWentBack(last, next)) add({ kind: 'clock', wallMs: next.wallMs, monoUs: next.monoUs, wireBytes: 0 });
    add(next);
  }
  return { entries, tail: last === undefined ? tail : { logId: tail.logId, frontier, calls, denied, masked, last } };
}

/** What a call can be; opaque is one that could not be decoded. */
const callKinds: ReadonlySet<MessageKind> = new Set<MessageKind>(['request', 'batch', 'http', 'opaque']);

type Countable = Pick<Leaf, 'direction' | 'message' | 'decision'> & { readonly maskedCount?: number };

/** What one entry adds to the counts; takes a draft or a leaf. */
export function countsOf(entry: Countable): Counts {
  const called = entry.direction === 'up' && entry.message !== undefined && callKinds.has(entry.message);
  return { calls: called ? 1 : 0, denied: entry.decision?.effect === 'deny' ? 1 : 0, masked: entry.maskedCount ?? 0 };
}

/** True of the kinds behind which nothing may stand. */
export function endsLog(kind: EntryKind): boolean {
  return kind === 'close' || kind === 'crashed';
}

/** True of the kinds that may come from another process than the entry before, whose monotonic time starts anew. */
export function startsProcess(kind: EntryKind): boolean {
  return kind === 'crashed' || kind === 'gap' || kind === 'restart' || isIndexKind(kind);
}

/** True of the kinds that stand in index logs, which many processes write. */
export function isIndexKind(kind: EntryKind): boolean {
  return entryKinds[kind] >= entryKinds.index;
}

// Drafts of exchanges that overlap may come a little late: both clocks move together, so that none of them seems to jump.
function notBefore(last: Times, draft: EntryDraft): EntryDraft {
  const lateUs = last.monoUs - draft.monoUs;
  return lateUs <= 0 ? draft : { ...draft, monoUs: last.monoUs, wallMs: draft.wallMs + Math.round(lateUs / 1000) };
}

interface Times {
  readonly wallMs: number;
  readonly monoUs: number;
}

/** True where between two entries of one process wall time fell behind monotonic time by more than `limits.clockBackMsMin`. */
export function clockWentBack(before: Times, after: Times): boolean {
  return after.wallMs - before.wallMs < (after.monoUs - before.monoUs) / 1000 - limits.clockBackMsMin;
}

// Verifies one log from what is stored of it: every entry by itself, the entries as a sequence, and both against the log's head.
import { asMcprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { EntryToVerify, Known, LogHead, Removed, StatedHead } from './claims.ts';
import { commitment } from './commitment.ts';
import type { EntryKind } from './entry.ts';
import type { Finding, FindingCode, LogReport } from './findings.ts';
import { decodeLeaf, type Leaf } from './leaf.ts';
import { Frontier, leafHash } from './merkle.ts';
import { type Counts, clockWentBack, countsOf, endsLog, isIndexKind, noCounts, startsProcess } from './tail.ts';

/** Verifies a log. Reads the entries once, in the order given (which must be that of their index), and keeps none of them. */
export function verifyLog(head: LogHead, entries: Iterable<EntryToVerify>, known: Known = {}): LogReport {
  const log = new LogVerifier(head, known);
  for (const entry of entries) log.add(entry);
  return log.finish();
}

/** The same, fed entry by entry. `onLeaf` of `add` sees what could be decoded. */
export class LogVerifier {
  readonly #head: LogHead;
  readonly #frontier = new Frontier();
  readonly #findings: Finding[] = [];
  #more = 0;
  #entries = 0;
  #next = 0;
  #counts: Counts = noCounts;
  #last: { readonly kind: EntryKind; readonly wallMs: number; readonly monoUs: number } | undefined;
  /** By size, the smallest first. */
  readonly #heads: StatedHead[];
  /** Size of the largest stated head that holds. */
  #holdsTo = 0;
  readonly #removed: readonly Removed[];
  readonly #gone = { erasure: 0, retention: 0 };

  constructor(head: LogHead, { heads = [], removed = [] }: Known = {}) {
    this.#head = head;
    this.#heads = heads.toSorted((a, b) => a.size - b.size);
    this.#removed = removed;
    this.#compareHeads();
  }

  /** Notes a finding of the caller's own beside those of this class. */
  report(code: FindingCode, index: number | undefined, message: string): void {
    if (this.#findings.length >= limits.findingsMax) this.#more++;
    else this.#findings.push({ code, message, ...(index !== undefined && { index }) });
  }

  /** Takes the next entry; returns its leaf where it is one. */
  add(entry: EntryToVerify): Leaf | undefined {
    const { index } = entry;
    if (index > this.#next) this.report('entry_missing', this.#next, `${span(this.#next, index - 1)}: removed after it was recorded`);
    this.#next = index + 1;
    this.#entries++;
    const hash = leafHash(entry.leaf);
    this.#frontier.append(hash);
    this.#compareHeads();
    if (entry.leafHash !== undefined && !same(hash, entry.leafHash)) {
      this.report('leaf_hash_differs', index, 'the leaf does not have the hash stored beside it: one of the two was changed');
    }
    const leaf = this.#decode(entry);
    if (leaf === undefined) return undefined;
    if (leaf.logId !== this.#head.logId) this.report('log_differs', index, `the entry belongs to ${leaf.logId}: it was put here from another log`);
    if (leaf.index !== index) this.report('index_differs', index, `the entry at ${index} says that it is number ${leaf.index}: entries were moved or removed`);
    this.#checkContents(entry, leaf);
    this.#checkColumns(entry, leaf);
    this.#checkSequence(index, leaf);
    return leaf;
  }

  finish(): LogReport {
    const { size, root, state, calls, denied, masked, logId } = this.#head;
    if (this.#next < size) this.report('entry_missing', this.#next, `${span(this.#next, size - 1)} at the end: removed after it was recorded`);
    if (this.#next > size) this.report('entry_surplus', size, `the log's head counts ${size} entries, but there are more: they were added by another hand`);
    if (!same(this.#frontier.root(), root)) {
      this.report(
        'root_differs',
        undefined,
        'the entries do not add up to the root of the log: at least one was changed, added or removed after it was recorded',
      );
    }
    const ended = this.#last !== undefined && endsLog(this.#last.kind);
    if (state !== 'open' && !ended)
      this.report('close_missing', undefined, `the session counts as ${state}, but its log has no last entry: the end was removed`);
    if (ended && this.#last?.kind !== (state === 'closed' ? 'close' : 'crashed')) {
      this.report('column_differs', undefined, `the session counts as ${state}, but its log ends with a ${this.#last?.kind} entry`);
    }
    const c = this.#counts;
    if (calls !== c.calls || denied !== c.denied || masked !== c.masked) {
      const stored = `${calls} calls, ${denied} denied, ${masked} masked`;
      this.report('column_differs', undefined, `the session's counts (${stored}) are not those of its entries (${c.calls}, ${c.denied}, ${c.masked})`);
    }
    for (const { by, size: stated } of this.#heads) {
      this.report(
        'end_missing',
        this.#frontier.size,
        `${by} covers ${stated} entries, but only ${this.#frontier.size} are here: the end was cut off, or an older copy was put back`,
      );
    }
    const { erasure: erased, retention: pruned } = this.#gone;
    return { logId, entries: this.#entries, erased, pruned, findings: this.#findings, more: this.#more };
  }

  /** Compares what is stated of the log at the size that it has now. */
  #compareHeads(): void {
    for (let next = this.#heads[0]; next !== undefined && next.size <= this.#frontier.size; next = this.#heads[0]) {
      this.#heads.shift();
      if (same(this.#frontier.root(), next.root)) {
        this.#holdsTo = next.size;
        continue;
      }
      const last = next.size - 1;
      const where = this.#holdsTo < last ? `at least one of the entries ${this.#holdsTo} to ${last}` : `entry ${last}`;
      this.report(
        'head_differs',
        undefined,
        `the first ${next.size} entries do not have the root that ${next.by} states: ${where} was changed or exchanged afterwards`,
      );
    }
  }

  #decode({ leaf, index }: EntryToVerify): Leaf | undefined {
    try {
      return decodeLeaf(leaf);
    } catch (error) {
      this.report('leaf_malformed', index, asMcprecError(error).message);
      return undefined;
    }
  }

  #checkContents(entry: EntryToVerify, leaf: Leaf): void {
    const removal = this.#removed.find(({ from, to }) => entry.index >= from && entry.index < to);
    const committed = leaf.payloadCommitment !== undefined || leaf.namesCommitment !== undefined;
    if (removal !== undefined && committed) {
      if (entry.payload === undefined && entry.names === undefined) {
        this.#gone[removal.kind]++;
        return;
      }
      if (removal.kind === 'erasure' && !removal.mayStay) {
        this.report('erased_restored', entry.index, 'what was erased by authority stands here again: it was put back from a copy');
      }
    }
    this.#checkPayload(entry, leaf);
    this.#checkNames(entry, leaf);
  }

  #checkPayload({ index, payload }: EntryToVerify, leaf: Leaf): void {
    const expected = leaf.payloadCommitment;
    if (payload === undefined) {
      if (expected) this.report('payload_missing', index, 'the recorded payload is gone, and no entry says that it was erased');
    } else if (!expected) this.report('payload_uncommitted', index, 'a payload stands here that the entry does not know: it was added later');
    else if (payload === 'unreadable') this.report('payload_unreadable', index, 'the payload cannot be decompressed: it was changed or is damaged');
    else if (payload.bytes.length !== leaf.storedBytes || !same(commitment('payload', payload.salt, payload.bytes), expected)) {
      this.report('payload_differs', index, 'the payload is not the one that was recorded: it was changed or exchanged');
    }
  }

  #checkNames({ index, names }: EntryToVerify, leaf: Leaf): void {
    const expected = leaf.namesCommitment;
    if (names === undefined) {
      if (expected) this.report('names_missing', index, 'the recorded names (method, tool, …) are gone, and no entry says that they were erased');
    } else if (!expected) this.report('names_uncommitted', index, 'names stand here that the entry does not know: they were added later');
    else if (!same(commitment('names', names.salt, names.bytes), expected)) {
      this.report('names_differ', index, 'the names (method, tool, …) are not those that were recorded: they were changed or exchanged');
    }
  }

  #checkColumns({ index, columns }: EntryToVerify, leaf: Leaf): void {
    if (columns === undefined) return;
    for (const column of ['kind', 'wallMs', 'exchange'] as const) {
      if (column in columns && columns[column] !== leaf[column]) {
        this.report(
          'column_differs',
          index,
          `the ${column} beside the entry is ${columns[column]}, the entry says ${leaf[column]}: lists and searches show what was not recorded`,
        );
      }
    }
  }

  #checkSequence(index: number, leaf: Leaf): void {
    const last = this.#last;
    this.#last = leaf;
    this.#checkKind(index, leaf.kind);
    const counted = countsOf(leaf);
    const { calls, denied, masked } = this.#counts;
    this.#counts = { calls: calls + counted.calls, denied: denied + counted.denied, masked: masked + counted.masked };
    if (last !== undefined) {
      if (endsLog(last.kind)) this.report('entry_after_close', index, 'an entry behind the end of the session: it was added later');
      this.#checkTimes(index, last, leaf);
    }
    if (endsLog(leaf.kind)) this.#checkTotals(index, leaf);
    else if (leaf.totals !== undefined) this.report('totals_differ', index, `a ${leaf.kind} entry states totals, which only the end of a log does`);
  }

  #checkKind(index: number, kind: EntryKind): void {
    const first = this.#entries === 1;
    if (this.#head.role === 'index') {
      if (!isIndexKind(kind)) this.report('index_malformed', index, `a ${kind} entry in an index log: it was put here from a session`);
      if (first !== (kind === 'index'))
        this.report('index_malformed', index, 'an index log begins with one index entry: its beginning was removed, or another put in');
      return;
    }
    if (isIndexKind(kind)) this.report('log_differs', index, `a ${kind} entry in the log of a session: it was put here from an index log`);
    else if (first && kind !== 'open') this.report('open_missing', index, 'the log does not begin with the opening of a session: its beginning was removed');
    if (!first && kind === 'open') this.report('open_repeated', index, 'a second opening within one log');
  }

  #checkTimes(index: number, last: { readonly wallMs: number; readonly monoUs: number }, leaf: Leaf): void {
    if (startsProcess(leaf.kind)) return;
    if (leaf.monoUs < last.monoUs)
      this.report('time_went_back', index, 'monotonic time is before that of the entry in front: entries were reordered, or written by two processes');
    else if (leaf.kind !== 'clock' && clockWentBack(last, leaf)) {
      this.report('clock_unmarked', index, 'the wall clock was set back here without an entry that says so');
    }
  }

  #checkTotals(index: number, { totals, kind }: Leaf): void {
    const { calls, denied, masked } = this.#counts;
    if (totals && totals.entries === index + 1 && totals.calls === calls && totals.denied === denied && totals.masked === masked) return;
    const stated = totals ? `${totals.entries} entries, ${totals.calls} calls, ${totals.denied} denied, ${totals.masked} masked` : 'none';
    this.report('totals_differ', index, `the ${kind} entry's totals (${stated}) are not those of the log (${index + 1}, ${calls}, ${denied}, ${masked})`);
  }
}

function span(from: number, to: number): string {
  return from === to ? `entry ${from} is missing` : `entries ${from} to ${to} are missing`;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

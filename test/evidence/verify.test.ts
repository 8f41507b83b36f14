import { expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import type { EntryToVerify, LogHead } from '../../src/evidence/claims.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import { decodeLeaf, encodeLeaf, type Leaf } from '../../src/evidence/leaf.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { seal } from '../../src/evidence/seal.ts';
import { emptyTail, extend } from '../../src/evidence/tail.ts';
import { verifyLog } from '../../src/evidence/verify.ts';
import { answerDraft, closeDraft, countingRandom, handClock, logId, openDraft, payload, requestDraft } from './samples.ts';

interface Log {
  readonly head: LogHead;
  readonly entries: EntryToVerify[];
}

function build(more: (clock: ReturnType<typeof handClock>) => readonly EntryDraft[] = () => []): Log {
  const clock = handClock();
  const drafts = [openDraft(clock)];
  for (let n = 0; n < 6; n++) {
    clock.advance(10);
    drafts.push(requestDraft(clock, n), answerDraft(clock, n));
  }
  drafts.push(...more(clock), closeDraft(clock));
  const { entries, tail } = extend(emptyTail(logId), drafts, countingRandom());
  const { calls, denied, masked } = tail;
  return {
    head: { logId, size: entries.length, root: tail.frontier.root(), state: 'closed', calls, denied, masked },
    entries: entries.map(({ index, leaf, leafHash: hash, payload, names, draft }) => ({
      index,
      leaf,
      leafHash: hash,
      payload,
      names,
      columns: { kind: draft.kind, wallMs: draft.wallMs, exchange: draft.exchange },
    })),
  };
}

/** The codes found in a log after `change`, in order, each with the entry it names. */
function found(change: (log: { head: LogHead; entries: EntryToVerify[] }) => void, log: Log = build()): string[] {
  const changed = { head: log.head, entries: [...log.entries] };
  change(changed);
  return verifyLog(changed.head, changed.entries).findings.map(({ code, index }) => (index === undefined ? code : `${code} ${index}`));
}

function at(log: { entries: EntryToVerify[] }, index: number): EntryToVerify {
  const entry = log.entries[index];
  if (entry === undefined) throw new Error(`no entry ${index}`);
  return entry;
}

/** Replaces the leaf with an edited one whose stored hash is recomputed. */
function edit(log: { entries: EntryToVerify[] }, index: number, change: Partial<Leaf>): void {
  const entry = at(log, index);
  const leaf = encodeLeaf({ ...decodeLeaf(entry.leaf), ...change });
  log.entries[index] = { ...entry, leaf, leafHash: leafHash(leaf) };
}

test('an untouched log has no findings', () => {
  const { head, entries } = build();
  expect(verifyLog(head, entries)).toEqual({ logId, entries: 14, erased: 0, pruned: 0, findings: [], more: 0 });
});

test('an open log needs no last entry', () => {
  const log = build();
  const { entries, tail } = extend(emptyTail(logId), [openDraft(handClock())], countingRandom());
  expect(verifyLog({ ...log.head, size: 1, root: tail.frontier.root(), state: 'open', calls: 0, masked: 0 }, entries).findings).toEqual([]);
});

test.each<[string, (log: { head: LogHead; entries: EntryToVerify[] }) => void, string[]]>([
  [
    'a payload byte flipped',
    (log) => {
      const entry = at(log, 2);
      if (!entry.payload || entry.payload === 'unreadable') throw new Error('no payload');
      const bytes = Buffer.from(entry.payload.bytes);
      bytes[10] = (bytes[10] ?? 0) ^ 1;
      log.entries[2] = { ...entry, payload: { ...entry.payload, bytes } };
    },
    ['payload_differs 2'],
  ],
  [
    'two payloads swapped',
    (log) => {
      const [a, b] = [at(log, 1), at(log, 3)];
      log.entries[1] = { ...a, payload: b.payload };
      log.entries[3] = { ...b, payload: a.payload };
    },
    ['payload_differs 1', 'payload_differs 3'],
  ],
  ['a payload removed', (log) => (log.entries[1] = { ...at(log, 1), payload: undefined }), ['payload_missing 1']],
  ['a payload damaged beyond decompression', (log) => (log.entries[1] = { ...at(log, 1), payload: 'unreadable' }), ['payload_unreadable 1']],
  ['a payload added', (log) => (log.entries[13] = { ...at(log, 13), payload: { salt: new Uint8Array(32), bytes: payload('x') } }), ['payload_uncommitted 13']],
  ['names changed', (log) => (log.entries[1] = { ...at(log, 1), names: { salt: new Uint8Array(32), bytes: payload('{}') } }), ['names_differ 1']],
  ['names removed', (log) => (log.entries[1] = { ...at(log, 1), names: undefined }), ['names_missing 1']],
  ['names added', (log) => (log.entries[2] = { ...at(log, 2), names: { salt: new Uint8Array(32), bytes: payload('{}') } }), ['names_uncommitted 2']],
  ['an entry edited, its own hash recomputed', (log) => edit(log, 4, { status: 500 }), ['root_differs']],
  [
    'an entry edited, nothing recomputed',
    (log) => (log.entries[4] = { ...at(log, 4), leaf: encodeLeaf({ ...decodeLeaf(at(log, 4).leaf), status: 500 }) }),
    ['leaf_hash_differs 4', 'root_differs'],
  ],
  ['a stored leaf hash changed', (log) => (log.entries[4] = { ...at(log, 4), leafHash: new Uint8Array(32) }), ['leaf_hash_differs 4']],
  ['an entry deleted in the middle', (log) => log.entries.splice(4, 1), ['entry_missing 4', 'root_differs']],
  ['cut at the end', (log) => log.entries.splice(11), ['entry_missing 11', 'root_differs', 'close_missing', 'column_differs']],
  [
    'cut at the end, the head made to fit',
    (log) => {
      log.entries.splice(13);
      const shorter = extend(emptyTail(logId), [], countingRandom()).tail.frontier.copy();
      for (const entry of log.entries) shorter.append(leafHash(entry.leaf));
      log.head = { ...log.head, size: 13, root: shorter.root() };
    },
    ['close_missing'],
  ],
  [
    'two entries in each other’s place',
    (log) => {
      const [a, b] = [at(log, 4), at(log, 6)];
      log.entries[4] = { ...b, index: 4 };
      log.entries[6] = { ...a, index: 6 };
    },
    ['index_differs 4', 'index_differs 6', 'time_went_back 6', 'root_differs'],
  ],
  [
    'an entry added behind the end',
    (log) => log.entries.push({ ...at(log, 2), index: 14 }),
    ['index_differs 14', 'entry_after_close 14', 'time_went_back 14', 'entry_surplus 14', 'root_differs', 'close_missing'],
  ],
  ['an entry of another log', (log) => edit(log, 4, { logId: `log_${'ab'.repeat(16)}` as never }), ['log_differs 4', 'root_differs']],
  ['another root in the head', (log) => (log.head = { ...log.head, root: new Uint8Array(32) }), ['root_differs']],
  ['other counts in the head', (log) => (log.head = { ...log.head, denied: 3 }), ['column_differs']],
  ['called crashed though it was closed', (log) => (log.head = { ...log.head, state: 'crashed' }), ['column_differs']],
  ['called open though it was closed', (log) => (log.head = { ...log.head, state: 'open' }), ['column_differs']],
  [
    'a column beside the leaf changed',
    (log) => (log.entries[3] = { ...at(log, 3), columns: { kind: 'decision', wallMs: 1, exchange: undefined } }),
    ['column_differs 3', 'column_differs 3', 'column_differs 3'],
  ],
  [
    'bytes that are no leaf',
    (log) => (log.entries[3] = { ...at(log, 3), leaf: Buffer.from('nonsense') }),
    ['leaf_hash_differs 3', 'leaf_malformed 3', 'root_differs', 'totals_differ 13', 'column_differs'].sort(),
  ],
  ['the first entries cut off', (log) => log.entries.splice(0, 2), ['entry_missing 0', 'open_missing 2', 'totals_differ 13', 'root_differs', 'column_differs']],
  ['a second opening', (log) => edit(log, 2, { kind: 'open' }), ['column_differs 2', 'open_repeated 2', 'root_differs']],
  ['totals edited', (log) => edit(log, 13, { totals: { entries: 14, calls: 6, denied: 1, masked: 6 } }), ['totals_differ 13', 'root_differs']],
  ['totals taken away', (log) => edit(log, 13, { totals: undefined }), ['totals_differ 13', 'root_differs']],
  ['totals within the log', (log) => edit(log, 3, { totals: { entries: 4, calls: 2, denied: 0, masked: 1 } }), ['totals_differ 3', 'root_differs']],
  ['another length than the payload has', (log) => edit(log, 2, { storedBytes: 7 }), ['payload_differs 2', 'root_differs']],
  ['monotonic time set back', (log) => edit(log, 5, { monoUs: 5 }), ['time_went_back 5', 'root_differs']],
])('%s is found', (_what, change, expected) => {
  const codes = found(change);
  expect([...codes].sort()).toEqual([...expected].sort());
});

test('a clock set back without an entry for it is found, and one with an entry is not', () => {
  const back = (clock: ReturnType<typeof handClock>) => {
    clock.set(clock.wallMs() - 3_600_000);
    return [requestDraft(clock, 50)];
  };
  expect(found(() => {}, build(back))).toEqual([]);
  const sealed = build(back).entries.filter((entry) => entry.columns?.kind !== 'clock');
  expect(sealed).toHaveLength(15);
  expect(found((log) => edit(log, 8, { wallMs: decodeLeaf(at(log, 7).leaf).wallMs - 5_000 }))).toContain('clock_unmarked 8');
});

test('findings are bounded and the rest is counted', () => {
  const { head } = build();
  const many = Array.from({ length: limits.findingsMax + 50 }, (_, index) => ({ index, leaf: Buffer.from('no leaf') }));
  const report = verifyLog(head, many);
  expect(report.findings).toHaveLength(limits.findingsMax);
  expect(report.more).toBeGreaterThan(50);
});

test('a finding says which entry, what is wrong and what it means', () => {
  const log = build();
  log.entries.splice(4, 2);
  const [finding] = verifyLog(log.head, log.entries).findings;
  expect(finding).toEqual({ code: 'entry_missing', index: 4, message: 'entries 4 to 5 are missing: removed after it was recorded' });
});

test('an entry sealed by another hand in place of one is found', () => {
  const log = build();
  const clock = handClock();
  const forged = seal(requestDraft(clock, 1), { logId, index: 3, random: countingRandom('another') });
  expect(
    found((changed) => (changed.entries[3] = { index: 3, leaf: forged.leaf, leafHash: forged.leafHash, payload: forged.payload, names: forged.names }), log),
  ).toContain('root_differs');
});

test('checkpoints on either side of a changed entry say between which it stands', () => {
  const log = build();
  const heads = [4, 5, 8].map((size) => {
    const frontier = new Frontier();
    for (const { leaf } of log.entries.slice(0, size)) frontier.append(leafHash(leaf));
    return { size, root: frontier.root(), by: `the checkpoint of ${size}` };
  });
  const said = (changed: number) => {
    const other = { head: log.head, entries: [...log.entries] };
    edit(other, changed, { status: 500 });
    return verifyLog(other.head, other.entries, { heads }).findings.flatMap(({ code, message }) => (code === 'head_differs' ? [message] : []));
  };
  expect(said(4)[0]).toMatch(/that the checkpoint of 5 states: entry 4 was changed/);
  expect(said(6)[0]).toMatch(/that the checkpoint of 8 states: at least one of the entries 5 to 7 was changed/);
  expect(said(2)[0]).toMatch(/that the checkpoint of 4 states: at least one of the entries 0 to 3 was changed/);
});

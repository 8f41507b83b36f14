import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { markMasked } from '../../src/base/masked.ts';
import { commitment } from '../../src/evidence/commitment.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { answerDraft, requestDraft } from '../evidence/samples.ts';
import { journalPath, open, openSession, recordSession } from './support.ts';

const gateway = 'https://mcprec.example.com';

test('only logs of that gateway with something unsent are pending', async () => {
  using journal = open(journalPath());
  await recordSession(journal, 1);
  const first = await recordSession(journal, 1, { gateway });
  const second = await openSession(journal, { gateway });
  await openSession(journal, { gateway: 'https://other.example.com' });
  const index = { logId: await journal.indexLog(gateway), size: 4, received: 0 };
  expect(journal.pendingLogs(gateway)).toEqual([
    index,
    { logId: first.logId, sessionId: first.sessionId, size: 4, received: 0 },
    { logId: second.logId, sessionId: second.sessionId, size: 1, received: 0 },
  ]);
  expect(journal.syncLag()).toMatchObject({ logs: 3, entries: 6 });
  await journal.markReceived(first.logId, 4);
  await journal.markReceived(second.logId, 1);
  // What the gateway has and has not receipted is asked for again.
  expect(journal.pendingLogs(gateway).map(({ size, received }) => size - received)).toEqual([4, 0, 0]);
  expect(journal.syncLag()).toMatchObject({ logs: 1, entries: 1 });
  expect(journal.findSession(first.sessionId).received).toBe(4);
});

test('the lag is counted from the oldest entry that is missing', async () => {
  using journal = open(journalPath());
  expect(journal.syncLag()).toEqual({ logs: 0, entries: 0 });
  const log = await openSession(journal, { gateway });
  const late = requestDraft(systemClock, 1);
  await log.append([late, requestDraft(systemClock, 2)]);
  await journal.markReceived(log.logId, 1);
  expect(journal.syncLag()).toEqual({ logs: 1, entries: 2, oldestWallMs: late.wallMs });
});

test('batches carry the entries as stored, and the root behind each', async () => {
  using journal = open(journalPath());
  const log = await openSession(journal, { gateway });
  for (let n = 0; n < 10; n++) await log.append([requestDraft(systemClock, n), answerDraft(systemClock, n)]);
  const frontier = new Frontier();
  let from = 0;
  for (;;) {
    const batch = journal.uploadBatch(log.logId, from, { entriesMax: 4, bytesMax: 1024 * 1024, answers: 'sent' });
    expect(batch.from).toBe(from);
    if (batch.entries.length === 0) break;
    expect(batch.entries.length).toBeLessThanOrEqual(4);
    for (const entry of batch.entries) {
      const leaf = decodeLeaf(entry.leaf);
      expect(leaf.index).toBe(from++);
      frontier.append(leafHash(entry.leaf));
      const { payload, names } = entry;
      const stored = payload?.coding === 'zstd' ? zstdDecompressSync(payload.bytes) : payload?.bytes;
      if (payload && stored) expect(Buffer.from(commitment('payload', payload.salt, stored)).equals(leaf.payloadCommitment ?? Buffer.of())).toBe(true);
      if (names) expect(Buffer.from(commitment('names', names.salt, names.bytes)).equals(leaf.namesCommitment ?? Buffer.of())).toBe(true);
    }
    expect(Buffer.from(batch.root).equals(frontier.root())).toBe(true);
  }
  expect(from).toBe(21);
  expect(Buffer.from(frontier.root()).equals(log.root)).toBe(true);
});

test('a batch ends at the byte limit but is never empty', async () => {
  using journal = open(journalPath());
  const log = await openSession(journal, { gateway });
  await log.append(Array.from({ length: 10 }, (_, n) => requestDraft(systemClock, n)));
  expect(journal.uploadBatch(log.logId, 0, { entriesMax: 100, bytesMax: 1, answers: 'sent' }).entries).toHaveLength(1);
  const some = journal.uploadBatch(log.logId, 1, { entriesMax: 100, bytesMax: 1000, answers: 'sent' }).entries.length;
  expect(some).toBeGreaterThan(1);
  expect(some).toBeLessThan(10);
});

test('a batch ends at what its payloads are unpacked, because the gateway unpacks them', async () => {
  using journal = open(journalPath());
  const log = await openSession(journal, { gateway });
  const payload = markMasked(Buffer.alloc(100_000, 'x'));
  await log.append(Array.from({ length: 5 }, (_, n) => ({ ...requestDraft(systemClock, n), payload })));
  expect(journal.uploadBatch(log.logId, 1, { entriesMax: 100, bytesMax: 250_000, answers: 'sent' }).entries).toHaveLength(3);
});

test('the root is right wherever the gateway says it stands', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal, { gateway });
  await log.append(Array.from({ length: 20 }, (_, n) => requestDraft(systemClock, n)));
  const hex = (root: Uint8Array) => Buffer.from(root).toString('hex');
  const expected = Array.from({ length: 21 }, (_, from) => {
    const frontier = new Frontier();
    for (const entry of journal.entries(log.logId, 0, Math.min(from + 3, 21))) frontier.append(leafHash(entry.leafBytes));
    return hex(frontier.root());
  });
  for (const from of [0, 3, 17, 4, 4, 20, 0])
    expect(hex(journal.uploadBatch(log.logId, from, { entriesMax: 3, bytesMax: 1e6, answers: 'sent' }).root)).toBe(expected[from]);
  using other = open(path);
  expect(hex(other.uploadBatch(log.logId, 12, { entriesMax: 3, bytesMax: 1e6, answers: 'sent' }).root)).toBe(expected[12]);
});

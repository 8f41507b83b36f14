// Looking for words: found where they were recorded and nowhere else, also while the journal grows, is erased from, or is another one.
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { markMasked } from '../../src/base/masked.ts';
import { logSigner } from '../../src/evidence/checkpoint.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { textIndexPath } from '../../src/journal/text-index.ts';
import { closeDraft, payload, requestDraft } from '../evidence/samples.ts';
import { journalPath, open, openSession, tamper } from './support.ts';

const signer = logSigner(generateKeyPairSync('ed25519').privateKey);

async function record(journal: Journal, ...texts: readonly unknown[]) {
  const log = await openSession(journal);
  for (const [n, text] of texts.entries()) {
    await log.append([
      requestDraft(systemClock, n, { payload: payload(JSON.stringify({ text })), names: markMasked({ tool: `get_${n}`, method: 'tools/call' }) }),
    ]);
  }
  await log.close(closeDraft(systemClock));
  await journal.notary.sign(log.logId, signer);
  return journal.findSession(log.sessionId);
}

function find(journal: Journal, ...words: string[]): readonly number[] {
  return journal.findText({ words, limit: 100, progress: () => undefined }).map(({ index }) => index);
}

test('all words must be there, as they were written but for case, accents and escapes', async () => {
  using journal = open(journalPath());
  await record(
    journal,
    'Checkout is slow in Zürich',
    JSON.stringify({ metric: 'checkout.latency.p50', note: 'line\nbreak "quoted"' }),
    'checkout p50 latency',
    [9007199254740993n].join(),
  );
  expect(find(journal, 'checkout')).toEqual([3, 2, 1]);
  expect(find(journal, 'CHECKOUT', 'zurich')).toEqual([1]);
  expect(find(journal, 'checkout.latency.p50')).toEqual([2]);
  expect(find(journal, 'break', 'quoted')).toEqual([2]);
  expect(find(journal, 'check')).toEqual([]);
  expect(find(journal, 'check*', 'lat*')).toEqual([3, 2]);
  expect(find(journal, '9007199254740993')).toEqual([4]);
  expect(find(journal, 'get_2')).toEqual([3]);
  expect(find(journal, 'checkout', 'nowhere')).toEqual([]);
});

test('what could be a question to the index is a word', async () => {
  using journal = open(journalPath());
  await record(journal, 'a OR b" AND text:c* (d) NEAR');
  expect(find(journal, 'a"', 'OR', 'NEAR')).toEqual([]);
  expect(find(journal, 'b"', 'AND', 'text:c*', '(d)')).toEqual([1]);
  expect(() => find(journal, '--')).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(() => find(journal)).toThrow(expect.objectContaining({ code: 'usage' }));
});

test.each(['{"metrics":', '{"metrics":null}', '[]', ''])(
  'an entry whose names are damaged (%s) keeps nobody from finding the others, nor what it says itself',
  async (names) => {
    const path = journalPath();
    using journal = open(path);
    await record(journal, 'apple', 'apple', 'pear');
    tamper(path, (db) => void db.prepare('UPDATE entries SET names = ? WHERE names IS NOT NULL AND entry_id % 10 = 1').run(Buffer.from(names)));
    expect(find(journal, 'apple')).toEqual([2, 1]);
  },
);

test('newer sessions come first, what is added is found, and no more is given than was asked for', async () => {
  using journal = open(journalPath());
  const first = await record(journal, 'apple');
  expect(find(journal, 'apple')).toEqual([1]);
  const second = await record(journal, 'pear', 'apple');
  const found = journal.findText({ words: ['apple'], limit: 5, progress: () => undefined });
  expect(found.map(({ sessionId, index, excerpt }) => [sessionId, index, excerpt])).toEqual([
    [second.sessionId, 2, expect.stringContaining('apple')],
    [first.sessionId, 1, expect.stringContaining('apple')],
  ]);
  expect(journal.findText({ words: ['apple'], limit: 1, progress: () => undefined })).toHaveLength(1);
});

test('what is erased is in no index, and the rest is found again', async () => {
  const path = journalPath();
  using journal = open(path);
  const secret = await record(journal, 'forgetthisword here');
  await record(journal, 'this one stays here');
  expect([find(journal, 'here').length, readFileSync(textIndexPath(path)).includes('forgetthisword')]).toEqual([2, true]);
  expect(statSync(textIndexPath(path)).mode & 0o777).toBe(0o600);
  await journal.eraser.remove(secret, { kind: 'erasure', reason: 'asked for', by: 'ada' }, signer);
  expect(existsSync(textIndexPath(path))).toBe(false);
  expect([find(journal, 'forgetthisword'), find(journal, 'here')]).toEqual([[], [1]]);
  expect(readFileSync(textIndexPath(path)).includes('forgetthisword')).toBe(false);
});

test('an index that is damaged, of another journal, or of a later state of it, is made anew', async () => {
  const [path, other] = [journalPath(), journalPath()];
  {
    using journal = open(path);
    await record(journal, 'apple');
  }
  copyFileSync(path, `${path}-then`);
  {
    using journal = open(path);
    await record(journal, 'pear');
    expect(find(journal, 'pear')).toEqual([1]);
  }
  {
    using journal = open(other);
    await record(journal, 'plum');
    copyFileSync(textIndexPath(path), textIndexPath(other));
    expect([find(journal, 'plum'), find(journal, 'pear')]).toEqual([[1], []]);
    writeFileSync(textIndexPath(other), 'no database');
    expect(find(journal, 'plum')).toEqual([1]);
  }
  for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true });
  copyFileSync(`${path}-then`, path);
  using journal = open(path);
  expect([find(journal, 'apple'), find(journal, 'pear')]).toEqual([[1], []]);
});

// A journal's files cut or with a bit flipped, at 500 places each: they open to a verified prefix or with a clear error, never to a record that was not written.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { Finding } from '../../src/evidence/findings.ts';
import { answerDraft, requestDraft } from '../evidence/samples.ts';
import { tempDir } from '../support/temp.ts';
import { allFindings, open, openSession, recordSession, tamper } from './support.ts';

const PLACES = 500;

interface Files {
  readonly db: Buffer;
  readonly wal: Buffer;
}

let whole: Files;
let written: ReadonlyMap<string, readonly string[]>;
const directory = tempDir();
const copy = join(directory.path, 'copy.db');
afterAll(() => directory[Symbol.dispose]());

/** One session lies in the database, one in its write-ahead log, where each entry is a commit of its own. */
beforeAll(async () => {
  const path = join(directory.path, 'journal.db');
  {
    using journal = open(path);
    await recordSession(journal, 8);
  }
  using journal = open(path);
  const log = await openSession(journal);
  for (let n = 0; n < 12; n++) {
    await log.append([requestDraft(systemClock, n)]);
    await log.append([answerDraft(systemClock, n)]);
  }
  whole = { db: readFileSync(path), wal: readFileSync(`${path}-wal`) };
  const { sessions, findings } = place(whole);
  written = sessions;
  expect(findings).toEqual([]);
  expect([...written.values()].map((entries) => entries.length)).toEqual([18, 25]);
});

/** Lays the files down as another journal, verifies it, and reads every session in it. */
function place({ db, wal }: Files): { readonly sessions: ReadonlyMap<string, readonly string[]>; readonly findings: readonly Finding[] } {
  writeFileSync(copy, db);
  writeFileSync(`${copy}-wal`, wal);
  rmSync(`${copy}-shm`, { force: true });
  using journal = open(copy, { mode: 'read' });
  const findings = allFindings(journal);
  if (findings.length > 0) return { sessions: new Map(), findings };
  const entries = (logId: Parameters<typeof journal.walk>[0]) =>
    [...journal.walk(logId)].map(({ leafBytes, payload, names }) =>
      [leafBytes, payload ?? '', JSON.stringify(names ?? {})].map((part) => Buffer.from(part).toString('hex')).join('/'),
    );
  const sessions = new Map(
    journal
      .sessions({ limit: 10 })
      .map(({ sessionId, logId }) => [sessionId, entries(logId)] as const)
      .reverse(),
  );
  return { sessions, findings };
}

type Outcome = { readonly kind: 'error' } | { readonly kind: 'findings' } | { readonly kind: 'verified'; readonly entries: number };

/** Opens the files; what verifies must have been written so, from the first entry on. */
function outcomeOf(files: Files): Outcome {
  try {
    const { sessions, findings } = place(files);
    if (findings.length > 0) return { kind: 'findings' };
    for (const [session, entries] of sessions) expect(entries).toEqual(written.get(session)?.slice(0, entries.length));
    return { kind: 'verified', entries: [...sessions.values()].reduce((sum, { length }) => sum + length, 0) };
  } catch (error) {
    if (!['journal', 'usage'].includes((error as { category?: string }).category ?? '')) throw error;
    return { kind: 'error' };
  }
}

const places = (length: number) => Array.from({ length: PLACES }, (_, n) => Math.floor((length * n) / PLACES));

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
  return changed;
}

function count(outcomes: readonly Outcome[]): Record<Outcome['kind'], number> {
  const counts = { error: 0, findings: 0, verified: 0 };
  for (const { kind } of outcomes) counts[kind]++;
  return counts;
}

test('a write-ahead log that is cut anywhere opens to a verified prefix', () => {
  const outcomes = places(whole.wal.length).map((at) => outcomeOf({ ...whole, wal: whole.wal.subarray(0, at) }));
  expect(count(outcomes)).toEqual({ error: 0, findings: 0, verified: PLACES });
  const sizes = outcomes.map((outcome) => (outcome.kind === 'verified' ? outcome.entries : 0));
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  expect(new Set(sizes).size).toBeGreaterThan(20);
});

test('a bit flipped anywhere in the write-ahead log: what comes behind it is gone, and nothing else', () => {
  const outcomes = places(whole.wal.length).map((at) => outcomeOf({ ...whole, wal: flipped(whole.wal, at) }));
  expect(count(outcomes)).toMatchObject({ error: 0, findings: 0 });
});

test('a database that is cut anywhere, or has a bit flipped anywhere, is damaged, found out, or unharmed', () => {
  // Without the write-ahead log, which would put whole pages over the damage.
  writeFileSync(copy, whole.db);
  writeFileSync(`${copy}-wal`, whole.wal);
  tamper(copy, (db) => db.pragma('wal_checkpoint(TRUNCATE)'));
  const files = { db: readFileSync(copy), wal: Buffer.alloc(0) };
  const cut = count(places(files.db.length).map((at) => outcomeOf({ ...files, db: files.db.subarray(0, at) })));
  const flips = count(places(files.db.length).map((at) => outcomeOf({ ...files, db: flipped(files.db, at) })));
  expect(cut.verified).toBe(0);
  // Most pages of so small a journal are nearly empty.
  expect(flips.findings).toBeGreaterThan(PLACES / 25);
});

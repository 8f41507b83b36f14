import { chmodSync, existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { networkType } from '../../src/journal/disk.ts';
import { createTables, readVersion, upgrade } from '../../src/journal/schema.ts';
import { requestDraft } from '../evidence/samples.ts';
import { allFindings, findingsOf, journalPath, open, openSession, recordSession, tamper, temporaryDirectory } from './support.ts';

const failure = (code: string) => expect.objectContaining({ code });

test('a journal of a newer version is refused, naming both versions', async () => {
  const path = journalPath();
  {
    using journal = open(path);
    await recordSession(journal, 1);
  }
  tamper(path, (db) => db.pragma('user_version = 2'));
  for (const mode of ['read', 'write'] as const) expect(() => open(path, { mode })).toThrow(failure('journal_newer'));
  expect(() => open(path)).toThrow(/format version 2; this mcprec knows versions up to 1/);
});

test('an older journal is brought up step by step, in one transaction', () => {
  const db = new Database(':memory:');
  db.transaction(createTables)(db);
  const ran: number[] = [];
  const step = (n: number) => () => {
    ran.push(n);
    db.exec(`CREATE TABLE added_${n} (x)`);
  };
  upgrade(db, 1, [step(1), step(2)]);
  expect(ran).toEqual([1, 2]);
  expect(db.pragma('user_version', { simple: true })).toBe(3);
  upgrade(db, 2, [step(3), step(4)]);
  expect(ran).toEqual([1, 2, 4]);
  db.close();
});

test('an empty file becomes a journal; another program’s database does not', () => {
  const path = journalPath();
  writeFileSync(path, '');
  open(path)[Symbol.dispose]();
  tamper(path, (db) => expect(readVersion(db)).toBe(1));
  const foreign = journalPath();
  tamper(foreign, (db) => db.exec('CREATE TABLE notes (text)'));
  expect(() => open(foreign)).toThrow(failure('journal_corrupt'));
  tamper(foreign, (db) => expect(db.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['notes']));
});

test('a file that is no database is corrupt', () => {
  const path = journalPath();
  writeFileSync(path, 'this was a journal once. '.repeat(1000));
  for (const mode of ['read', 'write'] as const) expect(() => open(path, { mode })).toThrow(failure('journal_corrupt'));
});

test('there is nothing to read before something was recorded', () => {
  const path = journalPath();
  expect(() => open(path, { mode: 'read' })).toThrow(failure('not_found'));
  expect(existsSync(path)).toBe(false);
});

test('a place where no file can be made is unwritable', () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'file'), '');
  expect(() => open(join(directory, 'file', 'journal.db'))).toThrow(failure('journal_unwritable'));
  expect(() => open(join(directory, 'missing', 'journal.db'))).toThrow(failure('journal_unwritable'));
  mkdirSync(join(directory, 'journal.db'));
  expect(() => open(join(directory, 'journal.db'))).toThrow(failure('journal_unwritable'));
});

test.skipIf(process.getuid?.() === 0)('a read-only directory is unwritable', () => {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o500);
  expect(() => open(join(directory, 'journal.db'))).toThrow(failure('journal_unwritable'));
  chmodSync(directory, 0o700);
});

test('a journal that another process keeps locked is given up after a while, and works again by itself', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  const other = new Database(path);
  other.exec('BEGIN IMMEDIATE');
  const begun = performance.now();
  const waiting = [log.append([requestDraft(systemClock, 1)]), log.append([requestDraft(systemClock, 2)])];
  expect(await Promise.allSettled(waiting)).toMatchObject([{ reason: { code: 'journal_locked' } }, { reason: { code: 'journal_locked' } }]);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(limits.journalBusyMsMax);
  other.exec('ROLLBACK');
  other.close();
  await log.append([requestDraft(systemClock, 3)]);
  expect(journal.entries(log.logId, 1, 10).map((entry) => entry.leaf.kind)).toEqual(['gap', 'message']);
  expect(findingsOf(path)).toEqual([]);
});

test('a lock that is let go of in time is waited for', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  const other = new Database(path);
  other.exec('BEGIN IMMEDIATE');
  const append = log.append([requestDraft(systemClock, 1)]);
  setTimeout(() => other.exec('COMMIT'), 50);
  await append;
  other.close();
  expect(log.size).toBe(2);
});

test('a full journal refuses what waits, and goes on by itself when there is room', async () => {
  const path = journalPath();
  const ballastBytes = 4 * 1024 * 1024;
  open(path)[Symbol.dispose]();
  tamper(path, (db) => db.exec(`CREATE TABLE ballast AS SELECT randomblob(${ballastBytes}) AS bytes`));
  using journal = open(path, { bytesMax: ballastBytes + 1024 * 1024 });
  const log = await openSession(journal);
  const noise = (n: number) => requestDraft(systemClock, n, { payload: incompressible(60_000) });
  let recorded = 0;
  const fill = async () => {
    for (; recorded < 1000; recorded++) await log.append([noise(recorded)]);
  };
  await expect(fill()).rejects.toMatchObject({ code: 'journal_full' });
  expect(recorded).toBeGreaterThan(0);
  expect(log.size).toBe(recorded + 1);
  expect(await Promise.allSettled([log.append([noise(0)]), log.append([noise(0)])])).toMatchObject([
    { reason: { code: 'journal_full' } },
    { reason: { code: 'journal_full' } },
  ]);
  tamper(path, (db) => db.exec('DROP TABLE ballast'));
  await log.append([noise(recorded), noise(recorded + 1)]);
  // Two entries, and in front of them one that says that some are missing.
  expect(log.size).toBe(recorded + 4);
  expect(findingsOf(path)).toEqual([]);
});

function incompressible(length: number) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, length)));
  return bytes as never;
}

test('a file that is damaged under a session: what comes is refused, and recorded again once it is mended', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  await log.append([requestDraft(systemClock, 1)]);
  // Written by another process, so that no page is taken from memory.
  const rewrite = () => tamper(path, (db) => db.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)'));
  rewrite();
  const whole = readFileSync(path);
  writeFileSync(
    path,
    whole.map((byte, i) => (i >= 4096 ? byte ^ 0x5a : byte)),
  );
  await expect(log.append([requestDraft(systemClock, 2)])).rejects.toMatchObject({ code: 'journal_corrupt' });
  expect(log.size).toBe(2);
  writeFileSync(path, whole);
  rewrite();
  await log.append([requestDraft(systemClock, 3)]);
  expect(journal.entries(log.logId, 2, 10).map((entry) => entry.leaf.kind)).toEqual(['gap', 'message']);
  expect(allFindings(journal)).toEqual([]);
});

test('network file systems are told apart by their type', () => {
  expect(networkType(0x6969)).toBe('NFS');
  // As Node gives it where statfs(2) has it signed.
  expect(networkType(0xfe534d42 | 0)).toBe('SMB2');
  expect(networkType(statfsSync(temporaryDirectory()).type)).toBeUndefined();
});

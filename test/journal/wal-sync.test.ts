import { closeSync, fstatSync, openSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { platform } from 'node:process';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WalSync } from '../../src/journal/wal-sync.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

let dir: TempDir;
let db: Database.Database;
let sync: WalSync;
let ended: number;

beforeEach(() => {
  dir = tempDir();
  db = new Database(`${dir.path}/journal.db`);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t (n INTEGER)');
  ended = 0;
  sync = new WalSync(db, () => ended++);
});
afterEach(() => {
  sync.close();
  db.close();
  dir[Symbol.dispose]();
});

const synced = (): Promise<unknown> => new Promise((resolve) => sync.add(resolve, false));
const insert = (n: number): void => void db.prepare('INSERT INTO t VALUES (?)').run(n);

test('all that wait are told, in the order they came', async () => {
  const told: number[] = [];
  const waits = Array.from({ length: 20 }, async (_, n) => {
    insert(n);
    await synced();
    told.push(n);
  });
  expect(told).toEqual([]);
  await Promise.all(waits);
  expect(told).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test('a flush tells those whose sync still runs, too, once', async () => {
  const told: unknown[] = [];
  for (let n = 0; n < 3; n++) sync.add((error) => told.push(error), false);
  sync.flush();
  expect(told).toEqual([undefined, undefined, undefined]);
  await synced();
  expect(told).toHaveLength(3);
});

test('says when a sync has ended, and whether another has to follow for what came meanwhile', async () => {
  const first = synced();
  expect([sync.isRunning, sync.isBehind]).toEqual([true, false]);
  const second = synced();
  expect([sync.isRunning, sync.isBehind]).toEqual([true, true]);
  await first;
  expect(ended).toBe(1);
  expect([sync.isRunning, sync.isBehind]).toEqual([true, false]);
  await second;
  expect(ended).toBe(2);
  expect([sync.isRunning, sync.isBehind]).toEqual([false, false]);
});

test('who waits alone is told at once where the disk was fast, and not before that is known', async () => {
  const told: string[] = [];
  const known = new WalSync(db, () => undefined, Number.POSITIVE_INFINITY);
  const first = new Promise((resolve) => known.add(resolve, true));
  expect(known.isRunning).toBe(true);
  await first;
  known.add(() => told.push('alone'), true);
  expect(told).toEqual(['alone']);
  const among = new Promise((resolve) => known.add(resolve, false));
  expect(known.isRunning).toBe(true);
  await among;
  known.close();
});

test.skipIf(platform !== 'linux')('where the log cannot be synced, a checkpoint brings it into the database file instead', async () => {
  insert(1);
  await synced();
  breakDescriptor(`${dir.path}/journal.db-wal`);
  insert(2);
  const before = statSync(`${dir.path}/journal.db`).size;
  expect(await synced()).toBeUndefined();
  expect(statSync(`${dir.path}/journal.db`).size).toBeGreaterThan(before);
  expect(statSync(`${dir.path}/journal.db-wal`).size).toBe(0);
});

test.skipIf(platform !== 'linux')('where that fails as well, nobody is told that it is durable, until one succeeds', async () => {
  insert(1);
  await synced();
  breakDescriptor(`${dir.path}/journal.db-wal`);
  insert(2);
  const reader = new Database(`${dir.path}/journal.db`, { readonly: true });
  const reading = reader.prepare('SELECT n FROM t').iterate();
  reading.next();
  db.pragma('busy_timeout = 0');
  expect(await synced()).toBeInstanceOf(Error);
  reading.return?.();
  reader.close();
  expect(await synced()).toBeUndefined();
  expect(statSync(`${dir.path}/journal.db-wal`).size).toBe(0);
});

/** Makes the descriptor that `sync` has of that file one that cannot be synced. */
function breakDescriptor(path: string): void {
  const mine = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => linkOf(fd) === path)
    .at(-1);
  if (mine === undefined) throw new Error('the log is not open');
  closeSync(mine);
  // The lowest free number is the one just closed; a device without a disk behind it cannot be synced.
  const other = openSync('/dev/null', 'r');
  if (other !== mine) throw new Error('another descriptor took its place');
  fstatSync(other);
}

function linkOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

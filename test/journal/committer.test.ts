import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { platform } from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { Committer } from '../../src/journal/committer.ts';
import { tempDir } from '../support/temp.ts';

const POOL_THREADS = 4;
/** More turns of the event loop than a busy journal gathers for. */
const TURNS = 20;

/** Holds every thread of Node's pool until it is called: opening a named pipe waits for its writer. */
function holdThreads(directory: string): () => Promise<void> {
  const path = `${directory}/pipe`;
  spawnSync('mkfifo', [path]);
  const opened = Array.from({ length: POOL_THREADS }, () => open(path, 'r'));
  return async () => {
    const writer = openSync(path, constants.O_RDWR);
    for (const reader of await Promise.all(opened)) await reader.close();
    closeSync(writer);
  };
}

test.skipIf(platform !== 'linux')('a full group is written while the disk syncs the one before, but no third one', async () => {
  using dir = tempDir();
  const db = new Database(`${dir.path}/journal.db`);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.exec('CREATE TABLE t (n INTEGER)');
  const insert = db.prepare('INSERT INTO t VALUES (?)');
  const committer = new Committer(db, 'FULL');
  const full = limits.commitEntriesMax;
  let written = 0;
  const append = (): Promise<void> => committer.submit({ entries: 1, bytes: 1, write: () => void insert.run(written++) });
  const release = holdThreads(dir.path);
  const groups = Promise.all(Array.from({ length: 3 * full }, append));
  for (let turn = 0; turn < TURNS; turn++) await nextTurn();
  expect(written).toBe(2 * full);
  await release();
  await groups;
  expect(written).toBe(3 * full);
  committer.close();
  db.close();
});

import type { Database } from 'better-sqlite3';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { markMasked } from '../../src/base/masked.ts';
import { entryKinds } from '../../src/evidence/entry.ts';
import { decodeLeaf, encodeLeaf, type Leaf } from '../../src/evidence/leaf.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { entriesPerLog } from '../../src/journal/schema.ts';
import { closeDraft, requestDraft } from '../evidence/samples.ts';
import { findingsOf, journalPath, open, openSession, recordSession, tamper } from './support.ts';

/** The id of entry `index` in the second of three sessions; the log in front of the first is the index log. */
const at = (index: number) => 3 * entriesPerLog + index;

async function threeSessions(): Promise<string> {
  const path = journalPath();
  using journal = open(path);
  await recordSession(journal, 2);
  const intake = await openSession(journal);
  for (let n = 0; n < 6; n++) {
    await intake.append([requestDraft(systemClock, n, { names: markMasked({ method: 'POST /api/v2/series', metrics: { 'checkout.latency': n + 1 } }) })]);
  }
  await intake.close(closeDraft(systemClock));
  await recordSession(journal, 2);
  return path;
}

async function codesAfter(change: (db: Database) => void): Promise<string[]> {
  const path = await threeSessions();
  expect(findingsOf(path)).toEqual([]);
  tamper(path, change);
  return findingsOf(path).map(({ code, index }) => (index === undefined ? code : `${code} ${index}`));
}

function editLeaf(db: Database, index: number, change: Partial<Leaf>): void {
  const leaf = db.prepare<[number], Buffer>('SELECT leaf FROM entries WHERE entry_id = ?').pluck().get(at(index));
  const edited = encodeLeaf({ ...decodeLeaf(leaf ?? Buffer.of()), ...change });
  db.prepare('UPDATE entries SET leaf = ?, leaf_hash = ?, wall_ms = ? WHERE entry_id = ?').run(edited, leafHash(edited), decodeLeaf(edited).wallMs, at(index));
}

/** Gives the log's head the size, root and last entry that its rows have: what a tamperer with this program would do. */
function mendHead(db: Database): void {
  const rows = db
    .prepare<[number, number], { leaf: Buffer; leaf_hash: Buffer }>(
      'SELECT leaf, leaf_hash FROM entries WHERE entry_id >= ? AND entry_id < ? ORDER BY entry_id',
    )
    .all(at(0), 4 * entriesPerLog);
  const frontier = new Frontier();
  for (const row of rows) frontier.append(row.leaf_hash);
  const last = rows.at(-1);
  const leaf = decodeLeaf(last?.leaf ?? Buffer.of());
  db.prepare('UPDATE logs SET size = ?, frontier = ?, last_kind = ?, last_wall_ms = ?, last_mono_us = ? WHERE log_no = 3').run(
    frontier.size,
    frontier.encode(),
    entryKinds[leaf.kind],
    leaf.wallMs,
    leaf.monoUs,
  );
}

test.each<[string, (db: Database) => void, string[]]>([
  [
    'a payload byte flipped',
    (db) => db.exec(`UPDATE entries SET payload = CAST(replace(payload, 'jsonrpc', 'jsonrpd') AS BLOB) WHERE entry_id = ${at(3)}`),
    ['payload_differs 3'],
  ],
  ['an entry edited with its own hash recomputed', (db) => editLeaf(db, 3, { status: 500 }), ['root_differs', 'head_differs']],
  [
    'an entry deleted in the middle',
    (db) => db.exec(`DELETE FROM entries WHERE entry_id = ${at(3)}`),
    ['entry_missing 3', 'totals_differ 7', 'column_differs', 'root_differs', 'column_differs', 'end_missing 7'],
  ],
  [
    'the end cut off',
    (db) => db.exec(`DELETE FROM entries WHERE entry_id IN (${at(6)}, ${at(7)})`),
    ['column_differs', 'column_differs', 'entry_missing 6', 'root_differs', 'close_missing', 'column_differs', 'end_missing 6'],
  ],
  [
    'the end cut off and the head made to fit',
    (db) => {
      db.exec(`DELETE FROM entries WHERE entry_id = ${at(7)}`);
      mendHead(db);
    },
    ['close_missing', 'end_missing 7'],
  ],
  [
    'two entries in each other’s place',
    (db) => {
      db.exec(
        `UPDATE entries SET entry_id = -1 WHERE entry_id = ${at(2)}; UPDATE entries SET entry_id = ${at(2)} WHERE entry_id = ${at(4)}; UPDATE entries SET entry_id = ${at(4)} WHERE entry_id = -1`,
      );
      mendHead(db);
    },
    ['index_differs 2', 'column_differs 2', 'time_went_back 3', 'index_differs 4', 'time_went_back 4', 'column_differs 4', 'head_differs'],
  ],
  [
    'two payloads swapped',
    (db) => {
      const read = db.prepare<[number], { payload: Buffer; payload_salt: Buffer }>('SELECT payload, payload_salt FROM entries WHERE entry_id = ?');
      const write = db.prepare('UPDATE entries SET payload = ?, payload_salt = ? WHERE entry_id = ?');
      const [four, five] = [read.get(at(4)), read.get(at(5))];
      write.run(five?.payload, five?.payload_salt, at(4));
      write.run(four?.payload, four?.payload_salt, at(5));
    },
    ['payload_differs 4', 'payload_differs 5'],
  ],
  [
    'names changed',
    (db) => db.exec(`UPDATE entries SET names = CAST(replace(names, 'latency', 'laziness') AS BLOB) WHERE entry_id = ${at(3)}`),
    ['names_differ 3', 'column_differs 3'],
  ],
  [
    'the time of an entry changed in its column',
    (db) => db.exec(`UPDATE entries SET wall_ms = wall_ms - 1000 WHERE entry_id = ${at(3)}`),
    ['column_differs 3'],
  ],
  [
    'a session given to somebody else',
    (db) => db.exec(`UPDATE sessions SET identity = replace(identity, 'u-1', 'u-2') WHERE log_no = 3`),
    ['column_differs 0'],
  ],
  ['a session given another connection', (db) => db.exec(`UPDATE sessions SET connection = 'elsewhere' WHERE log_no = 3`), ['column_differs 0']],
  ['a session moved in time', (db) => db.exec(`UPDATE sessions SET opened_ms = opened_ms - 5000 WHERE log_no = 3`), ['column_differs 0']],
  [
    'a session made gateway-less',
    (db) => db.exec(`UPDATE sessions SET gateway = 'https://other.example' WHERE log_no = 3`),
    ['column_differs 0', 'session_unlisted'],
  ],
  ['the counts of a session changed', (db) => db.exec('UPDATE logs SET denied = 1 WHERE log_no = 3'), ['column_differs']],
  ['the end of a session moved in time', (db) => db.exec('UPDATE logs SET last_wall_ms = last_wall_ms + 5000 WHERE log_no = 3'), ['column_differs']],
  ['the last entry of a session called another kind', (db) => db.exec('UPDATE logs SET last_kind = 2 WHERE log_no = 3'), ['column_differs']],
  ['the end of a session moved in its process’s time', (db) => db.exec('UPDATE logs SET last_mono_us = 1 WHERE log_no = 3'), ['column_differs']],
  ['a session called open again', (db) => db.exec('UPDATE logs SET state = 1 WHERE log_no = 3'), ['column_differs']],
  ['the root of a log changed', (db) => db.exec('UPDATE logs SET frontier = zeroblob(length(frontier)) WHERE log_no = 3'), ['store_damaged']],
  ['a metric’s row removed', (db) => db.exec(`DELETE FROM sent WHERE entry_id = ${at(2)}`), ['column_differs 2']],
  ['a metric’s row renamed', (db) => db.exec(`UPDATE sent SET name = 'checkout.other' WHERE entry_id = ${at(2)}`), ['column_differs 2']],
  ['a metric’s row added', (db) => db.exec(`INSERT INTO sent VALUES (1, 'never.sent', ${at(7)}, 4)`), ['column_differs']],
  ['a session removed from the list', (db) => db.exec('DELETE FROM sessions WHERE log_no = 3'), ['session_missing', 'session_missing']],
  [
    'a session and its log removed',
    (db) => db.exec('PRAGMA foreign_keys = OFF; DELETE FROM sessions WHERE log_no = 3; DELETE FROM logs WHERE log_no = 3'),
    ['session_missing', 'session_missing', 'session_missing'],
  ],
  [
    'a session removed whole',
    (db) =>
      db.exec(
        `DELETE FROM sessions WHERE log_no = 3; DELETE FROM entries WHERE entry_id >= ${at(0)} AND entry_id < ${4 * entriesPerLog}; DELETE FROM sent; DELETE FROM logs WHERE log_no = 3`,
      ),
    ['session_missing', 'session_missing'],
  ],
  [
    'the last session removed whole',
    (db) => db.exec(`DELETE FROM sessions WHERE log_no = 4; DELETE FROM entries WHERE entry_id >= ${4 * entriesPerLog}; DELETE FROM logs WHERE log_no = 4`),
    ['session_missing', 'session_missing'],
  ],
  [
    'every entry of a session removed',
    (db) => db.exec(`DELETE FROM entries WHERE entry_id >= ${at(0)} AND entry_id < ${4 * entriesPerLog}`),
    ['open_missing', 'column_differs', 'entry_missing 0', 'root_differs', 'close_missing', 'column_differs', 'end_missing 0'],
  ],
])('%s is found', async (_what, change, expected) => {
  const codes = await codesAfter(change);
  expect([...codes].sort()).toEqual([...expected].sort());
});

// Tampering by somebody who knows the format: entries edited, put in or cut off with every hash and head recomputed. The signed checkpoint shows it.
import { generateKeyPairSync } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { expect, test } from 'vitest';
import { logSigner } from '../../src/evidence/checkpoint.ts';
import { decodeLeaf, encodeLeaf, type Leaf } from '../../src/evidence/leaf.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { entriesPerLog } from '../../src/journal/schema.ts';
import { bytes } from '../evidence/samples.ts';
import { findingsOf, journalPath, open, recordSession, tamper } from './support.ts';

const signer = logSigner(generateKeyPairSync('ed25519').privateKey);
const LOG = 2;

/** Writes the log anew from leaves as `change` makes them, with hashes, numbers, head and the index log's word for it. */
function rewrite(db: Database, change: (leaves: Leaf[]) => Leaf[]): void {
  const rows = db
    .prepare('SELECT * FROM entries WHERE entry_id >= ? AND entry_id < ? ORDER BY entry_id')
    .all(LOG * entriesPerLog, (LOG + 1) * entriesPerLog) as { leaf: Buffer }[];
  const leaves = change(rows.map(({ leaf }) => decodeLeaf(leaf)));
  const frontier = new Frontier();
  db.prepare('DELETE FROM entries WHERE entry_id >= ? AND entry_id < ?').run(LOG * entriesPerLog, (LOG + 1) * entriesPerLog);
  for (const [index, leaf] of leaves.entries()) {
    const encoded = encodeLeaf({ ...leaf, index, ...(leaf.totals && { totals: { ...leaf.totals, entries: index + 1 } }) });
    const before = rows[leaf.index] as Record<string, unknown>;
    frontier.append(leafHash(encoded));
    db.prepare(
      'INSERT INTO entries (entry_id, wall_ms, leaf, leaf_hash, names_salt, names, payload_salt, payload_coding, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ).run(
      LOG * entriesPerLog + index,
      leaf.wallMs,
      encoded,
      leafHash(encoded),
      before.names_salt,
      before.names,
      before.payload_salt,
      before.payload_coding,
      before.payload,
    );
  }
  db.prepare('UPDATE logs SET size = ?, frontier = ? WHERE log_no = ?').run(frontier.size, frontier.encode(), LOG);
}

test.each<[string, (leaves: Leaf[]) => Leaf[], string]>([
  ['an entry edited with all hashes recomputed', (leaves) => leaves.with(3, { ...(leaves[3] as Leaf), status: 500 }), 'head_differs'],
  ['the policy hash changed', (leaves) => leaves.with(3, { ...(leaves[3] as Leaf), policyHash: bytes(32, 0x77) }), 'head_differs'],
  ['an entry deleted in the middle', (leaves) => leaves.toSpliced(4, 1), 'end_missing'],
  ['an entry inserted', (leaves) => leaves.toSpliced(4, 0, leaves[3] as Leaf), 'head_differs'],
  ['two entries reordered', (leaves) => leaves.with(3, leaves[4] as Leaf).with(4, leaves[3] as Leaf), 'head_differs'],
  ['the end cut off', (leaves) => leaves.slice(0, -2), 'end_missing'],
])('%s: the checkpoint shows it', async (_what, change, code) => {
  const path = journalPath();
  {
    using journal = open(path);
    await recordSession(journal, 4);
    await journal.notary.signAll(undefined, signer);
  }
  expect(findingsOf(path)).toEqual([]);
  tamper(path, (db) => rewrite(db, change));
  const found = findingsOf(path).filter((finding) => finding.code === code);
  expect(found.map(({ message }) => message)).toContainEqual(expect.stringContaining('this device signed'));
});

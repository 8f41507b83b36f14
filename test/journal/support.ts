// Journals in temporary directories, and sessions in them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { newId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Finding } from '../../src/evidence/findings.ts';
import { decodeLeaf, encodeLeaf, type Leaf } from '../../src/evidence/leaf.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { type Journal, type JournalOptions, openJournal } from '../../src/journal/journal.ts';
import { entriesPerLog } from '../../src/journal/schema.ts';
import type { SessionLog } from '../../src/journal/session-log.ts';
import { answerDraft, closeDraft, openDraft, requestDraft } from '../evidence/samples.ts';

export const ids = { clock: systemClock, random: systemRandom };

/** A directory that goes with the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mcprec-journal-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function journalPath(): string {
  return join(temporaryDirectory(), 'journal.db');
}

export function open(path: string, more: Partial<JournalOptions> = {}): Journal {
  return openJournal({ path, ...ids, ...more });
}

export function openSession(journal: Journal, more: Record<string, unknown> = {}): Promise<SessionLog> {
  return journal.openSession({ logId: newId('log', ids), open: openDraft(systemClock, { session: newId('ses', ids), ...more }) });
}

/** Records `exchanges` requests and answers in a new session and closes it. */
export async function recordSession(journal: Journal, exchanges: number, more: Record<string, unknown> = {}): Promise<SessionLog> {
  const log = await openSession(journal, more);
  for (let n = 0; n < exchanges; n++) {
    await log.append([requestDraft(systemClock, n)]);
    await log.append([answerDraft(systemClock, n)]);
  }
  await log.close(closeDraft(systemClock));
  return log;
}

/** Every finding of a journal, file-wide ones first. */
export function findingsOf(path: string): Finding[] {
  using journal = open(path, { mode: 'read' });
  return allFindings(journal);
}

export function allFindings(journal: Journal): Finding[] {
  const verifier = journal.verifier();
  return [...verifier.verifyWhole(), ...verifier.sessionIds().flatMap((id) => verifier.verifySession(id).findings)];
}

/** Runs SQL on the file behind the journal's back. */
export function tamper(path: string, change: (db: Database.Database) => void): void {
  const db = new Database(path);
  try {
    change(db);
  } finally {
    db.close();
  }
}

/** Writes a log anew from leaves as `change` makes them, with hashes, numbers, head and the index log's word for it. */
export function rewrite(db: Database.Database, logNo: number, change: (leaves: Leaf[]) => Leaf[]): void {
  const rows = db
    .prepare('SELECT * FROM entries WHERE entry_id >= ? AND entry_id < ? ORDER BY entry_id')
    .all(logNo * entriesPerLog, (logNo + 1) * entriesPerLog) as { leaf: Buffer }[];
  const leaves = change(rows.map(({ leaf }) => decodeLeaf(leaf)));
  const frontier = new Frontier();
  db.prepare('DELETE FROM entries WHERE entry_id >= ? AND entry_id < ?').run(logNo * entriesPerLog, (logNo + 1) * entriesPerLog);
  for (const [index, leaf] of leaves.entries()) {
    const encoded = encodeLeaf({ ...leaf, index, ...(leaf.totals && { totals: { ...leaf.totals, entries: index + 1 } }) });
    const before = rows[leaf.index] as Record<string, unknown>;
    frontier.append(leafHash(encoded));
    db.prepare(
      'INSERT INTO entries (entry_id, wall_ms, leaf, leaf_hash, names_salt, names, payload_salt, payload_coding, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ).run(
      logNo * entriesPerLog + index,
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
  db.prepare('UPDATE logs SET size = ?, frontier = ? WHERE log_no = ?').run(frontier.size, frontier.encode(), logNo);
}

// Writes a session and all that proves it as a bundle (evidence/bundle.ts).

import type { Database } from 'better-sqlite3';
import { toBase64 } from '../base/base64.ts';
import { McprecError } from '../base/errors.ts';
import { idFromBytes, type LogId, type SessionId } from '../base/ids.ts';
import { decodeLeaf } from '../evidence/leaf.ts';
import { hashBytes } from '../evidence/merkle.ts';
import { type PackedRow, packedRows, unpackRow } from './packed-rows.ts';
import { entriesPerLog } from './schema.ts';

interface LogRow {
  readonly log_no: number;
  readonly log_id: Buffer;
}

interface ReceiptRow {
  readonly size: number;
  readonly note: string;
  readonly tree_index: number;
  readonly tree_note: string;
  readonly proof: Buffer;
}

/** The JSON text of a session's bundle, in pieces: a session may be larger than one string should be. Throws `not_found`. */
export function* exportSession(db: Database, sessionId: SessionId, exportedMs: number): Generator<string> {
  const row = db
    .prepare<[string], LogRow & { readonly gateway: string | null }>(
      'SELECT s.log_no, l.log_id, s.gateway FROM sessions s JOIN logs l USING (log_no) WHERE s.session_id = ?',
    )
    .get(sessionId);
  if (row === undefined) throw new McprecError('not_found', `no session ${sessionId} is in the journal`);
  const gateway = row.gateway ?? '';
  const tree = db.prepare<[string], string>('SELECT verifier FROM trees WHERE gateway = ?').pluck().get(gateway);
  const policies = new Set<string>();
  yield `{"mcprec_bundle":1,"session":${JSON.stringify(sessionId)},"exportedMs":${exportedMs}${tree === undefined ? '' : `,"tree":${JSON.stringify(tree)}`},\n"session_log":`;
  yield* exportLog(db, row, (leaf) => {
    const { policyHash } = decodeLeaf(leaf);
    if (policyHash !== undefined) policies.add(Buffer.from(policyHash).toString('hex'));
  });
  yield ',\n"index_logs":[';
  const indexes = db
    .prepare<[string], LogRow>('SELECT i.log_no, l.log_id FROM indexes i JOIN logs l USING (log_no) WHERE i.gateway = ? ORDER BY i.log_no')
    .all(gateway);
  for (const [i, index] of indexes.entries()) {
    if (i > 0) yield ',';
    yield* exportLog(db, index, () => undefined);
  }
  yield `],\n"policies":${JSON.stringify([...policies])}}\n`;
}

function* exportLog(db: Database, { log_no: logNo, log_id: id }: LogRow, seen: (leaf: Uint8Array) => void): Generator<string> {
  const logId: LogId = idFromBytes('log', id);
  yield `{"log":${JSON.stringify(logId)},"entries":[`;
  const base = logNo * entriesPerLog;
  let first = true;
  for (const stored of db.prepare<[number, number], PackedRow>(packedRows).iterate(base, base + entriesPerLog)) {
    const { leaf, payload, names } = unpackRow(stored);
    seen(leaf);
    if (payload === 'unreadable') throw new McprecError('journal_corrupt', 'a payload cannot be decompressed', { remedy: 'run: mcprec verify' });
    const pair = (part: { readonly salt: Uint8Array; readonly bytes: Uint8Array } | undefined) =>
      part && { salt: toBase64(part.salt), bytes: toBase64(part.bytes) };
    yield `${first ? '' : ','}\n${JSON.stringify({ leaf: toBase64(leaf), payload: pair(payload), names: pair(names) })}`;
    first = false;
  }
  const notes = db.prepare<[number], string>('SELECT note FROM checkpoints WHERE log_no = ? ORDER BY size').pluck().all(logNo);
  const receipt = db.prepare<[number], ReceiptRow>('SELECT size, note, tree_index, tree_note, proof FROM receipts WHERE log_no = ?').get(logNo);
  yield `],\n"checkpoints":${JSON.stringify(notes)}${receipt === undefined ? '' : `,"receipt":${receiptJson(receipt)}`}}`;
}

function receiptJson({ size, note, tree_index: treeIndex, tree_note: treeNote, proof }: ReceiptRow): string {
  const hashes = Array.from({ length: proof.length / hashBytes }, (_, i) => toBase64(proof.subarray(i * hashBytes, (i + 1) * hashBytes)));
  return JSON.stringify({ size, note, treeIndex, treeNote, proof: hashes });
}

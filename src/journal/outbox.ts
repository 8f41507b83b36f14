// What the gateway still lacks: which logs, what to upload next, how far behind. Sends nothing itself.
import type { Database, Statement } from 'better-sqlite3';
import { idBytes, type LogId, type SessionId } from '../base/ids.ts';
import { decodeLeaf } from '../evidence/leaf.ts';
import { Frontier } from '../evidence/merkle.ts';
import type { LogUpload, UploadedEntry } from '../protocol/control.ts';
import type { Committer } from './committer.ts';
import { codings, entriesPerLog } from './schema.ts';

export interface PendingLog {
  readonly logId: LogId;
  /** Absent for the index log. */
  readonly sessionId?: SessionId;
  /** Entries in the journal, and those that the gateway has. */
  readonly size: number;
  readonly received: number;
}

/** Of the logs of sessions; the index log follows them. */
export interface SyncLag {
  readonly logs: number;
  readonly entries: number;
  /** Wall time of the oldest entry that the gateway lacks. */
  readonly oldestWallMs?: number;
}

interface PendingRow {
  readonly log_id: Buffer;
  readonly session_id: string | null;
  readonly size: number;
  readonly received: number;
}

interface UploadRow {
  readonly leaf: Buffer;
  readonly leaf_hash: Buffer;
  readonly names_salt: Buffer | null;
  readonly names: Buffer | null;
  readonly payload_salt: Buffer | null;
  readonly payload_coding: number | null;
  readonly payload: Buffer | null;
}

/** Logs of which the frontier at the last upload is kept; another one is counted anew from its leaf hashes. */
const FRONTIERS_KEPT = 64;

/** How much one upload carries. */
export interface BatchBounds {
  readonly entriesMax: number;
  readonly bytesMax: number;
  /** `held`: payloads of answers are left out, because the gateway recorded them before it passed them on. */
  readonly answers: 'sent' | 'held';
}

/** For how long the oldest entry that the gateway lacks has waited, in whole seconds. */
export function lagSeconds({ oldestWallMs }: SyncLag, nowMs: number): number {
  return oldestWallMs === undefined ? 0 : Math.max(0, Math.round((nowMs - oldestWallMs) / 1000));
}

export class Outbox {
  readonly #committer: Committer;
  readonly #pending: Statement<[string], PendingRow>;
  readonly #upload: Statement<[number, number], UploadRow>;
  readonly #hashes: Statement<[number, number], Buffer>;
  readonly #logNo: (logId: LogId) => number;
  readonly #received: Statement<[number, Uint8Array]>;
  readonly #lag: Statement<[], { readonly logs: number; readonly entries: number; readonly oldest: number | null }>;
  readonly #frontiers = new Map<LogId, Frontier>();

  constructor(db: Database, committer: Committer, logNo: (logId: LogId) => number) {
    this.#committer = committer;
    this.#logNo = logNo;
    const logs = "FROM logs l LEFT JOIN sessions s USING (log_no) LEFT JOIN indexes i USING (log_no) WHERE coalesce(s.gateway, i.gateway, '')";
    const unsent = 'FROM sessions s JOIN logs l USING (log_no) WHERE s.gateway IS NOT NULL AND l.received < l.size';
    const unreceipted = 'coalesce((SELECT r.size FROM receipts r WHERE r.log_no = l.log_no), 0) < l.size';
    this.#pending = db.prepare(
      `SELECT l.log_id, s.session_id, l.size, l.received ${logs} = ? AND coalesce(i.current, 1) = 1 AND (l.received < l.size OR ${unreceipted}) ORDER BY l.log_no`,
    );
    this.#upload = db.prepare(
      `SELECT leaf, leaf_hash, names_salt, names, payload_salt, payload_coding, payload FROM entries WHERE entry_id >= ? AND entry_id < ? ORDER BY entry_id`,
    );
    this.#hashes = db.prepare<[number, number], Buffer>('SELECT leaf_hash FROM entries WHERE entry_id >= ? AND entry_id < ? ORDER BY entry_id').pluck();
    this.#received = db.prepare('UPDATE logs SET received = ? WHERE log_id = ?');
    this.#lag = db.prepare(
      `SELECT count(*) AS logs, coalesce(sum(l.size - l.received), 0) AS entries,
         min((SELECT wall_ms FROM entries WHERE entry_id = l.log_no * ${entriesPerLog} + l.received)) AS oldest ${unsent}`,
    );
  }

  /** Logs of that gateway (its origin) with entries that it lacks, or has not receipted, the oldest first. Without index logs that another one has replaced. */
  pending(gateway: string): PendingLog[] {
    return this.#pending.all(gateway).map((row) => ({
      logId: `log_${row.log_id.toString('hex')}` as LogId,
      ...(row.session_id !== null && { sessionId: row.session_id as SessionId }),
      size: row.size,
      received: row.received,
    }));
  }

  /** The next upload from index `from` on: at least one entry where there is one, at most `entriesMax`, ending where their bytes before compression reach `bytesMax`. */
  upload(logId: LogId, from: number, { entriesMax, bytesMax, answers }: BatchBounds): LogUpload {
    const base = this.#logNo(logId) * entriesPerLog;
    const frontier = this.#frontierAt(logId, base, from);
    const entries: UploadedEntry[] = [];
    let bytes = 0;
    for (const row of this.#upload.iterate(base + from, base + from + entriesMax)) {
      entries.push(readUpload(row, answers));
      frontier.append(row.leaf_hash);
      // As the gateway will have it before it: unpacked.
      bytes += row.leaf.length + (row.names?.length ?? 0) + (row.payload === null ? 0 : decodeLeaf(row.leaf).storedBytes);
      if (bytes >= bytesMax) break;
    }
    this.#keep(logId, frontier);
    return { from, entries, root: frontier.root() };
  }

  /** Notes durably that the gateway has the first `size` entries. */
  markReceived(logId: LogId, size: number): Promise<void> {
    return this.#committer.submit({ entries: 1, bytes: 0, write: () => this.#received.run(size, idBytes(logId)) });
  }

  lag(): SyncLag {
    const row = this.#lag.get();
    return { logs: row?.logs ?? 0, entries: row?.entries ?? 0, ...(row?.oldest != null && { oldestWallMs: row.oldest }) };
  }

  /** The caller appends to it and keeps it. */
  #frontierAt(logId: LogId, base: number, size: number): Frontier {
    const kept = this.#frontiers.get(logId);
    if (kept?.size === size) return kept;
    const frontier = new Frontier();
    for (const hash of this.#hashes.iterate(base, base + size)) frontier.append(hash);
    return frontier;
  }

  #keep(logId: LogId, frontier: Frontier): void {
    this.#frontiers.delete(logId);
    this.#frontiers.set(logId, frontier);
    const [oldest] = this.#frontiers.keys();
    if (this.#frontiers.size > FRONTIERS_KEPT && oldest !== undefined) this.#frontiers.delete(oldest);
  }
}

function readUpload(row: UploadRow, answers: BatchBounds['answers']): UploadedEntry {
  const { payload_salt: payloadSalt, names_salt: namesSalt } = row;
  const names = row.names !== null && namesSalt !== null ? { names: { salt: namesSalt, bytes: row.names } } : undefined;
  if (answers === 'held' && payloadSalt !== null && decodeLeaf(row.leaf).direction === 'down') return { leaf: row.leaf, held: payloadSalt, ...names };
  return {
    leaf: row.leaf,
    ...(row.payload !== null &&
      payloadSalt !== null && { payload: { salt: payloadSalt, bytes: row.payload, coding: row.payload_coding === codings.zstd ? 'zstd' : 'identity' } }),
    ...names,
  };
}

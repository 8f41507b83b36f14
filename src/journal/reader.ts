// Reads the journal: the list of sessions, a session's entries in bounded batches, who sent a metric.
import type { Database, Statement } from 'better-sqlite3';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { idBytes, type LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { decodeLeaf } from '../evidence/leaf.ts';
import { decodeNames, type StoredEntry } from '../evidence/seal.ts';
import { decodePayload } from './coding.ts';
import { type EntryPlace, type EntryPlaceRow, placeOf } from './entry-place.ts';
import { codings, entriesPerLog, type SentKind, sentKinds } from './schema.ts';
import { readSummary, type SessionRow, type SessionSummary, type SummaryState, sessionRows } from './session-rows.ts';

export interface SessionQuery {
  readonly limit: number;
  readonly connection?: string;
  readonly state?: SummaryState;
  /** Only what stands behind this one in the list. */
  readonly after?: Pick<SessionSummary, 'openedMs' | 'sessionId'>;
}

/** One batch, or query, that named a metric, check or event. */
export interface Sent extends EntryPlace {
  /** Points or events under that name in the batch; 1 for a query. */
  readonly count: number;
  /** True where policy refused the batch, so that it never left. */
  readonly denied: boolean;
  /** True where the name stands in a query of an MCP call: it was asked for and not sent. */
  readonly asked: boolean;
}

interface EntryRow {
  readonly entry_id: number;
  readonly leaf: Buffer;
  readonly names: Buffer | null;
  readonly payload_coding: number | null;
  readonly payload: Buffer | null;
}

interface SentRow extends EntryPlaceRow {
  readonly count: number;
  readonly leaf: Buffer;
}

export class JournalReader {
  readonly #clock: Clock;
  readonly #newest: Statement<[number, string], SessionRow>;
  readonly #byPrefix: Statement<[string, string], SessionRow>;
  readonly #logNo: Statement<[Uint8Array], number>;
  readonly #whole: Statement<[number, number, number], EntryRow>;
  readonly #outline: Statement<[number, number, number], EntryRow>;
  readonly #sent: Statement<[number, string, number], SentRow>;

  constructor(db: Database, clock: Clock) {
    this.#clock = clock;
    this.#newest = db.prepare(`${sessionRows} WHERE (s.opened_ms, s.session_id) < (?, ?) ORDER BY s.opened_ms DESC, s.session_id DESC`);
    this.#byPrefix = db.prepare(`${sessionRows} WHERE s.session_id >= ? AND s.session_id < ? ORDER BY s.session_id LIMIT 2`);
    this.#logNo = db.prepare<[Uint8Array], number>('SELECT log_no FROM logs WHERE log_id = ?').pluck();
    const rows = (payload: string) => `SELECT entry_id, leaf, names, ${payload} FROM entries WHERE entry_id >= ? AND entry_id < ? ORDER BY entry_id LIMIT ?`;
    this.#whole = db.prepare(rows('payload_coding, payload'));
    this.#outline = db.prepare(rows('NULL AS payload_coding, NULL AS payload'));
    this.#sent = db.prepare(
      `SELECT s.session_id, s.connection, s.identity, e.entry_id, e.wall_ms, t.count, e.leaf
       FROM sent t JOIN entries e USING (entry_id) JOIN sessions s ON s.log_no = e.entry_id / ${entriesPerLog}
       WHERE t.kind = ? AND t.name = ? ORDER BY e.wall_ms DESC, e.entry_id DESC LIMIT ?`,
    );
  }

  /** Newest first. */
  sessions({ limit, connection, state, after }: SessionQuery): SessionSummary[] {
    const found: SessionSummary[] = [];
    if (limit <= 0) return found;
    for (const row of this.#newest.iterate(after?.openedMs ?? Number.MAX_SAFE_INTEGER, after?.sessionId ?? '')) {
      const summary = readSummary(row, this.#clock.wallMs());
      if ((connection !== undefined && summary.connection !== connection) || (state !== undefined && summary.state !== state)) continue;
      found.push(summary);
      if (found.length >= limit) break;
    }
    return found;
  }

  /** The session with that id, or the only one whose id begins so (`ses_` may be left out). Throws `not_found`, `id_ambiguous`. */
  findSession(idOrPrefix: string): SessionSummary {
    const prefix = idOrPrefix.startsWith('ses_') ? idOrPrefix : `ses_${idOrPrefix}`;
    // `g` sorts behind every hex digit.
    const rows = /^ses_[0-9a-f]{1,32}$/.test(prefix) ? this.#byPrefix.all(prefix, `${prefix}g`) : [];
    const [row, second] = rows;
    if (row === undefined) throw new McprecError('not_found', `no session ${idOrPrefix} is in the journal`, { remedy: 'list them with: mcprec sessions list' });
    if (second !== undefined) throw new McprecError('id_ambiguous', `more than one session begins with ${idOrPrefix}`);
    return readSummary(row, this.#clock.wallMs());
  }

  /** Entries of a log from index `from` on, at most `limit`, fewer where payloads reach `limits.readBytesMax`. Throws `not_found`, `journal_corrupt`. */
  entries(logId: LogId, from: number, limit: number): StoredEntry[] {
    return this.#read(this.#whole, logId, from, limit);
  }

  /** The same without payloads, for lists. */
  outline(logId: LogId, from: number, limit: number): StoredEntry[] {
    return this.#read(this.#outline, logId, from, limit);
  }

  /** The batches and queries that named this metric, check or event, newest first. */
  whoSent(kind: SentKind, name: string, limit: number): Sent[] {
    return this.#sent.all(sentKinds[kind], name, limit).map((row) => {
      const { exchange, decision, message } = decodeLeaf(row.leaf);
      return {
        ...placeOf(row, exchange),
        count: row.count,
        denied: decision?.effect === 'deny',
        asked: message !== 'http',
      };
    });
  }

  /** The number of a log within this file. Throws `not_found`. */
  logNo(logId: LogId): number {
    const logNo = this.#logNo.get(idBytes(logId));
    if (logNo === undefined) throw new McprecError('not_found', `no log ${logId} is in the journal`);
    return logNo;
  }

  #read(statement: Statement<[number, number, number], EntryRow>, logId: LogId, from: number, limit: number): StoredEntry[] {
    const base = this.logNo(logId) * entriesPerLog;
    const found: StoredEntry[] = [];
    let bytes = 0;
    for (const row of statement.iterate(base + from, base + entriesPerLog, Math.min(limit, limits.readEntriesMax))) {
      const entry = readEntry(row);
      found.push(entry);
      bytes += entry.payload?.length ?? 0;
      if (bytes >= limits.readBytesMax) break;
    }
    return found;
  }
}

function readEntry(row: EntryRow): StoredEntry {
  const index = row.entry_id % entriesPerLog;
  // A damaged file can hold anything in any column.
  for (const bytes of [row.leaf, row.names ?? NONE, row.payload ?? NONE]) if (!Buffer.isBuffer(bytes)) throw damaged(index, 'is not stored as bytes');
  const leaf = decodeLeaf(row.leaf);
  const payload =
    row.payload === null
      ? undefined
      : decodePayload({ coding: row.payload_coding === codings.zstd ? 'zstd' : 'identity', bytes: row.payload }, leaf.storedBytes);
  if (row.payload !== null && payload === undefined) throw damaged(index, 'has a payload that cannot be decompressed');
  return { index, leaf, leafBytes: row.leaf, ...(payload && { payload }), ...(row.names && { names: decodeNames(row.names) }) };
}

const NONE = Buffer.alloc(0);

function damaged(index: number, what: string): McprecError {
  return new McprecError('journal_corrupt', `entry ${index} ${what}`, { remedy: 'run: mcprec verify' });
}

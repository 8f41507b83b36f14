// The statements that write: a new session, its entries, the head of its log. Each runs within a transaction of the committer's.
import type { Database, Statement } from 'better-sqlite3';
import { McprecError } from '../base/errors.ts';
import { idBytes, type LogId } from '../base/ids.ts';
import { type EntryKind, entryKinds } from '../evidence/entry.ts';
import { Frontier } from '../evidence/merkle.ts';
import type { Opening } from '../evidence/opening.ts';
import type { SealedEntry } from '../evidence/seal.ts';
import { emptyTail, isIndexKind, type LogTail } from '../evidence/tail.ts';
import { encodePayload } from './coding.ts';
import type { Owner } from './owner.ts';
import { codings, entriesPerLog, indexState, type LogState, logStates, type SentKind, sentKinds } from './schema.ts';

interface TailRow {
  readonly log_id: Buffer;
  readonly frontier: Buffer;
  readonly last_kind: number;
  readonly last_wall_ms: number;
  readonly last_mono_us: number;
  readonly calls: number;
  readonly denied: number;
  readonly masked: number;
}

export class LogWriter {
  readonly #insertLog: Statement;
  readonly #insertSession: Statement;
  readonly #insertEntry: Statement;
  readonly #insertSent: Statement;
  readonly #advance: Statement;
  readonly #setState: Statement;
  readonly #head: Statement<[number], { readonly size: number; readonly state: number }>;
  readonly #tail: Statement<[number], TailRow>;

  constructor(db: Database) {
    this.#insertLog = db.prepare(
      `INSERT INTO logs (log_id, state, size, frontier, last_kind, last_wall_ms, last_mono_us, calls, denied, masked, owner_pid, owner_start)
       VALUES (?, ${logStates.open}, 0, ?, 0, 0, 0, 0, 0, 0, ?, ?)`,
    );
    this.#insertSession = db.prepare(
      'INSERT INTO sessions (session_id, log_no, connection, kind, record, gateway, identity, opened_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#insertEntry = db.prepare(
      `INSERT INTO entries (entry_id, wall_ms, leaf, leaf_hash, names_salt, names, payload_salt, payload_coding, payload)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertSent = db.prepare('INSERT INTO sent (kind, name, entry_id, count) VALUES (?, ?, ?, ?)');
    this.#advance = db.prepare(
      `UPDATE logs SET size = ?, frontier = ?, last_kind = ?, last_wall_ms = ?, last_mono_us = ?, calls = ?, denied = ?, masked = ? WHERE log_no = ?`,
    );
    // Apart, because SQLite writes an index anew where its column is set, even to the same value: a page more in every commit.
    this.#setState = db.prepare('UPDATE logs SET state = ? WHERE log_no = ? AND state <> ?');
    this.#head = db.prepare('SELECT size, state FROM logs WHERE log_no = ?');
    this.#tail = db.prepare('SELECT log_id, frontier, last_kind, last_wall_ms, last_mono_us, calls, denied, masked FROM logs WHERE log_no = ?');
  }

  /** Adds the row of an empty log; returns its number. */
  createLog(logId: LogId, owner: Owner): number {
    const { lastInsertRowid } = this.#insertLog.run(idBytes(logId), emptyTail(logId).frontier.encode(), owner.pid, owner.start);
    return Number(lastInsertRowid);
  }

  /** Adds the rows of a session and its empty log; returns the log's number. */
  createSession(opening: Opening, logId: LogId, openedMs: number, owner: Owner): number {
    const logNo = this.createLog(logId, owner);
    const identity = opening.identity === undefined ? null : JSON.stringify(opening.identity);
    this.#insertSession.run(opening.session, logNo, opening.connection, opening.kind, opening.record, opening.gateway ?? null, identity, openedMs);
    return logNo;
  }

  insert(logNo: number, entry: SealedEntry): void {
    const { draft, payload, names } = entry;
    const id = logNo * entriesPerLog + entry.index;
    const coded = payload && (draft.prepared ?? encodePayload(payload.bytes));
    this.#insertEntry.run(
      id,
      draft.wallMs,
      entry.leaf,
      entry.leafHash,
      names?.salt ?? null,
      names?.bytes ?? null,
      payload?.salt ?? null,
      coded ? codings[coded.coding] : null,
      coded?.bytes ?? null,
    );
    if (draft.names?.metrics) this.#insertNames('metric', id, draft.names.metrics);
    if (draft.names?.checks) this.#insertNames('check', id, draft.names.checks);
    if (draft.names?.events) this.#insertNames('event', id, draft.names.events);
  }

  /** Throws `session_closed` or `journal_forked` where the log is not open at `size` entries: another process wrote to it. */
  expect(logNo: number, size: number): void {
    const head = this.#head.get(logNo);
    if (head?.size === size && head.state === logStates.open) return;
    if (head !== undefined && head.state !== logStates.open && size < head.size) {
      throw new McprecError('session_closed', 'another mcprec took this process for dead and closed its session');
    }
    throw new McprecError('journal_forked', 'the log of this session was changed by another process');
  }

  /** Writes the tail of a log as its head. */
  advance(logNo: number, { frontier, last, calls, denied, masked }: LogTail): void {
    if (last === undefined) return;
    const state = isIndexKind(last.kind) ? indexState : logStates[stateAfter(last.kind)];
    if (state !== logStates.open) this.#setState.run(state, logNo, state);
    this.#advance.run(frontier.size, frontier.encode(), entryKinds[last.kind], last.wallMs, last.monoUs, calls, denied, masked, logNo);
  }

  /** The tail as stored. Throws `journal_corrupt`. */
  readTail(logNo: number): LogTail {
    const row = this.#tail.get(logNo);
    if (row === undefined) throw new McprecError('journal_corrupt', 'the log of an open session is gone');
    const { calls, denied, masked } = row;
    const kind = (Object.keys(entryKinds) as EntryKind[]).find((k) => entryKinds[k] === row.last_kind);
    const logId = `log_${row.log_id.toString('hex')}` as LogId;
    const last = kind && { kind, wallMs: row.last_wall_ms, monoUs: row.last_mono_us };
    return { logId, frontier: Frontier.decode(row.frontier), calls, denied, masked, ...(last && { last }) };
  }

  #insertNames(kind: SentKind, entryId: number, counts: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(counts)) this.#insertSent.run(sentKinds[kind], name, entryId, count);
  }
}

function stateAfter(last: EntryKind): LogState {
  if (last === 'close') return 'closed';
  return last === 'crashed' ? 'crashed' : 'open';
}

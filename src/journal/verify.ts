// Verifies the journal session by session: each log with evidence/verify.ts, and every column that lists and searches read.
import type { Database, Statement } from 'better-sqlite3';
import { asMcprecError, McprecError } from '../base/errors.ts';
import { idBytes, type SessionId } from '../base/ids.ts';
import type { EntryToVerify, LogHead } from '../evidence/claims.ts';
import { entryKinds } from '../evidence/entry.ts';
import type { Finding, LogReport } from '../evidence/findings.ts';
import type { Leaf } from '../evidence/leaf.ts';
import { readOpening } from '../evidence/opening.ts';
import { decodeNames } from '../evidence/seal.ts';
import { LogVerifier } from '../evidence/verify.ts';
import { whenFree } from './busy.ts';
import { journalError } from './errors.ts';
import { IndexReader } from './index-reader.ts';
import { type PackedRow, packedRows, unpackRow } from './packed-rows.ts';
import { entriesPerLog, sentKinds } from './schema.ts';
import { logIdOf, readHead, type SessionRow, sessionRows } from './session-rows.ts';

export interface SessionReport extends LogReport {
  readonly sessionId: SessionId;
  readonly connection: string;
  /** Entries that a checkpoint of the device covers, and a gateway's receipt. What nobody else has seen is self-attested. */
  readonly signed: number;
  readonly receipted: number;
}

type FullSessionRow = SessionRow & { readonly last_kind: number; readonly last_mono_us: number };

export class JournalVerifier {
  readonly #db: Database;
  readonly #session: Statement<[string], FullSessionRow>;
  readonly #ids: Statement<[], string>;
  readonly #entries: Statement<[number, number], PackedRow>;
  readonly #sent: Statement<[number], { readonly kind: number; readonly name: string; readonly count: number }>;
  readonly #sentTotal: Statement<[number, number], number>;
  readonly #index: IndexReader;

  constructor(db: Database) {
    this.#db = db;
    this.#index = new IndexReader(db);
    this.#session = db.prepare(`${sessionRows.replace('SELECT ', 'SELECT l.last_kind, l.last_mono_us, ')} WHERE s.session_id = ?`);
    this.#ids = db.prepare<[], string>('SELECT session_id FROM sessions ORDER BY opened_ms, session_id').pluck();
    this.#entries = db.prepare(packedRows);
    this.#sent = db.prepare('SELECT kind, name, count FROM sent WHERE entry_id = ?');
    this.#sentTotal = db.prepare<[number, number], number>('SELECT count(*) FROM sent WHERE entry_id >= ? AND entry_id < ?').pluck();
  }

  /** Every session's id, the oldest first. */
  sessionIds(): SessionId[] {
    return whenFree(this.#db.name, () => this.#ids.all()) as SessionId[];
  }

  /** Verifies one session as it stands at this moment; writers may go on. Memory does not grow with the session. Throws `journal_corrupt`. */
  verifySession(sessionId: SessionId): SessionReport {
    const verify = this.#db.transaction(() => {
      const row = this.#session.get(sessionId);
      if (row === undefined) throw new McprecError('journal_corrupt', `the journal lists the session ${sessionId}, but does not hold it`);
      return { sessionId, connection: row.connection, ...this.#verifyLog(row) };
    });
    return whenFree(this.#db.name, verify);
  }

  /** What is wrong with the journal as a whole: sessions that are gone without their traces. */
  verifyWhole(): Finding[] {
    const verify = this.#db.transaction(() => [...this.#missingSessions(), ...this.#strayEntries(), ...this.#indexFindings()]);
    return whenFree(this.#db.name, verify);
  }

  #verifyLog(row: FullSessionRow): Omit<SessionReport, 'sessionId' | 'connection'> {
    const head = readHeadOr(row);
    if (head.code !== undefined) return { logId: logIdOf(row), entries: 0, erased: 0, pruned: 0, signed: 0, receipted: 0, findings: [head], more: 0 };
    const { heads, removed, faults, signed, receipted } = this.#index.beside(row.log_no, head.logId, row.gateway ?? '');
    const log = new LogVerifier(head, { heads: heads ?? [], removed: removed ?? [] });
    for (const fault of faults) log.report('signature_invalid', undefined, fault);
    if (
      !this.#index
        .contents()
        .get(row.gateway ?? '')
        ?.opened.has(head.logId)
    ) {
      log.report('session_unlisted', undefined, 'no index log lists this session: it was put in, or taken out of the index');
    }
    try {
      this.#addEntries(log, row);
    } catch (error) {
      log.report('store_damaged', undefined, `${journalError(error, this.#db.name).message}: entries behind this place could not be read`);
    }
    return { ...log.finish(), signed, receipted };
  }

  #addEntries(log: LogVerifier, row: FullSessionRow): void {
    const base = row.log_no * entriesPerLog;
    let last: Leaf | undefined;
    let sent = 0;
    for (const stored of this.#entries.iterate(base, base + entriesPerLog)) {
      const entry = unpackRow(stored);
      const leaf = log.add(entry);
      sent += this.#checkSent(log, entry, stored.entry_id);
      if (leaf?.kind === 'open') checkOpening(log, entry, leaf, row);
      last = leaf ?? last;
    }
    // A session is written together with its first entry.
    if (last === undefined) log.report('open_missing', undefined, 'no entry of the session is left');
    if (this.#sentTotal.get(base, base + entriesPerLog) !== sent) {
      log.report('column_differs', undefined, 'the index of metric, check and event names has rows that no entry of this session accounts for');
    }
    if (last !== undefined && (entryKinds[last.kind] !== row.last_kind || last.wallMs !== row.last_wall_ms || last.monoUs !== row.last_mono_us)) {
      log.report('column_differs', undefined, 'kind or times of the last entry in the session’s head are not those of its last entry');
    }
  }

  /** Compares the index of names with the entry's; returns how many rows it accounts for. */
  #checkSent(log: LogVerifier, { index, names }: EntryToVerify, entryId: number): number {
    if (names === undefined) return 0;
    const expected = sentRows(names.bytes);
    if (expected.length === 0) return 0;
    const found = this.#sent.all(entryId).map(({ kind, name, count }) => rowKey(kind, name, count));
    if (found.sort().join('\n') !== expected.sort().join('\n')) {
      log.report(
        'column_differs',
        index,
        'the index of metric, check and event names differs from the names that were recorded: a search by them shows what was not sent',
      );
    }
    return found.length;
  }

  *#missingSessions(): Generator<Finding> {
    const numbers = this.#db.prepare<[], { readonly log_no: number; readonly session: string | null }>(
      'SELECT l.log_no, coalesce(s.session_id, i.log_no) AS session FROM logs l LEFT JOIN sessions s USING (log_no) LEFT JOIN indexes i USING (log_no) ORDER BY l.log_no',
    );
    const last = this.#db.prepare<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'logs'`).pluck().get() ?? 0;
    const gone = (from: number, to: number): Finding => ({
      code: 'session_missing',
      message: `${from === to ? `session number ${from}` : `sessions number ${from} to ${to}`} of this journal: gone without a trace but the number`,
    });
    let next = 1;
    for (const { log_no: logNo, session } of numbers.iterate()) {
      if (logNo > next) yield gone(next, logNo - 1);
      if (session === null) yield { code: 'session_missing', message: `the session of log number ${logNo} is gone from the list, its log is still there` };
      next = logNo + 1;
    }
    if (next <= last) yield gone(next, last);
  }

  *#indexFindings(): Generator<Finding> {
    const known = this.#db.prepare<[Uint8Array], number>('SELECT 1 FROM sessions JOIN logs USING (log_no) WHERE log_id = ?').pluck();
    for (const { reports, opened } of this.#index.contents().values()) {
      for (const { logId, findings } of reports) {
        for (const { code, index, message } of findings)
          yield { code, message: `index log ${logId}${index === undefined ? '' : `, entry ${index}`}: ${message}` };
      }
      for (const logId of opened) {
        if (known.get(idBytes(logId)) === undefined) yield { code: 'session_missing', message: `the index log lists the session of ${logId}, which is gone` };
      }
    }
  }

  *#strayEntries(): Generator<Finding> {
    const first = this.#db.prepare<[number], number>('SELECT entry_id FROM entries WHERE entry_id >= ? ORDER BY entry_id LIMIT 1').pluck();
    const known = this.#db.prepare<[number], number>('SELECT 1 FROM logs WHERE log_no = ?').pluck();
    for (let id = first.get(0); id !== undefined; ) {
      const logNo = Math.floor(id / entriesPerLog);
      if (known.get(logNo) === undefined) yield { code: 'session_missing', message: `entries of log number ${logNo} are there, the log itself is gone` };
      id = first.get((logNo + 1) * entriesPerLog);
    }
  }
}

function checkOpening(log: LogVerifier, { index, payload }: EntryToVerify, leaf: Leaf, row: SessionRow): void {
  if (payload === undefined || payload === 'unreadable') return;
  try {
    const opening = readOpening(payload.bytes);
    const identity = opening.identity === undefined ? null : JSON.stringify(opening.identity);
    const pairs: readonly (readonly [string, unknown, unknown])[] = [
      ['time', row.opened_ms, leaf.wallMs],
      ['id', row.session_id, opening.session],
      ['connection', row.connection, opening.connection],
      ['kind', row.kind, opening.kind],
      ['record mode', row.record, opening.record],
      ['gateway', row.gateway, opening.gateway ?? null],
      ['identity', row.identity, identity],
    ];
    for (const [what, listed, recorded] of pairs) {
      if (listed !== recorded) log.report('column_differs', index, `the session's ${what} is listed as ${listed}, but was opened as ${recorded}`);
    }
  } catch (error) {
    log.report('leaf_malformed', index, journalError(error, '').message);
  }
}

function sentRows(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  // Most names have none of these, and are not worth parsing.
  if (!text.includes('"metrics"') && !text.includes('"checks"') && !text.includes('"events"')) return [];
  try {
    const names = decodeNames(bytes);
    return [
      ...Object.entries(names.metrics ?? {}).map(([name, count]) => rowKey(sentKinds.metric, name, count)),
      ...Object.entries(names.checks ?? {}).map(([name, count]) => rowKey(sentKinds.check, name, count)),
      ...Object.entries(names.events ?? {}).map(([name, count]) => rowKey(sentKinds.event, name, count)),
    ];
  } catch {
    // Names that cannot be read do not match their commitment either: that finding is made elsewhere.
    return [];
  }
}

function rowKey(kind: number, name: string, count: number): string {
  return JSON.stringify([kind, name, count]);
}

function readHeadOr(row: SessionRow): (LogHead & { readonly code?: undefined }) | Finding {
  try {
    return readHead(row);
  } catch (error) {
    return { code: 'store_damaged', message: `the head of the session's log cannot be read: ${asMcprecError(error).message}` };
  }
}

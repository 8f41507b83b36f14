// Reads what was written on both sides, the journal and the gateway's store, into one shape, and recomputes the log's root from it.
import Database from 'better-sqlite3';
import { systemClock } from '../../src/base/clock.ts';
import { idFromBytes } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import { decodeLeaf, type Leaf } from '../../src/evidence/leaf.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { countsOf } from '../../src/evidence/tail.ts';
import { decodePayload } from '../../src/journal/coding.ts';
import { openJournal } from '../../src/journal/journal.ts';

export interface RecordedEntry {
  readonly leaf: Leaf;
  /** Caller-supplied names, as JSON. */
  readonly names: string;
  /** The masked payload, decompressed. */
  readonly payload: string;
}

export interface RecordedLog {
  readonly logId: string;
  readonly sessionId: string;
  readonly connection: string;
  /** Who saw it: the laptop's forwarder or the gateway. */
  readonly vantage: string;
  /** Recomputed from the leaves, hex. */
  readonly root: string;
  /** Counted from the leaves. */
  readonly calls: number;
  readonly denied: number;
  readonly masked: number;
  readonly entries: readonly RecordedEntry[];
}

export interface StoredSession {
  readonly session_id: string;
  readonly connection: string;
  readonly subject: string;
  readonly state: string;
  readonly reason: string | null;
}

const decoder = new TextDecoder();

/** Every log of the laptop's journal. */
export function readJournal(path: string): RecordedLog[] {
  const journal = openJournal({ path, clock: systemClock, random: systemRandom, mode: 'read' });
  try {
    return journal.sessions({ limit: 100 }).map(({ sessionId, connection, logId }) => {
      const stored = [...journal.walk(logId)];
      const entries = stored.map(({ leaf, names, payload }) => ({
        leaf,
        names: names === undefined ? '' : JSON.stringify(names),
        payload: payload === undefined ? '' : decoder.decode(payload),
      }));
      const leaves = stored.map(({ leafBytes }) => leafBytes);
      return { logId, sessionId, connection, vantage: 'forwarder', ...summary(leaves, entries) };
    });
  } finally {
    journal[Symbol.dispose]();
  }
}

interface StoredLogRow {
  readonly log: Buffer;
  readonly session_id: string;
  readonly connection: string;
  readonly vantage: string;
}
interface StoredEntryRow {
  readonly leaf: Buffer;
  readonly coding: string | null;
  readonly payload: Buffer | null;
  readonly names: Buffer | null;
}

const logRows = 'SELECT l.log, l.session_id, s.connection, l.vantage FROM logs l JOIN sessions s USING (session_id) ORDER BY s.opened_ms, l.vantage';
const entryRows = 'SELECT leaf, payload_coding AS coding, payload, names FROM entries WHERE log = ? ORDER BY idx';

/** Every log in the gateway's store: what the laptop sent, and what the gateway recorded itself. */
export function readStore(path: string): RecordedLog[] {
  return readOnly(path, (db) =>
    db
      .prepare<[], StoredLogRow>(logRows)
      .all()
      .map(({ log, session_id, connection, vantage }) => {
        const rows = db.prepare<[Buffer], StoredEntryRow>(entryRows).all(log);
        const entries = rows.map(({ leaf, coding, payload, names }) => ({
          leaf: decodeLeaf(leaf),
          names: names?.toString('utf8') ?? '',
          payload: payload === null ? '' : inflate(payload, coding),
        }));
        const leaves = rows.map(({ leaf }) => leaf);
        return { logId: idFromBytes('log', log), sessionId: session_id, connection, vantage, ...summary(leaves, entries) };
      }),
  );
}

/** The sessions in the gateway's store, oldest first. */
export function readSessions(path: string): StoredSession[] {
  return readOnly(path, (db) => db.prepare<[], StoredSession>('SELECT session_id, connection, subject, state, reason FROM sessions ORDER BY opened_ms').all());
}

function readOnly<T>(path: string, read: (db: Database.Database) => T): T {
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    return read(db);
  } finally {
    db.close();
  }
}

function inflate(bytes: Buffer, coding: string | null): string {
  const plain = decodePayload({ bytes, coding: coding === 'zstd' ? 'zstd' : 'identity' });
  if (plain === undefined) throw new Error('a payload in the store of the gateway cannot be decompressed');
  return decoder.decode(plain);
}

function summary(leaves: readonly Uint8Array[], entries: readonly RecordedEntry[]): Pick<RecordedLog, 'root' | 'calls' | 'denied' | 'masked' | 'entries'> {
  const frontier = new Frontier();
  for (const leaf of leaves) frontier.append(leafHash(leaf));
  const counts = entries.map(({ leaf }) => countsOf(leaf));
  const sum = (member: 'calls' | 'denied' | 'masked') => counts.reduce((total, count) => total + count[member], 0);
  return { root: Buffer.from(frontier.root()).toString('hex'), calls: sum('calls'), denied: sum('denied'), masked: sum('masked'), entries };
}

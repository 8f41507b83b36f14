// The gateway's own logs in the store: opening one again after a restart, appending, reading entries back.
import type { Kysely, Selectable } from 'kysely';
import { McprecError } from '../base/errors.ts';
import { type ExchangeId, idBytes, idFromBytes, type LogId, type SessionId } from '../base/ids.ts';
import type { EntryDraft, EntryKind } from '../evidence/entry.ts';
import { Frontier } from '../evidence/merkle.ts';
import { emptyTail, endsLog, type LogTail } from '../evidence/tail.ts';
import { claimStatement } from './claim.ts';
import { logOf } from './log-record.ts';
import { codingOf } from './rows.ts';
import type { EntryTable, LogTable, Tables } from './schema.ts';
import type { LogStore, SessionLog, StoredRow } from './store.ts';
import type { OwnedLog, Writer } from './writer.ts';

/** The logs that this process writes: one object each, however often it is asked for, so that each has one tail. */
export class OwnedLogs {
  readonly #db: Kysely<Tables>;
  /** Of open sessions. */
  readonly #logs = new Map<SessionId, OwnedLog>();

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** A log that begins here. */
  begin(sessionId: SessionId, logId: LogId): OwnedLog {
    const log: OwnedLog = { tail: emptyTail(logId), resumed: false };
    this.#logs.set(sessionId, log);
    return log;
  }

  /** The gateway's log of a session; undefined where there is none. */
  async get(sessionId: SessionId): Promise<OwnedLog | undefined> {
    const before = this.#logs.get(sessionId);
    if (before !== undefined) return before;
    const row = await this.#db.selectFrom('logs').selectAll().where('session_id', '=', sessionId).where('vantage', '=', 'gateway').executeTakeFirst();
    if (row === undefined) return undefined;
    const log: OwnedLog = { tail: tailOf(row), resumed: true };
    // One that has ended is only looked at. For the others, somebody else may have come first while the row was read.
    if (log.tail.last !== undefined && endsLog(log.tail.last.kind)) return log;
    const meanwhile = this.#logs.get(sessionId) ?? log;
    this.#logs.set(sessionId, meanwhile);
    return meanwhile;
  }

  /** After its last entry, or where it did not come to be. */
  forget(sessionId: SessionId): void {
    this.#logs.delete(sessionId);
  }
}

/** The tail of the log in that row. */
export function tailOf(row: Selectable<LogTable>): LogTail {
  const { last_kind: kind, last_wall_ms: wallMs, last_mono_us: monoUs } = row;
  return {
    logId: idFromBytes('log', row.log),
    frontier: Frontier.decode(row.frontier),
    calls: row.calls,
    denied: row.denied,
    masked: row.masked,
    ...(kind !== null && wallMs !== null && monoUs !== null && { last: { kind: kind as EntryKind, wallMs, monoUs } }),
  };
}

/** The part of a store that reads and appends to logs; uploads come by `ingest`. */
export function logQueries(db: Kysely<Tables>, writer: Writer, logs: OwnedLogs): Omit<LogStore, 'ingest'> {
  const claimOf = claimStatement(db);
  return {
    async openLog(sessionId) {
      const log = await logs.get(sessionId);
      return log && sessionLog(claimOf, writer, sessionId, log);
    },
    async log(logId) {
      const row = await db.selectFrom('logs').selectAll().where('log', '=', idBytes(logId)).executeTakeFirst();
      return row && logOf(row);
    },
    async gatewayIndex() {
      const row = await db.selectFrom('logs').selectAll().where('vantage', '=', 'gateway-index').executeTakeFirst();
      return row && logOf(row);
    },
    async leaves(logId, from, limit) {
      const rows = await db
        .selectFrom('entries')
        .select('leaf')
        .where('log', '=', idBytes(logId))
        .where('idx', '>=', from)
        .orderBy('idx')
        .limit(limit)
        .execute();
      return rows.map(({ leaf }) => leaf);
    },
    async entries(logId, from, limit) {
      const rows = await db
        .selectFrom('entries')
        .select(['idx', 'leaf', 'leaf_hash', 'received_ms', 'payload_salt', 'payload_coding', 'payload', 'names_salt', 'names'])
        .where('log', '=', idBytes(logId))
        .where('idx', '>=', from)
        .orderBy('idx')
        .limit(limit)
        .execute();
      return rows.map(rowOf);
    },
  };
}

function sessionLog(claimOf: ReturnType<typeof claimStatement>, writer: Writer, sessionId: SessionId, log: OwnedLog): SessionLog {
  const claims = (exchange: ExchangeId) => claimOf(sessionId, exchange);
  return {
    logId: log.tail.logId,
    async append(drafts) {
      const written = await writer.commit({ guards: begun(drafts).map(claims), append: { log, drafts } });
      if (!written) throw new McprecError('exchange_repeated', 'this call was made before and is not executed again');
    },
    claim: (exchange) => writer.commit({ guards: [claims(exchange)] }),
  };
}

/** The exchanges that these entries begin: what comes from the client does. */
function begun(drafts: readonly EntryDraft[]): readonly ExchangeId[] {
  const found = new Set<ExchangeId>();
  for (const { direction, exchange } of drafts) if (direction === 'up' && exchange !== undefined) found.add(exchange);
  return [...found];
}

type Row = Omit<Selectable<EntryTable>, 'log' | 'exchange' | 'direction'>;

function rowOf(row: Row): StoredRow {
  const { payload, payload_salt: payloadSalt, names, names_salt: namesSalt } = row;
  return {
    index: row.idx,
    leaf: row.leaf,
    leafHash: row.leaf_hash,
    receivedMs: row.received_ms,
    ...(payload !== null && payloadSalt !== null && { payload: { salt: payloadSalt, bytes: payload, coding: codingOf(row.payload_coding) } }),
    ...(names !== null && namesSalt !== null && { names: { salt: namesSalt, bytes: names } }),
  };
}

// Takes the contents of sessions out of the store for good, and says so in the gateway's index log. Leaves, and who had the session, stay.
import type { Compilable, Kysely, Selectable } from 'kysely';
import { McprecError } from '../base/errors.ts';
import { idBytes, idFromBytes, type LogId, type SessionId } from '../base/ids.ts';
import type { GatewayIndex } from './gateway-index.ts';
import type { Removal, RemovalStore } from './removal-store.ts';
import { noContents } from './rows.ts';
import type { LogTable, Tables } from './schema.ts';
import type { Write, Writer } from './writer.ts';

interface RemovalParts {
  readonly db: Kysely<Tables>;
  readonly writer: Writer;
  readonly index: GatewayIndex;
}

/** Entries of a log, `to` not included. */
export interface Span {
  readonly logId: LogId;
  readonly from: number;
  readonly to: number;
  /** Of a retention: entries that are in the tree. */
  readonly receipted?: number;
}

/** The opening stays: who had the session is what the log is for. */
export const FIRST_REMOVED = 1;
/** How often it is tried where an upload came in between. */
const TRIES_MAX = 5;

type HeldLog = Selectable<LogTable> & { readonly in_tree: number | null };

/** The part of a store that takes contents out; what concerns the file as a whole is the implementation's. */
export function removalQueries({ db, writer, index }: RemovalParts): Omit<RemovalStore, 'usedBytes' | 'rewrite'> {
  return {
    async removeContents(sessionId, removal) {
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        const write = await removalWrite({ db, index }, sessionId, removal);
        if (await writer.commit(write)) return;
      }
      throw new McprecError('journal_locked', `${sessionId} is uploaded at this moment`, { remedy: 'try again' });
    },
    async prunable(limit) {
      const rows = await db
        .selectFrom('sessions as s')
        .select(['s.session_id', 's.ended_ms'])
        .where('s.state', '<>', 'open')
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('logs as l')
              .select('l.log')
              .whereRef('l.session_id', '=', 's.session_id')
              .where('l.removal', 'is', null)
              .where('l.size', '>', FIRST_REMOVED),
          ),
        )
        // What contradicts itself is kept, and what is not in the tree yet.
        .where(({ exists, not, selectFrom }) =>
          not(
            exists(
              selectFrom('logs as l')
                .leftJoin('witnessed as w', 'w.log', 'l.log')
                .select('l.log')
                .whereRef('l.session_id', '=', 's.session_id')
                .where(({ or, eb, fn }) => or([eb('l.quarantine', 'is not', null), eb('l.size', '>', fn.coalesce('w.size', eb.lit(0)))])),
            ),
          ),
        )
        .orderBy('s.ended_ms')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ sessionId: row.session_id as SessionId, endedMs: row.ended_ms ?? 0 }));
    },
    async removalsOf(logId) {
      const rows = await db.selectFrom('removals').selectAll().where('log', '=', idBytes(logId)).orderBy('index_idx').execute();
      return rows.map((row) => ({ indexLog: idFromBytes('log', row.index_log), index: row.index_idx }));
    },
  };
}

async function removalWrite({ db, index }: Pick<RemovalParts, 'db' | 'index'>, sessionId: SessionId, removal: Removal): Promise<Write> {
  const session = await db.selectFrom('sessions').select('state').where('session_id', '=', sessionId).executeTakeFirst();
  if (session === undefined) throw new McprecError('not_found', 'there is no such session');
  if (session.state === 'open') throw new McprecError('usage', `session ${sessionId} is open`, { remedy: 'revoke its grant first' });
  const logs: HeldLog[] = await db
    .selectFrom('logs as l')
    .leftJoin('witnessed as w', 'w.log', 'l.log')
    .selectAll('l')
    .select('w.size as in_tree')
    .where('l.session_id', '=', sessionId)
    .execute();
  const spans = logs.flatMap((log) => spanOf(log, removal));
  return {
    // Not where an upload has come since: its entries would be left out.
    guards: logs.map((log) =>
      db
        .updateTable('logs')
        .set({ removal: JSON.stringify(removal) })
        .where('log', '=', log.log)
        .where('size', '=', log.size),
    ),
    statements: [
      ...spans.map(({ logId }) => db.updateTable('entries').set(noContents).where('log', '=', idBytes(logId)).where('idx', '>=', FIRST_REMOVED)),
      db.deleteFrom('approvals').where('session_id', '=', sessionId),
    ],
    index: await statedBy({ db, index }, spans, sessionId, removal),
  };
}

function spanOf({ log, size, in_tree: inTree }: HeldLog, { kind }: Removal): Span[] {
  if (size <= FIRST_REMOVED) return [];
  if (kind === 'retention' && (inTree ?? 0) < size) throw new McprecError('usage', 'not all of the session is in the tree yet');
  return [{ logId: idFromBytes('log', log), from: FIRST_REMOVED, to: size, ...(kind === 'retention' && { receipted: size }) }];
}

/** The part of a write that says in the gateway's index log that these contents are gone. */
export async function statedBy(
  { db, index }: Pick<RemovalParts, 'db' | 'index'>,
  spans: readonly Span[],
  session: SessionId,
  { kind, reason, by }: Removal,
): Promise<NonNullable<Write['index']>> {
  const log = await index.log();
  const indexLog = log.tail.logId;
  return {
    log,
    drafts: () =>
      spans.map(({ logId, ...span }) => index.draft({ kind, subject: logId, stated: { session, ...span, reason, ...(by !== undefined && { by }) } })),
    noted: (first) => spans.map(({ logId }, i) => noteRemoval(db, logId, { indexLog, index: first + i })),
  };
}

/** Notes where an index log says that contents of a log are gone. */
export function noteRemoval(db: Kysely<Tables>, logId: LogId, at: { readonly indexLog: LogId; readonly index: number }): Compilable {
  return db
    .insertInto('removals')
    .values({ log: idBytes(logId), index_log: idBytes(at.indexLog), index_idx: at.index })
    .onConflict((on) => on.doNothing());
}

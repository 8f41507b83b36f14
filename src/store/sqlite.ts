// Opens a gateway's store on SQLite.
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import type { LogTail } from '../evidence/tail.ts';
import { approvalQueries } from './approvals.ts';
import { deliveryQueries } from './deliveries.ts';
import { GatewayIndex } from './gateway-index.ts';
import { guardQueries } from './guards.ts';
import { ingest } from './ingest.ts';
import { logQueries, OwnedLogs } from './logs.ts';
import { removalQueries } from './removals.ts';
import { entryStatements } from './rows.ts';
import type { Tables } from './schema.ts';
import { sessionLifetime, sessionQueries } from './sessions.ts';
import { storeError } from './sqlite-errors.ts';
import { SqliteWriter } from './sqlite-writer.ts';
import type { Store } from './store.ts';
import { treeQueries } from './tree.ts';
import { applicationId, upgrades } from './upgrades.ts';

export interface StoreOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Called with the new tail of each log of the gateway's that has grown. */
  readonly advanced?: (tail: LogTail) => void;
}

const BUSY_MS = 2_000;

/**
 * Opens the store in `file`, making it and its directory (0700) where they are missing, and upgrading an older one.
 * Throws `journal_newer`, `journal_corrupt`, `journal_locked` or `journal_unwritable`.
 */
export function openSqliteStore(file: string, options: StoreOptions): Store {
  const sqlite = openFile(file);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: sqlite }) });
  const writer = new SqliteWriter({ sqlite, db, ...options });
  const logs = new OwnedLogs(db);
  const index = new GatewayIndex(db, writer, options);
  const statements = entryStatements(db);
  return {
    ...sessionQueries({ db, writer }),
    ...sessionLifetime({ db, writer, logs, index }),
    ...logQueries(db, writer, logs),
    ...guardQueries(db, writer),
    ...treeQueries(db, writer),
    ...approvalQueries({ db, writer, logs, index }),
    ...deliveryQueries(db, writer),
    ...removalQueries({ db, writer, index }),
    usedBytes: () => usedBytes(sqlite),
    rewrite: () => rewrite(sqlite),
    ingest: (logId, upload, nowMs) => ingest({ db, writer, index, statements }, logId, upload, nowMs),
    async close() {
      await writer.drain();
      writer.close();
      await db.destroy();
    },
  };
}

function openFile(file: string): Database.Database {
  let sqlite: Database.Database | undefined;
  try {
    if (!existsSync(file)) {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      // For its user alone, also in a directory that others can read: SQLite gives its side files the same mode.
      closeSync(openSync(file, 'a', 0o600));
    }
    sqlite = new Database(file, { timeout: BUSY_MS });
    // As of the journal: entries of 1 to 3 KB.
    sqlite.pragma('page_size = 8192');
    sqlite.pragma('journal_mode = WAL');
    // The writer syncs, beside the thread and not within the commit.
    sqlite.pragma('synchronous = NORMAL');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma('secure_delete = ON');
    upgrade(sqlite, file);
    return sqlite;
  } catch (error) {
    sqlite?.close();
    const known = storeError(error);
    if (known instanceof McprecError) throw known;
    throw new McprecError('journal_unwritable', `cannot open the gateway’s store ${file}: ${(error as Error).message}`, { cause: error });
  }
}

function usedBytes(sqlite: Database.Database): number {
  const value = (name: string) => sqlite.pragma(name, { simple: true }) as number;
  return (value('page_count') - value('freelist_count')) * value('page_size');
}

// `secure_delete` overwrites what is removed where it stands, but SQLite leaves copies behind when it moves rows from one page to the next.
async function rewrite(sqlite: Database.Database): Promise<void> {
  try {
    sqlite.exec('VACUUM');
    // Old copies of pages are in the write-ahead log until it is emptied; a backup that reads them is waited for, calls go on meanwhile.
    for (let tries = 0; tries < limits.walEmptyTriesMax; tries++) {
      if (tries > 0) await sleep(limits.walEmptyPauseMs);
      if (emptyWal(sqlite)) return;
    }
  } catch (error) {
    throw storeError(error);
  }
  throw new McprecError('journal_locked', 'the contents are removed, but another process keeps old pages of the store in use', {
    remedy: 'end what reads the file, such as a backup, and do it again',
  });
}

/** False where a reader keeps it from that. */
function emptyWal(sqlite: Database.Database): boolean {
  sqlite.pragma('busy_timeout = 0');
  const [result] = sqlite.pragma('wal_checkpoint(TRUNCATE)') as { readonly busy: number }[];
  sqlite.pragma(`busy_timeout = ${BUSY_MS}`);
  return result?.busy === 0;
}

function upgrade(sqlite: Database.Database, file: string): void {
  sqlite
    .transaction(() => {
      const version = sqlite.pragma('user_version', { simple: true }) as number;
      const id = sqlite.pragma('application_id', { simple: true }) as number;
      const empty = sqlite.prepare('SELECT count(*) AS n FROM sqlite_schema').pluck().get() === 0;
      if (!empty && id !== applicationId) {
        throw new McprecError('journal_corrupt', `${file} is no store of a gateway`, { remedy: 'set data to another file' });
      }
      if (version > upgrades.length)
        throw new McprecError('journal_newer', `the gateway’s store ${file} is of version ${version}; this program knows ${upgrades.length}`);
      for (const sql of upgrades.slice(version)) sqlite.exec(sql);
      sqlite.pragma(`application_id = ${applicationId}`);
      sqlite.pragma(`user_version = ${upgrades.length}`);
    })
    .immediate();
}

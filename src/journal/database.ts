// Opens the journal's SQLite file: checks what it is, creates or upgrades it, sets what durability and secrecy need.
import { closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { McprecError } from '../base/errors.ts';
import { whenFree } from './busy.ts';
import { refuseNetwork } from './disk.ts';
import { journalError } from './errors.ts';
import { createTables, readVersion, schemaVersion, upgrade } from './schema.ts';

export interface DatabaseOptions {
  readonly path: string;
  readonly mode: 'read' | 'write';
  /** `FULL`: a commit survives a power cut; `NORMAL`: the end of the process. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** The file's bound; beyond it writing fails with `journal_full`. */
  readonly bytesMax?: number;
}

// Entries of 1–3 KB: measured, pages of 8 KiB take half as many again a second as the default of 4 KiB.
const PAGE_BYTES = 8192;
const WAL_BYTES_KEPT = 64 * 1024 * 1024;

/** Throws `journal_*`, or `not_found` where there is nothing to read. */
export function openDatabase(options: DatabaseOptions): Database.Database {
  const { path, mode } = options;
  prepareFile(path, mode);
  refuseNetwork(dirname(path));
  const db = connect(path, mode);
  try {
    whenFree(path, () => settle(db, options));
    return db;
  } catch (error) {
    db.close();
    throw journalError(error, path);
  }
}

function connect(path: string, mode: 'read' | 'write'): Database.Database {
  try {
    return new Database(path, { timeout: 0, readonly: mode === 'read', fileMustExist: true });
  } catch (error) {
    throw journalError(error, path);
  }
}

/** Creates a missing file for this user only: SQLite gives its side files the same mode. */
function prepareFile(path: string, mode: 'read' | 'write'): void {
  try {
    if (mode === 'read') statSync(path);
    else closeSync(openSync(path, 'a', 0o600));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (mode === 'read' && code === 'ENOENT') {
      throw new McprecError('not_found', `there is no journal at ${path} yet`, { cause, remedy: 'record something first, with: mcprec connect' });
    }
    throw new McprecError(code === 'ENOSPC' ? 'journal_full' : 'journal_unwritable', `the journal ${path} cannot be opened (${message})`, { cause });
  }
}

function settle(db: Database.Database, { mode, synchronous, bytesMax }: DatabaseOptions): void {
  // The file may have been tampered with: nothing in its schema may run functions.
  db.pragma('trusted_schema = OFF');
  db.pragma('cell_size_check = ON');
  const version = readVersion(db);
  if (mode === 'read') {
    if (version < schemaVersion)
      throw new McprecError('not_found', `the journal ${db.name} is empty or of an older format`, { remedy: 'open it for writing once, with: mcprec connect' });
    return;
  }
  if (version === 0) db.pragma(`page_size = ${PAGE_BYTES}`);
  if (db.pragma('journal_mode = WAL', { simple: true }) !== 'wal')
    throw new McprecError('journal_unwritable', `the disk of ${db.name} allows no write-ahead log`);
  db.pragma(`synchronous = ${synchronous}`);
  db.pragma('secure_delete = ON');
  db.pragma('foreign_keys = ON');
  db.pragma(`journal_size_limit = ${WAL_BYTES_KEPT}`);
  if (version < schemaVersion) db.transaction(bringUpToDate).immediate(db);
  if (bytesMax !== undefined) db.pragma(`max_page_count = ${Math.floor(bytesMax / (db.pragma('page_size', { simple: true }) as number))}`);
}

function bringUpToDate(db: Database.Database): void {
  // Read again: another process may have done it since.
  const version = readVersion(db);
  if (version === 0) createTables(db);
  else upgrade(db, version);
}

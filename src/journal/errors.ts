// Says what an error of SQLite means for the journal.
import Database from 'better-sqlite3';
import { asMcprecError, type ErrorCode, McprecError } from '../base/errors.ts';

const meanings: readonly (readonly [prefix: string, code: ErrorCode, what: string])[] = [
  ['SQLITE_BUSY', 'journal_locked', 'is locked by another process'],
  ['SQLITE_LOCKED', 'journal_locked', 'is locked by another process'],
  ['SQLITE_FULL', 'journal_full', 'cannot grow: the disk is full, or it is as large as it may be'],
  ['SQLITE_IOERR_SHMSIZE', 'journal_full', 'cannot grow: the disk is full'],
  ['SQLITE_CORRUPT', 'journal_corrupt', 'is damaged'],
  ['SQLITE_NOTADB', 'journal_corrupt', 'is no database, or is damaged'],
  ['SQLITE_FORMAT', 'journal_corrupt', 'is damaged'],
  ['SQLITE_READONLY', 'journal_unwritable', 'may not be written'],
  ['SQLITE_CANTOPEN', 'journal_unwritable', 'cannot be opened'],
  ['SQLITE_PERM', 'journal_unwritable', 'may not be opened'],
  ['SQLITE_AUTH', 'journal_unwritable', 'may not be opened'],
  ['SQLITE_IOERR', 'journal_unwritable', 'cannot be read or written'],
  // No statement of ours depends on what anybody typed: where one does not fit, the tables are not ours.
  ['SQLITE_ERROR', 'journal_corrupt', 'is damaged'],
];

/** True where another connection holds the lock that was asked for. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

/** True where the file is no sound database, or one that is not ours. */
export function isDamaged(error: unknown): boolean {
  return journalError(error, '').code === 'journal_corrupt';
}

/** True where the fault is in what was to be written, not in the file or its disk. */
export function isCallersFault(error: unknown): boolean {
  return !(error instanceof Database.SqliteError) || error.code.startsWith('SQLITE_CONSTRAINT');
}

/** `error` as one of ours, its cause kept. */
export function journalError(error: unknown, path: string): McprecError {
  if (!(error instanceof Database.SqliteError)) return asMcprecError(error);
  const { code, message } = error;
  const meaning = meanings.find(([prefix]) => code.startsWith(prefix));
  if (meaning === undefined) return asMcprecError(error);
  return new McprecError(meaning[1], `the journal ${path} ${meaning[2]} (${message})`, { cause: error });
}

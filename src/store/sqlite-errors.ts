// Says in our words what SQLite reports of a gateway's store.
import { McprecError } from '../base/errors.ts';

/** `error` as one of ours where SQLite raised it, itself otherwise. */
export function storeError(error: unknown): unknown {
  if (error instanceof McprecError || !(error instanceof Error)) return error;
  const code = (error as Error & { readonly code?: unknown }).code;
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return error;
  const options = { cause: error };
  if (code.startsWith('SQLITE_FULL')) return new McprecError('journal_full', 'the disk of the gateway’s store is full', options);
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) {
    return new McprecError('journal_corrupt', 'the gateway’s store is damaged', {
      cause: error,
      remedy: 'keep the file as evidence, and set data to another or to a backup of it',
    });
  }
  // Two rows at one place of a log: somebody else wrote it since its tail was read.
  const writtenByAnother = code === 'SQLITE_CONSTRAINT_PRIMARYKEY' && error.message.includes('entries.');
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED') || writtenByAnother) {
    return new McprecError('journal_locked', 'another process writes to the gateway’s store', { cause: error, remedy: 'run one gateway on one SQLite store' });
  }
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN')) {
    return new McprecError('journal_unwritable', `the gateway’s store cannot be written: ${error.message}`, options);
  }
  return error;
}

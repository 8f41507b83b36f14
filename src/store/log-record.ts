// A log's row as the rest of the program sees it.
import type { Selectable } from 'kysely';
import { idFromBytes, type SessionId } from '../base/ids.ts';
import type { LogTable } from './schema.ts';
import type { LogRecord, Vantage } from './store.ts';

export function logOf(row: Selectable<LogTable>): LogRecord {
  return {
    logId: idFromBytes('log', row.log),
    sessionId: row.session_id as SessionId,
    vantage: row.vantage as Vantage,
    size: row.size,
    root: row.root,
    calls: row.calls,
    denied: row.denied,
    ...(row.quarantine !== null && { quarantine: row.quarantine }),
  };
}

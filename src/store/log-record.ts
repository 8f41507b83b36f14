// A log's row as the rest of the program sees it.
import type { Selectable } from 'kysely';
import { type DeviceId, idFromBytes, type SessionId } from '../base/ids.ts';
import type { EntryKind } from '../evidence/entry.ts';
import { endsLog } from '../evidence/tail.ts';
import type { Removal } from './removal-store.ts';
import type { LogTable } from './schema.ts';
import type { LogRecord, Vantage } from './store.ts';

/** A row of `logs` as a record. */
export function logOf(row: Selectable<LogTable>): LogRecord {
  return {
    logId: idFromBytes('log', row.log),
    ...(row.session_id !== null && { sessionId: row.session_id as SessionId }),
    ...(row.device_id !== null && { deviceId: row.device_id as DeviceId }),
    vantage: row.vantage as Vantage,
    size: row.size,
    root: row.root,
    calls: row.calls,
    denied: row.denied,
    masked: row.masked,
    ...(row.last_kind !== null && { lastKind: row.last_kind as EntryKind }),
    ended: row.last_kind !== null && endsLog(row.last_kind as EntryKind),
    ...(row.quarantine !== null && { quarantine: row.quarantine }),
    ...(row.removal !== null && { removal: JSON.parse(row.removal) as Removal }),
  };
}

// A session as lists show it: its row, the head of its log, and whether its owner still runs.
import type { ConnectionKind, RecordMode } from '../base/connection.ts';
import { McprecError } from '../base/errors.ts';
import type { LogId, SessionId } from '../base/ids.ts';
import type { LogHead } from '../evidence/claims.ts';
import { Frontier } from '../evidence/merkle.ts';
import type { OpeningIdentity } from '../evidence/opening.ts';
import { isDead } from './owner.ts';
import { type LogState, logStates } from './schema.ts';

/** `crashed` also where the log is still open but its owner does not run any more. */
export type SummaryState = LogState;

export interface SessionSummary {
  readonly sessionId: SessionId;
  readonly logId: LogId;
  readonly connection: string;
  readonly kind: ConnectionKind;
  readonly record: RecordMode;
  /** Origin of the gateway; absent for a solo session. */
  readonly gateway?: string;
  readonly identity?: OpeningIdentity;
  readonly state: SummaryState;
  readonly openedMs: number;
  /** When it was closed, or what was last heard of a crashed one. */
  readonly endedMs?: number;
  /** Entries in its log. */
  readonly size: number;
  readonly calls: number;
  readonly denied: number;
  readonly masked: number;
  /** Entries that the gateway has. */
  readonly received: number;
  /** Entries that the gateway has receipted. Nobody but the journal's owner vouches for the others. */
  readonly receipted: number;
}

export interface SessionRow {
  readonly session_id: string;
  readonly connection: string;
  readonly kind: string;
  readonly record: string;
  readonly gateway: string | null;
  readonly identity: string | null;
  readonly opened_ms: number;
  readonly log_no: number;
  readonly log_id: Buffer;
  readonly state: number;
  readonly size: number;
  readonly frontier: Buffer;
  readonly last_wall_ms: number;
  readonly calls: number;
  readonly denied: number;
  readonly masked: number;
  readonly received: number;
  readonly receipted: number;
  readonly owner_pid: number;
  readonly owner_start: string;
}

export const sessionRows = `
SELECT s.session_id, s.connection, s.kind, s.record, s.gateway, s.identity, s.opened_ms, l.log_no, l.log_id, l.state, l.size, l.frontier,
  l.last_wall_ms, l.calls, l.denied, l.masked, l.received, l.owner_pid, l.owner_start,
  coalesce((SELECT r.size FROM receipts r WHERE r.log_no = l.log_no), 0) AS receipted
FROM sessions s JOIN logs l USING (log_no)`;

export function readSummary(row: SessionRow, nowMs: number): SessionSummary {
  const stored = readState(row.state);
  const state = stored === 'open' && isDead({ pid: row.owner_pid, start: row.owner_start }, row.last_wall_ms, nowMs) ? 'crashed' : stored;
  return {
    sessionId: row.session_id as SessionId,
    logId: logIdOf(row),
    connection: row.connection,
    kind: row.kind as ConnectionKind,
    record: row.record as RecordMode,
    ...(row.gateway !== null && { gateway: row.gateway }),
    ...(row.identity !== null && { identity: JSON.parse(row.identity) as OpeningIdentity }),
    state,
    openedMs: row.opened_ms,
    ...(state !== 'open' && { endedMs: row.last_wall_ms }),
    size: row.size,
    calls: row.calls,
    denied: row.denied,
    masked: row.masked,
    received: row.received,
    receipted: row.receipted,
  };
}

/** What verification holds the entries against. Throws `leaf_invalid` where the frontier is malformed. */
export function readHead(row: SessionRow): LogHead {
  const frontier = Frontier.decode(row.frontier);
  return { logId: logIdOf(row), size: row.size, root: frontier.root(), state: readState(row.state), calls: row.calls, denied: row.denied, masked: row.masked };
}

export function logIdOf(row: Pick<SessionRow, 'log_id'>): LogId {
  return `log_${row.log_id.toString('hex')}` as LogId;
}

function readState(code: number): LogState {
  const state = (Object.keys(logStates) as LogState[]).find((name) => logStates[name] === code);
  if (state === undefined) throw new McprecError('journal_corrupt', `the journal holds a log in the unknown state ${code}`);
  return state;
}

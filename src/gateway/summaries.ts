// Sessions and logs as the control API shows them.
import type { LogState, SessionSummary } from '../protocol/control.ts';
import type { LogRecord, SessionWithLogs } from '../store/store.ts';
import { laptopRecordOf } from './reconcile.ts';

/** Calls and denials are those that the gateway itself has recorded. */
export function summaryOf(session: SessionWithLogs): SessionSummary {
  const own = session.logs.find((log) => log.vantage === 'gateway');
  return {
    sessionId: session.sessionId,
    grantId: session.grantId,
    connection: session.connection,
    identity: session.identity,
    state: session.state,
    openedAtMs: session.openedMs,
    calls: own?.calls ?? 0,
    denied: own?.denied ?? 0,
    laptop: laptopRecordOf(session),
    logs: session.logs.flatMap(({ logId, vantage, size, root }) =>
      vantage === 'forwarder' || vantage === 'gateway' ? [{ logId, vantage, size, root: hex(root) }] : [],
    ),
    ...(session.endedMs !== undefined && { closedAtMs: session.endedMs }),
    ...(session.reason !== undefined && { reason: session.reason }),
    ...(own?.removal && { removed: own.removal.kind }),
  };
}

/** A log as the answers to uploads show it; the root is hexadecimal. */
export function stateOf({ logId, size, root }: LogRecord): LogState {
  return { logId, size, root: hex(root) };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

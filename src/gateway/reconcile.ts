// Reconciles the two logs of a session that the gateway holds: its own, and what the laptop has uploaded.

import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { decodeLeaf, type Leaf } from '../evidence/leaf.ts';
import { type LaptopPart, type Reconciliation, reconcile } from '../evidence/reconcile.ts';
import { endsLog } from '../evidence/tail.ts';
import type { LogStore, SessionWithLogs } from '../store/store.ts';

/** What the gateway can say of the laptop's record of a session. */
export async function reconcileHeld(store: LogStore, session: SessionWithLogs): Promise<Reconciliation> {
  // In this order: of a session that is open, the gateway's log may have more than the laptop's, and never less.
  const laptop = await leavesOf(store, logOf(session, 'forwarder'));
  const own = await leavesOf(store, logOf(session, 'gateway'));
  const last = laptop.at(-1);
  const part: LaptopPart = last !== undefined && endsLog(last.kind) ? 'complete' : 'pending';
  return reconcile(laptop, own, part);
}

/** `complete`: the laptop's log came to its end. `partial`: a part came. `pending`: nothing yet, of an open session. `missing`: nothing, and the session is over. */
export function laptopRecordOf({ state, logs }: SessionWithLogs): 'complete' | 'partial' | 'pending' | 'missing' {
  const log = logs.find(({ vantage }) => vantage === 'forwarder');
  if (log === undefined || log.size === 0) return state === 'open' ? 'pending' : 'missing';
  return log.ended ? 'complete' : 'partial';
}

function logOf({ logs }: SessionWithLogs, vantage: 'forwarder' | 'gateway'): LogId | undefined {
  return logs.find((log) => log.vantage === vantage)?.logId;
}

async function leavesOf(store: LogStore, logId: LogId | undefined): Promise<Leaf[]> {
  const leaves: Leaf[] = [];
  if (logId === undefined) return leaves;
  for (;;) {
    const found = await store.leaves(logId, leaves.length, limits.readEntriesMax);
    for (const leaf of found) leaves.push(decodeLeaf(leaf));
    if (found.length < limits.readEntriesMax) return leaves;
  }
}

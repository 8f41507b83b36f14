// What somebody did in a session before: for those who decide about the next call. Read from the gateway's own record.
import type { SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { decodeLeaf } from '../evidence/leaf.ts';
import type { History } from '../protocol/approvals.ts';
import { readExchanges, type TimelineEntry } from '../replay/timeline.ts';
import type { Store, StoredRow } from '../store/store.ts';

/** Undefined where there is no such session. Of a long session, its newest `limits.historyEntriesMax` entries are read. */
export async function historyOf(store: Store, sessionId: SessionId): Promise<History | undefined> {
  const session = await store.session(sessionId);
  const own = session?.logs.find((log) => log.vantage === 'gateway');
  if (session === undefined || own === undefined) return undefined;
  const rows = await store.entries(own.logId, Math.max(0, own.size - limits.historyEntriesMax), limits.historyEntriesMax);
  const calls = readExchanges(rows.map(entryOf)).filter(({ method }) => method !== undefined && !method.startsWith('notifications/'));
  const tools = new Map<string, { calls: number; failed: number }>();
  for (const call of calls) {
    const name = nameOf(call);
    const counts = tools.get(name) ?? { calls: 0, failed: 0 };
    counts.calls++;
    if (call.outcome !== 'ok' && call.outcome !== 'pending' && call.outcome !== 'held') counts.failed++;
    tools.set(name, counts);
  }
  return {
    openedAtMs: session.openedMs,
    calls: own.calls,
    denied: own.denied,
    tools: [...tools].map(([name, counts]) => ({ name, ...counts })).toSorted((a, b) => b.calls - a.calls),
    last: calls.slice(-limits.historyCallsMax).map((call) => ({ atMs: call.startedMs, name: nameOf(call), outcome: call.outcome })),
  };
}

function nameOf({ tool, uri, method }: { readonly tool?: string; readonly uri?: string; readonly method?: string }): string {
  return tool ?? (uri === undefined ? (method ?? '') : `${method} ${uri}`);
}

function entryOf({ index, leaf, names }: StoredRow): TimelineEntry {
  return {
    index,
    leaf: decodeLeaf(leaf),
    ...(names && { names: JSON.parse(Buffer.from(names.bytes).toString('utf8')) as NonNullable<TimelineEntry['names']> }),
  };
}

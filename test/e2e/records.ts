// Reads what was recorded, at the laptop and at the gateway, while they run or after.
import { zstdDecompressSync } from 'node:zlib';
import { systemClock } from '../../src/base/clock.ts';
import type { SessionId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { decodeNames, type StoredEntry } from '../../src/evidence/seal.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { SessionWithLogs, Vantage } from '../../src/store/store.ts';

const parts = { clock: systemClock, random: systemRandom };

/** The entries of a session in a laptop's journal. */
export function journalEntries(journalFile: string, sessionId: string): readonly StoredEntry[] {
  using journal = openJournal({ path: journalFile, ...parts, mode: 'read' });
  return journal.entries(journal.findSession(sessionId).logId, 0, 1_000);
}

/** A session as the gateway's store has it. */
export async function gatewaySession(file: string, sessionId: string): Promise<SessionWithLogs> {
  const store = openSqliteStore(file, parts);
  try {
    const session = await store.session(sessionId as SessionId);
    if (session === undefined) throw new Error(`the gateway has no session ${sessionId}`);
    return session;
  } finally {
    await store.close();
  }
}

/** What the gateway itself recorded of a session, or what it got of the laptop's log. */
export async function gatewayEntries(file: string, sessionId: string, vantage: Vantage = 'gateway'): Promise<readonly StoredEntry[]> {
  const store = openSqliteStore(file, parts);
  try {
    const session = await store.session(sessionId as SessionId);
    const log = session?.logs.find((each) => each.vantage === vantage);
    if (log === undefined) throw new Error(`the gateway has no log of ${sessionId}`);
    return (await store.entries(log.logId, 0, 1_000)).map(({ index, leaf: leafBytes, names, payload }) => ({
      index,
      leaf: decodeLeaf(leafBytes),
      leafBytes,
      ...(names && { names: decodeNames(names.bytes) }),
      ...(payload && { payload: payload.coding === 'zstd' ? zstdDecompressSync(payload.bytes) : payload.bytes }),
    }));
  } finally {
    await store.close();
  }
}

/** An entry in one line: what happened, and how it ended. */
export function brief({ leaf, names }: Pick<StoredEntry, 'leaf' | 'names'>): string {
  const { kind, direction, message, status, failed, decision } = leaf;
  const what = names?.tool ?? names?.method ?? names?.uri ?? '';
  return [kind, direction, message, what, status, failed ? 'failed' : undefined, decision?.effect === 'deny' ? `deny:${decision.rule}` : undefined, names?.note]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
}

/** Everything in these entries that was recorded as text. */
export function recordedText(entries: readonly StoredEntry[]): string {
  return entries.map(({ names, payload }) => `${JSON.stringify(names ?? {})}\n${Buffer.from(payload ?? []).toString('utf8')}`).join('\n');
}

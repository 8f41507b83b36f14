// Reads what was recorded, at the laptop and at the gateway, while they run or after.
import { zstdDecompressSync } from 'node:zlib';
import { systemClock } from '../../src/base/clock.ts';
import type { SessionId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Finding } from '../../src/evidence/findings.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { decodeNames, type StoredEntry } from '../../src/evidence/seal.ts';
import { verifyLog } from '../../src/evidence/verify.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { LogRecord, SessionWithLogs, Store, StoredRow, Vantage } from '../../src/store/store.ts';

const parts = { clock: systemClock, random: systemRandom };

/** The entries of a session in a laptop's journal. */
export function journalEntries(journalFile: string, sessionId: string): readonly StoredEntry[] {
  using journal = openJournal({ path: journalFile, ...parts, mode: 'read' });
  return [...journal.walk(journal.findSession(sessionId).logId)];
}

/** The session that was opened last in a laptop's journal. */
export function newestSession(journalFile: string): string {
  using journal = openJournal({ path: journalFile, ...parts, mode: 'read' });
  const [session] = journal.sessions({ limit: 1 });
  if (session === undefined) throw new Error('nothing is recorded');
  return session.sessionId;
}

/** What verification finds in a laptop's journal. */
export function journalFindings(journalFile: string): readonly Finding[] {
  using journal = openJournal({ path: journalFile, ...parts, mode: 'read' });
  const verifier = journal.verifier();
  return [...verifier.verifyWhole(), ...verifier.sessionIds().flatMap((id) => verifier.verifySession(id).findings)];
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
    return (await storedRows(store, log)).map(({ index, leaf: leafBytes, names, payload }) => ({
      index,
      leaf: decodeLeaf(leafBytes),
      leafBytes,
      ...(names && { names: decodeNames(names.bytes) }),
      ...(payload && { payload: unpacked(payload) }),
    }));
  } finally {
    await store.close();
  }
}

/** What verification finds in the logs of a gateway's store. */
export async function gatewayFindings(file: string): Promise<readonly Finding[]> {
  const store = openSqliteStore(file, parts);
  try {
    const found: Finding[] = [];
    for (const { logs } of await store.sessions({ limit: 1_000 })) for (const log of logs) found.push(...(await logFindings(store, log)));
    return found;
  } finally {
    await store.close();
  }
}

/** What verification finds in one of a gateway's logs. */
export async function logFindings(store: Store, log: LogRecord): Promise<readonly Finding[]> {
  const rows = await storedRows(store, log);
  const leaves = rows.map(({ leaf }) => decodeLeaf(leaf));
  const last = leaves.at(-1)?.kind;
  // The list of a gateway's logs counts neither masked values nor how they ended.
  const head = {
    ...log,
    masked: leaves.reduce((sum, leaf) => sum + leaf.maskedCount, 0),
    state: last === 'close' ? 'closed' : last === 'crashed' ? 'crashed' : 'open',
  } as const;
  if (rows.length === 0 && log.size === 0) return [];
  return verifyLog(
    head,
    rows.map(({ index, leaf, leafHash, names, payload }) => ({
      index,
      leaf,
      leafHash,
      names,
      payload: payload && { salt: payload.salt, bytes: unpacked(payload) },
    })),
  ).findings;
}

/** All rows of a log. */
export async function storedRows(store: Store, log: LogRecord): Promise<readonly StoredRow[]> {
  const rows: StoredRow[] = [];
  while (rows.length < log.size) {
    const more = await store.entries(log.logId, rows.length, 1_000);
    if (more.length === 0) break;
    rows.push(...more.slice(0, log.size - rows.length));
  }
  return rows;
}

function unpacked({ coding, bytes }: NonNullable<StoredRow['payload']>): Uint8Array {
  return coding === 'zstd' ? zstdDecompressSync(bytes) : bytes;
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

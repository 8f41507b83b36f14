// Takes a part of a forwarder's log into the store (DESIGN §8): only the next contiguous range, every leaf and commitment checked, and the root.
import { zstdDecompressSync } from 'node:zlib';
import type { Kysely, Selectable } from 'kysely';
import { McprecError } from '../base/errors.ts';
import { idBytes, type LogId, type SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { TreeHead } from '../evidence/checkpoint.ts';
import { commitment } from '../evidence/commitment.ts';
import { decodeLeaf, type Leaf } from '../evidence/leaf.ts';
import { leafHash } from '../evidence/merkle.ts';
import { countsOf, endsLog, type LogTail } from '../evidence/tail.ts';
import type { LogUpload, UploadedEntry } from '../protocol/control.ts';
import type { GatewayIndex } from './gateway-index.ts';
import { withHeldPayloads } from './held.ts';
import { logOf } from './log-record.ts';
import { tailOf } from './logs.ts';
import type { Removal } from './removal-store.ts';
import { FIRST_REMOVED, statedBy } from './removals.ts';
import { type Gone, goneOf, ownRemovals, stripped } from './removed.ts';
import { type EntryStatements, tailColumns } from './rows.ts';
import type { LogTable, Tables } from './schema.ts';
import type { Ingested } from './store.ts';
import type { Write, Writer } from './writer.ts';

export interface IngestParts {
  readonly db: Kysely<Tables>;
  readonly writer: Writer;
  readonly index: GatewayIndex;
  readonly statements: EntryStatements;
}

/** How often the head is read again where another upload of the same log came in between. */
const TRIES_MAX = 5;

/** Takes an upload: entries that go on from the head and come to the stated root, or what keeps them out. Throws `journal_locked` where others upload the same log all the while. */
export async function ingest(parts: IngestParts, logId: LogId, upload: LogUpload, nowMs: number): Promise<Ingested> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const outcome = await tryIngest(parts, logId, upload, nowMs);
    if (outcome !== 'overtaken') return outcome;
  }
  throw new McprecError('journal_locked', `${logId} is uploaded by several at once`, { remedy: 'try again' });
}

async function tryIngest(parts: IngestParts, logId: LogId, upload: LogUpload, nowMs: number): Promise<Ingested | 'overtaken'> {
  const { db, writer } = parts;
  const row = await db.selectFrom('logs').selectAll().where('log', '=', idBytes(logId)).where('vantage', 'in', ['forwarder', 'index']).executeTakeFirst();
  if (row === undefined) return { kind: 'unknown' };
  if (row.quarantine !== null) return { kind: 'forked', reason: row.quarantine };
  if (upload.from > row.size) return { kind: 'conflict', log: logOf(row) };
  const repeated = upload.entries.slice(0, row.size - upload.from);
  const contradiction = await findContradiction(db, logId, upload.from, repeated);
  if (contradiction !== undefined) {
    await quarantine(parts, logId, contradiction);
    return { kind: 'forked', reason: contradiction };
  }
  const gone = await goneOf(db, row);
  const came = upload.entries.slice(repeated.length).map((entry, i) => (gone(row.size + i) ? stripped(entry) : entry));
  const fresh = await withHeldPayloads(db, row.session_id, came);
  if (fresh === undefined) return { kind: 'lacking', log: logOf(row) };
  if (fresh.length === 0) return { kind: 'stored', log: logOf(row) };
  const witnessed = await db.selectFrom('witnessed').select(['size', 'root']).where('log', '=', idBytes(logId)).executeTakeFirst();
  const checked = checkEntries(tailOf(row), fresh, { root: upload.root, witnessed, gone });
  if (checked.kind === 'forked') {
    await quarantine(parts, logId, checked.reason);
    return checked;
  }
  if (checked.kind === 'invalid') return checked;
  const { tail, leaves } = checked;
  const stored = await writer.commit({
    guards: [
      db
        .updateTable('logs')
        .set(tailColumns(tail))
        .where('log', '=', idBytes(logId))
        .where('size', '=', row.size)
        .where('quarantine', 'is', null)
        // Nor where its contents were removed since it was read.
        .where('removal', row.removal === null ? 'is' : 'is not', null),
    ],
    statements: [...fresh.map((entry, i) => parts.statements.uploaded(entry, leaves[i] as Leaf, nowMs)), ...(await ownRemovals(db, row, fresh))],
    ...(await stillRemoved(parts, row, tail)),
  });
  return stored ? { kind: 'stored', log: logOf(withTail(row, tail)) } : 'overtaken';
}

/** Of a session whose contents were removed the index log says so of what comes later, too. */
async function stillRemoved(parts: IngestParts, row: Selectable<LogTable>, { logId, frontier }: LogTail): Promise<Pick<Write, 'index'>> {
  if (row.removal === null || row.session_id === null || frontier.size <= FIRST_REMOVED) return {};
  const span = { logId, from: Math.max(FIRST_REMOVED, row.size), to: frontier.size };
  return { index: await statedBy(parts, [span], row.session_id as SessionId, JSON.parse(row.removal) as Removal) };
}

function withTail(row: Selectable<LogTable>, tail: LogTail): Selectable<LogTable> {
  return { ...row, ...tailColumns(tail) };
}

async function findContradiction(db: Kysely<Tables>, logId: LogId, from: number, entries: readonly UploadedEntry[]): Promise<string | undefined> {
  if (entries.length === 0) return undefined;
  const held = await db
    .selectFrom('entries')
    .select(['idx', 'leaf_hash'])
    .where('log', '=', idBytes(logId))
    .where('idx', '>=', from)
    .where('idx', '<', from + entries.length)
    .orderBy('idx')
    .execute();
  const differing = entries.findIndex((entry, i) => !sameBytes(leafHash(entry.leaf), held[i]?.leaf_hash));
  return differing < 0 ? undefined : `entry ${from + differing} was uploaded before and said something else`;
}

async function quarantine({ db, writer }: IngestParts, logId: LogId, reason: string): Promise<void> {
  await writer.commit({ statements: [db.updateTable('logs').set({ quarantine: reason }).where('log', '=', idBytes(logId)).where('quarantine', 'is', null)] });
}

type Checked =
  | { readonly kind: 'forked'; readonly reason: string }
  | { readonly kind: 'checked'; readonly tail: LogTail; readonly leaves: readonly Leaf[] }
  | { readonly kind: 'invalid'; readonly reason: string };

/** What the entries must come to: the root that the upload states, and on the way the head that was co-signed before; and which may lack their contents. */
interface Expected {
  readonly gone: Gone;
  readonly root: Uint8Array;
  readonly witnessed: TreeHead | undefined;
}

function checkEntries(before: LogTail, entries: readonly UploadedEntry[], { root, witnessed, gone }: Expected): Checked {
  const frontier = before.frontier.copy();
  const leaves: Leaf[] = [];
  let tail = before;
  let inflatedBytes = 0;
  for (const entry of entries) {
    const index = frontier.size;
    const leaf = readLeaf(entry.leaf);
    // Before it is inflated: a small payload may grow by a thousand times.
    inflatedBytes += typeof leaf === 'string' || entry.payload === undefined ? 0 : leaf.storedBytes;
    if (inflatedBytes > limits.uploadInflatedBytesMax) return { kind: 'invalid', reason: `entry ${index}: the payloads of the upload are too long` };
    const fault = typeof leaf === 'string' ? leaf : (faultOf(leaf, tail, index) ?? (gone(index) ? undefined : contentsFaultOf(entry, leaf)));
    if (typeof leaf === 'string' || fault !== undefined) return { kind: 'invalid', reason: `entry ${index}: ${fault}` };
    const counted = countsOf(leaf);
    frontier.append(leafHash(entry.leaf));
    if (frontier.size === witnessed?.size && !sameBytes(frontier.root(), witnessed.root)) {
      return { kind: 'forked', reason: `the first ${witnessed.size} entries are not those of the checkpoint that was co-signed` };
    }
    leaves.push(leaf);
    tail = {
      logId: tail.logId,
      frontier,
      calls: tail.calls + counted.calls,
      denied: tail.denied + counted.denied,
      masked: tail.masked + counted.masked,
      last: { kind: leaf.kind, wallMs: leaf.wallMs, monoUs: leaf.monoUs },
    };
  }
  if (!sameBytes(frontier.root(), root)) return { kind: 'invalid', reason: 'the root is not that of the entries' };
  return { kind: 'checked', tail, leaves };
}

function readLeaf(bytes: Uint8Array): Leaf | string {
  try {
    return decodeLeaf(bytes);
  } catch (error) {
    return (error as Error).message;
  }
}

function faultOf(leaf: Leaf, tail: LogTail, index: number): string | undefined {
  if (leaf.logId !== tail.logId) return 'the leaf belongs to another log';
  if (leaf.index !== index) return `the leaf says that it is entry ${leaf.index}`;
  return tail.last !== undefined && endsLog(tail.last.kind) ? 'it stands behind the entry that ended the log' : undefined;
}

function contentsFaultOf(entry: UploadedEntry, leaf: Leaf): string | undefined {
  if (
    entry.payload === undefined
      ? leaf.payloadCommitment !== undefined
      : !commits('payload', leaf.payloadCommitment, entry.payload.salt, inflated(entry.payload, leaf.storedBytes))
  ) {
    return 'the payload is not the one that the leaf commits to';
  }
  if (entry.names === undefined ? leaf.namesCommitment !== undefined : !commits('names', leaf.namesCommitment, entry.names.salt, entry.names.bytes)) {
    return 'the names are not those that the leaf commits to';
  }
  return undefined;
}

function commits(domain: 'payload' | 'names', committed: Uint8Array | undefined, salt: Uint8Array, bytes: Uint8Array | undefined): boolean {
  return committed !== undefined && bytes !== undefined && sameBytes(commitment(domain, salt, bytes), committed);
}

/** The bytes that the commitment is over; undefined where they are not as long as the leaf says. */
function inflated({ bytes, coding }: NonNullable<UploadedEntry['payload']>, length: number): Uint8Array | undefined {
  if (coding === 'identity') return bytes.length === length ? bytes : undefined;
  try {
    const whole = zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, length) });
    return whole.length === length ? whole : undefined;
  } catch {
    return undefined;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}

// Payloads that an upload leaves out because the gateway recorded the same message itself: found by session and exchange, proven by the commitment.
import { type Kysely, sql } from 'kysely';
import { type ExchangeId, idBytes, idFromBytes } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { commitment } from '../evidence/commitment.ts';
import { decodeLeaf, type Leaf } from '../evidence/leaf.ts';
import { decodePayload } from '../journal/coding.ts';
import type { UploadedEntry } from '../protocol/control.ts';
import { codingOf } from './rows.ts';
import type { Tables } from './schema.ts';

type Payload = NonNullable<UploadedEntry['payload']>;
interface Held {
  readonly exchange: Uint8Array | null;
  readonly coding: string | null;
  readonly bytes: Uint8Array | null;
}

/** Exchanges that are asked for at once: as many answers of the largest size as one upload may hold inflated. */
const AT_ONCE = Math.floor(limits.uploadInflatedBytesMax / limits.answerBytesMax);

/** The entries with the payloads that they leave out; undefined where the gateway's own log of the session lacks one of them, or they are too much for one upload. */
export async function withHeldPayloads(
  db: Kysely<Tables>,
  sessionId: string | null,
  entries: readonly UploadedEntry[],
): Promise<readonly UploadedEntry[] | undefined> {
  const whole = [...entries];
  const leftOut = entries.flatMap(({ leaf, held }, at) => (held === undefined ? [] : [{ at, leaf: readLeaf(leaf), salt: held }]));
  let bytes = 0;
  for (let from = 0; from < leftOut.length; from += AT_ONCE) {
    const some = leftOut.slice(from, from + AT_ONCE);
    const found = await find(
      db,
      sessionId,
      some.flatMap(({ leaf }) => leaf?.exchange ?? []),
    );
    for (const { at, leaf, salt } of some) {
      const payload = leaf && committedTo(leaf, salt, found.get(leaf.exchange ?? ''));
      bytes += leaf?.storedBytes ?? 0;
      if (payload === undefined || bytes > limits.uploadInflatedBytesMax) return undefined;
      const { held: _, ...entry } = entries[at] as UploadedEntry;
      whole[at] = { ...entry, payload };
    }
  }
  return whole;
}

/** The one of the payloads that the leaf commits to with this salt. */
function committedTo(leaf: Leaf, salt: Uint8Array, candidates: readonly Held[] = []): Payload | undefined {
  if (leaf.payloadCommitment === undefined) return undefined;
  for (const { coding, bytes } of candidates) {
    if (bytes === null) continue;
    const stored = { bytes, coding: codingOf(coding) };
    const whole = decodePayload(stored);
    if (whole?.length !== leaf.storedBytes || Buffer.compare(commitment('payload', salt, whole), leaf.payloadCommitment) !== 0) continue;
    return { salt, ...stored };
  }
  return undefined;
}

/** The payloads of the answers that the gateway recorded itself, by exchange. */
async function find(db: Kysely<Tables>, sessionId: string | null, exchanges: readonly ExchangeId[]): Promise<ReadonlyMap<string, readonly Held[]>> {
  const found = new Map<string, Held[]>();
  if (sessionId === null || exchanges.length === 0) return found;
  const rows = await db
    .selectFrom('logs as l')
    .innerJoin('entries as e', 'e.log', 'l.log')
    .select(['e.exchange', 'e.payload_coding as coding', 'e.payload as bytes'])
    .where('l.session_id', '=', sessionId)
    .where('e.exchange', 'in', exchanges.map(idBytes))
    .where('l.vantage', '=', sql.lit('gateway'))
    // Written out, so that the index of answers serves.
    .where('e.direction', '=', sql.lit('down'))
    .execute();
  for (const row of rows) {
    const exchange = idFromBytes('exc', row.exchange ?? Buffer.of());
    const others = found.get(exchange);
    if (others === undefined) found.set(exchange, [row]);
    else others.push(row);
  }
  return found;
}

/** Undefined for a leaf that is none: whoever checks the upload says so. */
function readLeaf(bytes: Uint8Array): Leaf | undefined {
  try {
    return decodeLeaf(bytes);
  } catch {
    return undefined;
  }
}

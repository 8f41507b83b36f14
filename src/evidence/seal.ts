// Seals a draft into an entry of its log: adds nonce, salts and commitments, and hashes the leaf.
import { McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import { commitment, saltBytes } from './commitment.ts';
import type { EntryDraft, Names } from './entry.ts';
import { encodeLeaf, type Leaf, type Totals } from './leaf.ts';
import { leafHash } from './merkle.ts';

/** Bytes and the salt of their commitment. */
export interface Committed {
  readonly salt: Uint8Array;
  readonly bytes: Uint8Array;
}

/** An entry as it is stored and uploaded; payload and names can be erased later, the leaf cannot. */
export interface SealedEntry {
  readonly index: number;
  /** What was sealed; its fields are what a store may keep beside the leaf. */
  readonly draft: EntryDraft;
  /** The leaf's bytes. */
  readonly leaf: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly payload?: Committed | undefined;
  /** JSON in UTF-8; see `decodeNames`. */
  readonly names?: Committed | undefined;
}

/** An entry read back. Without `payload` or `names` where the entry has none. */
export interface StoredEntry {
  readonly index: number;
  readonly leaf: Leaf;
  readonly leafBytes: Uint8Array;
  readonly payload?: Uint8Array;
  readonly names?: Names;
}

/** Where the entry goes. */
export interface SealPlace {
  readonly logId: LogId;
  readonly index: number;
  readonly random: RandomBytes;
  /** For `close` and `crashed`. */
  readonly totals?: Totals | undefined;
}

const NONCE_BYTES = 16;

/** Throws `leaf_invalid` where leaf or names are over their limits. */
export function seal(draft: EntryDraft, place: SealPlace): SealedEntry {
  const nameBytes = draft.names === undefined ? undefined : encodeNames(draft.names);
  const { prepared } = draft;
  const fresh = place.random(NONCE_BYTES + (draft.payload ? saltBytes : 0) + (nameBytes ? saltBytes : 0));
  const payload = draft.payload && { salt: prepared?.salt ?? fresh.subarray(NONCE_BYTES, NONCE_BYTES + saltBytes), bytes: draft.payload };
  const names = nameBytes && { salt: fresh.subarray(fresh.length - saltBytes), bytes: nameBytes };
  // Field by field: spreading the draft costs as much as two of its hashes.
  const leaf = encodeLeaf({
    logId: place.logId,
    index: place.index,
    kind: draft.kind,
    wallMs: draft.wallMs,
    monoUs: draft.monoUs,
    nonce: fresh.subarray(0, NONCE_BYTES),
    exchange: draft.exchange,
    parent: draft.parent,
    direction: draft.direction,
    message: draft.message,
    final: draft.final === true,
    status: draft.status,
    failed: draft.failed === true,
    decision: draft.decision,
    policyHash: draft.policyHash,
    maskerVersion: draft.maskerVersion,
    maskedCount: draft.maskedCount ?? 0,
    wireBytes: draft.wireBytes,
    storedBytes: draft.payload?.length ?? 0,
    payloadCommitment: payload && (prepared?.commitment ?? commitment('payload', payload.salt, payload.bytes)),
    namesCommitment: names && commitment('names', names.salt, names.bytes),
    mac: draft.mac,
    messageNumber: draft.messageNumber,
    totals: place.totals,
    subject: draft.subject,
    head: draft.head,
    seen: draft.seen,
  });
  return { index: place.index, draft, leaf, leafHash: leafHash(leaf), payload, names };
}

/** The names in their stored bytes. Throws `leaf_invalid` where they are no JSON object. */
export function decodeNames(bytes: Uint8Array): Names {
  let names: unknown;
  try {
    names = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (cause) {
    throw new McprecError('leaf_invalid', 'the names of an entry are not JSON', { cause });
  }
  if (typeof names !== 'object' || names === null || Array.isArray(names)) throw new McprecError('leaf_invalid', 'the names of an entry are not a JSON object');
  return names as Names;
}

function encodeNames(names: Names): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(names));
  if (bytes.length > limits.namesBytesMax)
    throw new McprecError('leaf_invalid', `the names of an entry take ${bytes.length} bytes, over the limit of ${limits.namesBytesMax}`);
  return bytes;
}

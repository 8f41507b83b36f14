// The leaf: what of an entry is hashed into its log. One map of deterministic CBOR, written down in docs/journal-format.md.
import { McprecError } from '../base/errors.ts';
import type { ExchangeId, LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { CborMapWriter, CborReader } from './cbor.ts';
import type { TreeHead } from './checkpoint.ts';
import { type Direction, directions, type EntryDecision, type EntryKind, effects, entryKinds, type MessageKind, messageKinds } from './entry.ts';
import { fail, fieldReaders, type LeafDraft } from './leaf-fields.ts';

/** The version that stands in every leaf. A new key or kind is a new version. */
export const leafVersion = 1;

/** What the last entry of a log says of the whole log. */
export interface Totals {
  /** Entries in the log, this one included. */
  readonly entries: number;
  /** Requests, batches and HTTP calls from the client, and what could not be decoded of them. */
  readonly calls: number;
  readonly denied: number;
  /** Values masked. */
  readonly masked: number;
}

/** A leaf, decoded. Where a number or flag has a default (0, false), it stands here even though the bytes leave it out; what is absent may be undefined. */
export interface Leaf {
  readonly logId: LogId;
  /** Position in the log, from 0. */
  readonly index: number;
  readonly kind: EntryKind;
  readonly wallMs: number;
  readonly monoUs: number;
  /** 16 random bytes, so that a leaf's hash cannot be guessed. */
  readonly nonce: Uint8Array;
  readonly exchange?: ExchangeId | undefined;
  readonly parent?: ExchangeId | undefined;
  readonly direction?: Direction | undefined;
  readonly message?: MessageKind | undefined;
  readonly final: boolean;
  readonly status?: number | undefined;
  readonly failed: boolean;
  readonly decision?: EntryDecision | undefined;
  readonly policyHash?: Uint8Array | undefined;
  readonly maskerVersion?: string | undefined;
  readonly maskedCount: number;
  readonly wireBytes: number;
  /** Bytes of the masked payload before compression. */
  readonly storedBytes: number;
  readonly payloadCommitment?: Uint8Array | undefined;
  readonly namesCommitment?: Uint8Array | undefined;
  readonly mac?: Uint8Array | undefined;
  readonly messageNumber?: number | undefined;
  /** On `close` and `crashed`. */
  readonly totals?: Totals | undefined;
  /** In an index log: the log that the entry is about. */
  readonly subject?: LogId | undefined;
  /** In an index log: how that log ended. */
  readonly head?: TreeHead | undefined;
  /** The newest head of the gateway's tree that the writer had seen. */
  readonly seen?: TreeHead | undefined;
}

const key = {
  version: 0,
  logId: 1,
  index: 2,
  kind: 3,
  wallMs: 4,
  monoUs: 5,
  nonce: 6,
  exchange: 7,
  parent: 8,
  direction: 9,
  message: 10,
  final: 11,
  status: 12,
  failed: 13,
  decision: 14,
  policyHash: 15,
  maskerVersion: 16,
  maskedCount: 17,
  wireBytes: 18,
  storedBytes: 19,
  payloadCommitment: 20,
  namesCommitment: 21,
  mac: 22,
  messageNumber: 23,
  totals: 24,
  subject: 25,
  head: 26,
  seen: 27,
} as const;

const writer = new CborMapWriter();

/** The leaf's bytes, the same for the same leaf. Throws `leaf_invalid` where they exceed `limits.leafBytesMax`. */
export function encodeLeaf(leaf: Leaf): Uint8Array {
  const w = writer;
  w.reset();
  w.key(key.version).uint(leafVersion);
  w.key(key.logId).id(leaf.logId);
  w.key(key.index).uint(leaf.index);
  w.key(key.kind).uint(entryKinds[leaf.kind]);
  w.key(key.wallMs).uint(leaf.wallMs);
  w.key(key.monoUs).uint(leaf.monoUs);
  w.key(key.nonce).bytes(leaf.nonce, 16);
  if (leaf.exchange !== undefined) w.key(key.exchange).id(leaf.exchange);
  if (leaf.parent !== undefined) w.key(key.parent).id(leaf.parent);
  if (leaf.direction !== undefined) w.key(key.direction).uint(directions[leaf.direction]);
  if (leaf.message !== undefined) w.key(key.message).uint(messageKinds[leaf.message]);
  if (leaf.final) w.key(key.final).true();
  if (leaf.status !== undefined) w.key(key.status).uint(leaf.status);
  if (leaf.failed) w.key(key.failed).true();
  if (leaf.decision !== undefined) writeDecision(w.key(key.decision), leaf.decision);
  if (leaf.policyHash !== undefined) w.key(key.policyHash).bytes(leaf.policyHash, 32);
  if (leaf.maskerVersion !== undefined) w.key(key.maskerVersion).text(leaf.maskerVersion);
  if (leaf.maskedCount > 0) w.key(key.maskedCount).uint(leaf.maskedCount);
  if (leaf.wireBytes > 0) w.key(key.wireBytes).uint(leaf.wireBytes);
  if (leaf.storedBytes > 0) w.key(key.storedBytes).uint(leaf.storedBytes);
  if (leaf.payloadCommitment !== undefined) w.key(key.payloadCommitment).bytes(leaf.payloadCommitment, 32);
  if (leaf.namesCommitment !== undefined) w.key(key.namesCommitment).bytes(leaf.namesCommitment, 32);
  if (leaf.mac !== undefined) w.key(key.mac).bytes(leaf.mac, 16);
  if (leaf.messageNumber !== undefined) w.key(key.messageNumber).uint(leaf.messageNumber);
  if (leaf.totals !== undefined) writeTotals(w.key(key.totals), leaf.totals);
  if (leaf.subject !== undefined) w.key(key.subject).id(leaf.subject);
  if (leaf.head !== undefined) writeHead(w.key(key.head), leaf.head);
  if (leaf.seen !== undefined) writeHead(w.key(key.seen), leaf.seen);
  const bytes = w.finish();
  if (bytes.length > limits.leafBytesMax) throw new McprecError('leaf_invalid', `a leaf of ${bytes.length} bytes is over the limit of ${limits.leafBytesMax}`);
  return bytes;
}

function writeDecision(w: CborMapWriter, decision: EntryDecision): void {
  w.array(decision.rule === undefined ? 2 : 3);
  w.uint(effects[decision.effect]);
  w.id(decision.id);
  if (decision.rule !== undefined) w.text(decision.rule);
}

function writeTotals(w: CborMapWriter, totals: Totals): void {
  w.array(4);
  w.uint(totals.entries);
  w.uint(totals.calls);
  w.uint(totals.denied);
  w.uint(totals.masked);
}

function writeHead(w: CborMapWriter, head: TreeHead): void {
  w.array(2);
  w.uint(head.size);
  w.bytes(head.root, 32);
}

/**
 * The leaf in `bytes`; its byte strings are views of them. Throws `leaf_invalid` for anything that `encodeLeaf` would not write:
 * `encodeLeaf(decodeLeaf(b))` is `b`.
 */
export function decodeLeaf(bytes: Uint8Array): Leaf {
  if (bytes.length > limits.leafBytesMax) fail(`${bytes.length} bytes, over the limit of ${limits.leafBytesMax}`);
  const r = new CborReader(bytes);
  const pairs = r.map();
  readVersion(r);
  const draft: LeafDraft = { final: false, failed: false, maskedCount: 0, wireBytes: 0, storedBytes: 0 };
  let before: number = key.version;
  for (let i = 1; i < pairs; i++) {
    const k = r.uint();
    if (k <= before) fail(`key ${k} after key ${before}`);
    before = k;
    const read = fieldReaders[k] ?? fail(`the unknown key ${k}`);
    read(r, draft);
  }
  if (!r.done) fail('bytes after its end');
  if (!isWhole(draft)) fail('a field that every leaf has is missing');
  return draft as Leaf;
}

function readVersion(r: CborReader): void {
  const first = r.uint();
  if (first !== key.version) fail(`key ${first} where its version is expected`);
  const version = r.uint();
  if (version !== leafVersion) fail(`version ${version}; this program knows ${leafVersion}`);
}

function isWhole(leaf: Partial<Leaf>): boolean {
  return (
    leaf.logId !== undefined &&
    leaf.index !== undefined &&
    leaf.kind !== undefined &&
    leaf.wallMs !== undefined &&
    leaf.monoUs !== undefined &&
    leaf.nonce !== undefined
  );
}

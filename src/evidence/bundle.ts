// A bundle: one session with all that is needed to verify it elsewhere, as one JSON document (docs/journal-format.md). Never the policy.
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import { type LogId, parseId, type SessionId } from '../base/ids.ts';
import { type Checkpoint, openCheckpoint, originOf } from './checkpoint.ts';
import type { EntryToVerify, LogHead, StatedHead } from './claims.ts';
import type { LogReport } from './findings.ts';
import { IndexContents } from './index-contents.ts';
import { decodeLeaf } from './leaf.ts';
import { Frontier, leafHash } from './merkle.ts';
import { parseVerifier } from './note.ts';
import { openReceipt } from './receipt.ts';
import { countsOf, endsLog, noCounts } from './tail.ts';
import { LogVerifier } from './verify.ts';

const bytes = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
const committed = z.strictObject({ salt: bytes, bytes });
const receipt = z.strictObject({ size: z.number(), note: z.string(), treeIndex: z.number(), treeNote: z.string(), proof: z.array(bytes) });
const log = z.strictObject({
  log: z.string(),
  /** Whole, from entry 0. */
  entries: z.array(z.strictObject({ leaf: bytes, payload: committed.exactOptional(), names: committed.exactOptional() })),
  /** Signed notes. */
  checkpoints: z.array(z.string()),
  receipt: receipt.exactOptional(),
});

export const bundleSchema = z.strictObject({
  mcprec_bundle: z.literal(1),
  session: z.string(),
  exportedMs: z.number(),
  /** Verifier key of the gateway's tree. */
  tree: z.string().exactOptional(),
  session_log: log,
  /** The index logs that list the session, older ones first. */
  index_logs: z.array(log),
  /** Hashes of the policies that decided, hex. */
  policies: z.array(z.string()),
});
export type Bundle = z.output<typeof bundleSchema>;
type BundledLog = z.output<typeof log>;

export interface BundleReport extends LogReport {
  readonly sessionId: SessionId;
  /** Entries that a checkpoint of the device covers, and a gateway's receipt. */
  readonly signed: number;
  readonly receipted: number;
  /** Of the index logs. */
  readonly index: readonly LogReport[];
}

/** The bundle in a JSON text. Throws `usage` where it is none. */
export function parseBundle(text: string): Bundle {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new McprecError('usage', 'the bundle is not JSON', { cause, remedy: 'make one with: mcprec sessions export ID > FILE' });
  }
  const read = bundleSchema.safeParse(value);
  if (!read.success)
    throw new McprecError('usage', `this is no bundle: ${z.prettifyError(read.error)}`, { remedy: 'make one with: mcprec sessions export ID > FILE' });
  return read.data;
}

/** Verifies a bundle by nothing but itself: entries, checkpoints, receipts, index logs, what was erased. */
export function verifyBundle(bundle: Bundle): BundleReport {
  const contents = new IndexContents();
  for (const { entries } of bundle.index_logs) for (const { payload } of entries) contents.addKey(payload?.bytes);
  const index = bundle.index_logs.map((one) => verifyIndex(one, contents, bundle.tree));
  const { session_log: own } = bundle;
  const logId = logIdOf(own);
  const beside = besideOf(own, contents.keys, bundle.tree);
  const ended = contents.ended.get(logId);
  const heads = [...beside.heads, ...(ended ? [{ ...ended, by: 'the index log' }] : [])];
  const verifier = new LogVerifier(headOf(own, logId), { heads, removed: contents.removed.get(logId) ?? [] });
  for (const fault of beside.faults) verifier.report('signature_invalid', undefined, fault);
  if (!contents.opened.has(logId)) verifier.report('session_unlisted', undefined, 'no index log in the bundle lists this session');
  own.entries.forEach((entry, i) => {
    verifier.add(toVerify(entry, i));
  });
  const sessionId = parseId('ses', bundle.session);
  if (sessionId === undefined) throw new McprecError('usage', 'the bundle names no session');
  return { ...verifier.finish(), sessionId, signed: beside.signed, receipted: beside.receipted, index };
}

function verifyIndex(one: BundledLog, contents: IndexContents, tree: string | undefined): LogReport {
  const logId = logIdOf(one);
  const { heads, faults, signed } = besideOf(one, contents.keys, tree);
  const verifier = new LogVerifier({ ...headOf(one, logId), role: 'index' }, { heads });
  for (const fault of faults) verifier.report('signature_invalid', undefined, fault);
  one.entries.forEach((entry, i) => {
    const leaf = verifier.add(toVerify(entry, i));
    try {
      if (leaf !== undefined) contents.add(leaf, entry.payload?.bytes, i < signed);
    } catch (error) {
      verifier.report('index_malformed', i, (error as Error).message);
    }
  });
  return verifier.finish();
}

interface Beside {
  readonly heads: readonly StatedHead[];
  readonly faults: readonly string[];
  readonly signed: number;
  readonly receipted: number;
}

function besideOf(one: BundledLog, keys: readonly Uint8Array[], tree: string | undefined): Beside {
  const origin = originOf(logIdOf(one));
  const heads: StatedHead[] = [];
  const faults: string[] = [];
  for (const note of one.checkpoints) {
    const opened = byAny(keys, (key) => openCheckpoint(note, origin, key));
    if (opened === undefined) faults.push('a checkpoint is not signed by a key of the device: it was made or changed by another hand');
    else heads.push({ size: opened.size, root: opened.root, by: `the checkpoint of ${opened.size} entries that the device signed` });
  }
  const signed = Math.max(0, ...heads.map(({ size }) => size));
  const { receipt: given } = one;
  const receipted =
    given === undefined || tree === undefined
      ? undefined
      : byAny(keys, (device) => openReceipt(given, { origin, device, tree: parseVerifier(tree) }).checkpoint);
  if (given !== undefined && receipted === undefined) faults.push('the gateway’s receipt does not hold');
  if (receipted !== undefined) heads.push({ size: receipted.size, root: receipted.root, by: `the gateway’s receipt for ${receipted.size} entries` });
  return { heads, faults, signed, receipted: receipted?.size ?? 0 };
}

function byAny(keys: readonly Uint8Array[], open: (key: Uint8Array) => Checkpoint): Checkpoint | undefined {
  for (const key of keys) {
    try {
      return open(key);
    } catch {
      // Perhaps by another of the keys.
    }
  }
  return undefined;
}

/** A bundle has no head of its own: its log is as long as its entries, and what others state decides whether that is all. */
function headOf({ entries }: BundledLog, logId: LogId): LogHead {
  const frontier = new Frontier();
  let counts = noCounts;
  let state: LogHead['state'] = 'open';
  for (const { leaf } of entries) {
    frontier.append(leafHash(leaf));
    try {
      const decoded = decodeLeaf(leaf);
      const more = countsOf(decoded);
      counts = { calls: counts.calls + more.calls, denied: counts.denied + more.denied, masked: counts.masked + more.masked };
      if (endsLog(decoded.kind)) state = decoded.kind === 'close' ? 'closed' : 'crashed';
    } catch {
      // The verification says so.
    }
  }
  return { logId, size: frontier.size, root: frontier.root(), state, ...counts };
}

function toVerify(entry: BundledLog['entries'][number], index: number): EntryToVerify {
  return { index, leaf: entry.leaf, payload: entry.payload, names: entry.names };
}

function logIdOf({ log: id }: BundledLog): LogId {
  const parsed = parseId('log', id);
  if (parsed === undefined) throw new McprecError('usage', 'the bundle names no log');
  return parsed;
}

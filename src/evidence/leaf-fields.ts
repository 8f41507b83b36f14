// Reads the fields of a leaf from CBOR, each in the one form that the format allows.
import { McprecError } from '../base/errors.ts';
import type { DecisionId, ExchangeId, LogId } from '../base/ids.ts';
import type { CborReader } from './cbor.ts';
import type { TreeHead } from './checkpoint.ts';
import { directions, type EntryDecision, effects, entryKinds, messageKinds } from './entry.ts';
import type { Leaf, Totals } from './leaf.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** A leaf of which some fields were read. */
export type LeafDraft = Mutable<Partial<Leaf>>;

/** One reader for each key behind the version, at the key's place. */
export const fieldReaders: readonly (((r: CborReader, to: LeafDraft) => unknown) | undefined)[] = [
  undefined,
  (r, to) => (to.logId = `log_${r.idHex()}` as LogId),
  (r, to) => (to.index = r.uint()),
  (r, to) => (to.kind = named(kindNames, r.uint(), 'kind')),
  (r, to) => (to.wallMs = r.uint()),
  (r, to) => (to.monoUs = r.uint()),
  (r, to) => (to.nonce = r.bytes(16)),
  (r, to) => (to.exchange = `exc_${r.idHex()}` as ExchangeId),
  (r, to) => (to.parent = `exc_${r.idHex()}` as ExchangeId),
  (r, to) => (to.direction = named(directionNames, r.uint(), 'direction')),
  (r, to) => (to.message = named(messageNames, r.uint(), 'message kind')),
  (r, to) => (to.final = yes(r)),
  (r, to) => (to.status = r.uint()),
  (r, to) => (to.failed = yes(r)),
  (r, to) => (to.decision = readDecision(r)),
  (r, to) => (to.policyHash = r.bytes(32)),
  (r, to) => (to.maskerVersion = r.text()),
  (r, to) => (to.maskedCount = positive(r)),
  (r, to) => (to.wireBytes = positive(r)),
  (r, to) => (to.storedBytes = positive(r)),
  (r, to) => (to.payloadCommitment = r.bytes(32)),
  (r, to) => (to.namesCommitment = r.bytes(32)),
  (r, to) => (to.mac = r.bytes(16)),
  (r, to) => (to.messageNumber = r.uint()),
  (r, to) => (to.totals = readTotals(r)),
  (r, to) => (to.subject = `log_${r.idHex()}` as LogId),
  (r, to) => (to.head = readHead(r)),
  (r, to) => (to.seen = readHead(r)),
];

function readDecision(r: CborReader): EntryDecision {
  const length = r.array();
  if (length !== 2 && length !== 3) fail(`a decision of ${length} parts`);
  const effect = named(effectNames, r.uint(), 'effect');
  const id = `dec_${r.idHex()}` as DecisionId;
  return length === 2 ? { effect, id } : { effect, id, rule: r.text() };
}

function readTotals(r: CborReader): Totals {
  if (r.array() !== 4) fail('totals that are not four numbers');
  return { entries: r.uint(), calls: r.uint(), denied: r.uint(), masked: r.uint() };
}

function readHead(r: CborReader): TreeHead {
  if (r.array() !== 2) fail('a head that is not size and root');
  return { size: r.uint(), root: r.bytes(32) };
}

// What is false or 0 is left out: written out it would be a second form of the same leaf.
function yes(r: CborReader): boolean {
  return r.bool() || fail('a flag that is false is left out');
}

function positive(r: CborReader): number {
  return r.uint() || fail('a number that is 0 is left out');
}

const kindNames = namesByCode(entryKinds);
const directionNames = namesByCode(directions);
const messageNames = namesByCode(messageKinds);
const effectNames = namesByCode(effects);

function namesByCode<K extends string>(codes: Readonly<Record<K, number>>): readonly (K | undefined)[] {
  const names: (K | undefined)[] = [];
  for (const name of Object.keys(codes) as K[]) names[codes[name]] = name;
  return names;
}

function named<K extends string>(names: readonly (K | undefined)[], code: number, what: string): K {
  return names[code] ?? fail(`the unknown ${what} ${code}`);
}

/** Throws `leaf_invalid`. */
export function fail(what: string): never {
  throw new McprecError('leaf_invalid', `the leaf is not in the form that the format asks for: ${what}`);
}

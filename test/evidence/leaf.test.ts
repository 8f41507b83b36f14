import { decode, encode, rfc8949EncodeOptions } from 'cborg';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idBytes } from '../../src/base/ids.ts';
import { limits } from '../../src/base/limits.ts';
import { directions, effects, entryKinds, messageKinds } from '../../src/evidence/entry.ts';
import { decodeLeaf, encodeLeaf, type Leaf } from '../../src/evidence/leaf.ts';
import { anyLeaf, bytes, logId } from './samples.ts';

const plain: Leaf = {
  logId,
  index: 5,
  kind: 'message',
  wallMs: 1_763_800_000_000,
  monoUs: 99,
  nonce: bytes(16, 7),
  final: true,
  failed: false,
  maskedCount: 0,
  wireBytes: 10,
  storedBytes: 0,
};

/** The same leaf by the general CBOR library, from the table in docs/journal-format.md. */
function encodeByLibrary(leaf: Leaf): Uint8Array {
  const { decision, totals } = leaf;
  const pairs: [number, unknown][] = [
    [0, 1],
    [1, idBytes(leaf.logId)],
    [2, leaf.index],
    [3, entryKinds[leaf.kind]],
    [4, leaf.wallMs],
    [5, leaf.monoUs],
    [6, leaf.nonce],
    [7, leaf.exchange && idBytes(leaf.exchange)],
    [8, leaf.parent && idBytes(leaf.parent)],
    [9, leaf.direction && directions[leaf.direction]],
    [10, leaf.message && messageKinds[leaf.message]],
    [11, leaf.final || undefined],
    [12, leaf.status],
    [13, leaf.failed || undefined],
    [14, decision && [effects[decision.effect], idBytes(decision.id), ...(decision.rule === undefined ? [] : [decision.rule])]],
    [15, leaf.policyHash],
    [16, leaf.maskerVersion],
    [17, leaf.maskedCount || undefined],
    [18, leaf.wireBytes || undefined],
    [19, leaf.storedBytes || undefined],
    [20, leaf.payloadCommitment],
    [21, leaf.namesCommitment],
    [22, leaf.mac],
    [23, leaf.messageNumber],
    [24, totals && [totals.entries, totals.calls, totals.denied, totals.masked]],
    [25, leaf.subject && idBytes(leaf.subject)],
    [26, leaf.head && [leaf.head.size, leaf.head.root]],
    [27, leaf.seen && [leaf.seen.size, leaf.seen.root]],
  ];
  return encode(new Map(pairs.filter(([, value]) => value !== undefined)), rfc8949EncodeOptions);
}

const strict = { strict: true, useMaps: true, allowIndefinite: false, rejectDuplicateMapKeys: true };

function mapOf(leaf: Leaf): Map<number, unknown> {
  return decode(encodeLeaf(leaf), strict) as Map<number, unknown>;
}

function reencoded(change: (map: Map<number, unknown>) => void): Uint8Array {
  const map = mapOf(plain);
  change(map);
  return encode(map, rfc8949EncodeOptions);
}

test('a leaf comes back as it was', () => {
  fc.assert(
    fc.property(anyLeaf, (leaf) => {
      expect(decodeLeaf(encodeLeaf(leaf))).toEqual(leaf);
    }),
  );
});

test('a leaf is the deterministic CBOR that a general library writes', () => {
  fc.assert(
    fc.property(anyLeaf, (leaf) => {
      expect(Buffer.from(encodeLeaf(leaf)).equals(encodeByLibrary(leaf))).toBe(true);
    }),
  );
});

test('changed bytes are refused or mean another leaf with exactly those bytes', () => {
  fc.assert(
    fc.property(anyLeaf, fc.nat(), fc.integer({ min: 1, max: 255 }), (leaf, at, flip) => {
      const changed = Buffer.from(encodeLeaf(leaf));
      const place = at % changed.length;
      changed[place] = (changed[place] ?? 0) ^ flip;
      let read: Leaf;
      try {
        read = decodeLeaf(changed);
      } catch (error) {
        expect(error).toMatchObject({ code: 'leaf_invalid' });
        return;
      }
      expect(Buffer.from(encodeLeaf(read)).equals(changed)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test.each<[string, Uint8Array]>([
  ['an unknown key', reencoded((map) => map.set(25, 1))],
  ['a later version', reencoded((map) => map.set(0, 2))],
  ['a kind that is not known', reencoded((map) => map.set(3, 99))],
  ['a missing field', reencoded((map) => map.delete(6))],
  ['a flag that is false', reencoded((map) => map.set(13, false))],
  ['a zero that is left out', reencoded((map) => map.set(17, 0))],
  ['a nonce of another length', reencoded((map) => map.set(6, bytes(15, 1)))],
  ['a negative number', reencoded((map) => map.set(2, -1))],
  ['a float', reencoded((map) => map.set(2, 1.5))],
  ['a number above 2^53-1', reencoded((map) => map.set(2, 2n ** 60n))],
  ['a text where bytes are expected', reencoded((map) => map.set(22, 'x'.repeat(16)))],
  ['bytes after its end', Buffer.concat([encodeLeaf(plain), Buffer.of(0)])],
  ['a cut', encodeLeaf(plain).subarray(0, -1)],
  ['nothing', new Uint8Array()],
  ['no map', Buffer.from('80', 'hex')],
  ['more than the limit', new Uint8Array(limits.leafBytesMax + 1)],
])('%s is refused', (_what, leaf) => {
  expect(() => decodeLeaf(leaf)).toThrow(expect.objectContaining({ code: 'leaf_invalid' }));
});

// The same leaf, written in another way that a general CBOR reader would accept.
const whole = Buffer.from(encodeLeaf(plain)).toString('hex');
const index = '0205';
const kind = '0302';

test.each<[string, string, string, string]>([
  ['a number in one byte more', index, '021805', 'shortest'],
  ['a number in two bytes', index, '02190005', 'shortest'],
  ['a number in four bytes', index, '021a00000005', 'shortest'],
  ['a number in eight bytes', index, '021b0000000000000005', 'shortest'],
  ['keys out of order', `${index}${kind}`, `${kind}${index}`, 'key 2 after key 3'],
  ['a key twice', `${index}`, `${index}${index}`, 'key 2 after key 2'],
  ['a map of indefinite length', '^a9(.*)', 'bf$1ff', 'indefinite'],
])('%s is refused', (_what, written, otherwise, reason) => {
  const other = whole.replace(new RegExp(written), otherwise).replace(/^a9(?=.*02050205)/, 'aa');
  expect(other).not.toBe(whole);
  expect(() => decodeLeaf(Buffer.from(other, 'hex'))).toThrow(reason);
});

test('text that is not UTF-8 is refused', () => {
  const leaf = Buffer.from(encodeLeaf({ ...plain, maskerVersion: 'abc' }));
  const at = leaf.indexOf('abc');
  leaf[at] = 0xff;
  expect(() => decodeLeaf(leaf)).toThrow('UTF-8');
});

test('a leaf over the limit is not written', () => {
  expect(() => encodeLeaf({ ...plain, maskerVersion: 'x'.repeat(limits.leafBytesMax) })).toThrow(expect.objectContaining({ code: 'leaf_invalid' }));
  // The writer is used again: what failed must leave nothing behind.
  expect(decodeLeaf(encodeLeaf(plain))).toEqual(plain);
});

test('what cannot stand in a leaf is refused before it is written', () => {
  expect(() => encodeLeaf({ ...plain, index: 1.5 })).toThrow();
  expect(() => encodeLeaf({ ...plain, wallMs: -1 })).toThrow();
  expect(() => encodeLeaf({ ...plain, mac: bytes(15, 1) })).toThrow();
  expect(decodeLeaf(encodeLeaf(plain))).toEqual(plain);
});

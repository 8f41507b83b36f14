import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { proveConsistency, proveInclusion, rootOf, verifyConsistency, verifyInclusion } from '../../src/evidence/proof.ts';
import { TreeNodes } from '../../src/evidence/tree.ts';

const hashes = Array.from({ length: 140 }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));
const h = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const split = (n: number) => {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
};
const mth = (d: readonly Uint8Array[]): Uint8Array =>
  d.length === 1 ? (d[0] as Uint8Array) : h(Buffer.of(1), mth(d.slice(0, split(d.length))), mth(d.slice(split(d.length))));
/** PATH and SUBPROOF of RFC 6962, word for word. */
const path = (m: number, d: readonly Uint8Array[]): Uint8Array[] => {
  if (d.length === 1) return [];
  const k = split(d.length);
  return m < k ? [...path(m, d.slice(0, k)), mth(d.slice(k))] : [...path(m - k, d.slice(k)), mth(d.slice(0, k))];
};
const subproof = (m: number, d: readonly Uint8Array[], b: boolean): Uint8Array[] => {
  if (m === d.length) return b ? [] : [mth(d)];
  const k = split(d.length);
  return m <= k ? [...subproof(m, d.slice(0, k), b), mth(d.slice(k))] : [...subproof(m - k, d.slice(k), false), mth(d.slice(0, k))];
};
const hex = (list: readonly Uint8Array[]) => list.map((bytes) => Buffer.from(bytes).toString('hex'));

function treeOf(size: number, from = 0): TreeNodes {
  const frontier = new Frontier();
  for (const hash of hashes.slice(0, from)) frontier.append(hash);
  const tree = new TreeNodes(from === 0 ? undefined : frontier);
  for (const hash of hashes.slice(from, size)) tree.append(hash);
  return tree;
}

const sizes = fc.integer({ min: 1, max: hashes.length }).chain((size) => fc.record({ size: fc.constant(size), at: fc.nat(size - 1) }));

test('inclusion proofs are those of the definition, and hold only for their leaf', () => {
  fc.assert(
    fc.property(sizes, fc.nat(), ({ size, at }, other) => {
      const tree = treeOf(size);
      const root = rootOf(tree.read, size);
      const proof = proveInclusion(tree.read, at, size);
      expect(hex(proof)).toEqual(hex(path(at, hashes.slice(0, size))));
      expect(verifyInclusion(hashes[at] as Uint8Array, at, size, proof, root)).toBe(true);
      const wrong = other % size;
      if (wrong !== at) expect(verifyInclusion(hashes[wrong] as Uint8Array, at, size, proof, root)).toBe(false);
      if (wrong !== at) expect(verifyInclusion(hashes[at] as Uint8Array, wrong, size, proof, root)).toBe(false);
      expect(verifyInclusion(hashes[at] as Uint8Array, at, size, [...proof, root], root)).toBe(false);
      if (proof.length > 0) expect(verifyInclusion(hashes[at] as Uint8Array, at, size, proof.slice(1), root)).toBe(false);
    }),
  );
});

test('consistency proofs are those of the definition, made from the old frontier alone, and hold only for their trees', () => {
  fc.assert(
    fc.property(sizes, fc.nat(), ({ size, at }, bit) => {
      const old = at + 1;
      const tree = treeOf(size, old);
      const before = { size: old, root: rootOf(treeOf(old).read, old) };
      const now = { size, root: rootOf(tree.read, size) };
      const proof = proveConsistency(tree.read, old, size);
      expect(hex(proof)).toEqual(hex(subproof(old, hashes.slice(0, size), true)));
      expect(verifyConsistency(before, now, proof)).toBe(true);
      const flipped = { ...before, root: before.root.with(bit % 32, (before.root[bit % 32] ?? 0) ^ 1) };
      expect(verifyConsistency(flipped, now, proof)).toBe(false);
      expect(verifyConsistency(before, { ...now, root: now.root.with(bit % 32, (now.root[bit % 32] ?? 0) ^ 1) }, proof)).toBe(false);
      expect(verifyConsistency(before, now, [...proof, now.root])).toBe(false);
      if (proof.length > 0) expect(verifyConsistency(before, now, proof.slice(0, -1))).toBe(false);
      if (old < size) expect(verifyConsistency(now, before, proof)).toBe(false);
    }),
  );
});

test('an empty tree is where every tree begins', () => {
  expect(verifyConsistency({ size: 0, root: new Frontier().root() }, { size: 3, root: rootOf(treeOf(3).read, 3) }, [])).toBe(true);
  expect(verifyConsistency({ size: 0, root: new Frontier().root() }, { size: 3, root: rootOf(treeOf(3).read, 3) }, [hashes[0] as Uint8Array])).toBe(false);
  expect(proveConsistency(treeOf(3).read, 0, 3)).toEqual([]);
  expect(() => proveInclusion(treeOf(3).read, 3, 3)).toThrow(expect.objectContaining({ code: 'usage' }));
});

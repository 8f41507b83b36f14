// Merkle proofs of RFC 6962 §2.1.1 and §2.1.2: made from the hashes of perfect subtrees, and checked from nothing but two roots.
import { McprecError } from '../base/errors.ts';
import { nodeHash } from './merkle.ts';

/** The hash of the perfect subtree of 2^level leaves that begins at leaf n × 2^level. */
export type NodeReader = (level: number, n: number) => Uint8Array;

interface Node {
  readonly level: number;
  readonly n: number;
}

/** The root over the leaves `from` to `to` (not included) of a tree, `from` being where a subtree of RFC 6962 begins. */
function rangeRoot(read: NodeReader, from: number, to: number): Uint8Array {
  const nodes = perfectNodes(from, to).map(({ level, n }) => read(level, n));
  let root = nodes.at(-1);
  if (root === undefined) throw new McprecError('bug', 'the root of no leaves was asked for');
  for (let i = nodes.length - 2; i >= 0; i--) root = nodeHash(nodes[i] as Uint8Array, root);
  return root;
}

/** The perfect subtrees that a subtree of RFC 6962 falls into, from left to right. */
function perfectNodes(from: number, to: number): Node[] {
  const nodes: Node[] = [];
  for (let at = from; at < to; ) {
    const level = levelOf(to - at);
    nodes.push({ level, n: at / 2 ** level });
    at += 2 ** level;
  }
  return nodes;
}

/** Root of a tree of `size` leaves, at least one. */
export function rootOf(read: NodeReader, size: number): Uint8Array {
  return rangeRoot(read, 0, size);
}

/** The audit path of leaf `index` in a tree of `size` leaves (RFC 6962 §2.1.1), from the leaf up. Throws `usage` where there is no such leaf. */
export function proveInclusion(read: NodeReader, index: number, size: number): Uint8Array[] {
  if (!(index >= 0 && index < size)) throw new McprecError('usage', `a tree of ${size} leaves has no leaf ${index}`);
  const path: Uint8Array[] = [];
  for (let from = 0, to = size; to - from > 1; ) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      path.push(rangeRoot(read, middle, to));
      to = middle;
    } else {
      path.push(rangeRoot(read, from, middle));
      from = middle;
    }
  }
  return path.reverse();
}

/**
 * The proof that a tree of `size` leaves goes on from one of `old` (RFC 6962 §2.1.2); none where they are equal or `old` is 0. It needs
 * of the first `old` leaves only the roots of their perfect subtrees. Throws `usage` where `old` is larger.
 */
export function proveConsistency(read: NodeReader, old: number, size: number): Uint8Array[] {
  if (!(old >= 0 && old <= size)) throw new McprecError('usage', `a tree of ${size} leaves has none of ${old} in it`);
  if (old === 0 || old === size) return [];
  const path: Uint8Array[] = [];
  let from = 0;
  let to = size;
  // Whether the old tree is the whole of a subtree on the left edge, whose root the verifier knows.
  let known = true;
  while (to - from > 0 && old !== to) {
    const middle = from + splitOf(to - from);
    if (old <= middle) {
      path.push(rangeRoot(read, middle, to));
      to = middle;
    } else {
      path.push(rangeRoot(read, from, middle));
      from = middle;
      known = false;
    }
  }
  if (!known) path.push(rangeRoot(read, from, to));
  return path.reverse();
}

/** True where `proof` shows that the leaf is number `index` in the tree of that size and root (RFC 9162 §2.1.3.2). */
export function verifyInclusion(leafHash: Uint8Array, index: number, size: number, proof: readonly Uint8Array[], root: Uint8Array): boolean {
  if (!(index >= 0 && index < size)) return false;
  let hash = leafHash;
  let at = index;
  let last = size - 1;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(sibling, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else hash = nodeHash(hash, sibling);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && same(hash, root);
}

interface Head {
  readonly size: number;
  readonly root: Uint8Array;
}

/** True where `proof` shows that `now` goes on from `before` (RFC 9162 §2.1.4.2). Of an empty tree everything goes on. */
export function verifyConsistency(before: Head, now: Head, proof: readonly Uint8Array[]): boolean {
  if (before.size > now.size) return false;
  if (before.size === now.size) return proof.length === 0 && same(before.root, now.root);
  if (before.size === 0) return proof.length === 0;
  const isPower = 2 ** levelOf(before.size) === before.size;
  const [first, ...rest] = isPower ? [before.root, ...proof] : proof;
  if (first === undefined) return false;
  let at = before.size - 1;
  let last = now.size - 1;
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let oldHash = first;
  let newHash = first;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else newHash = nodeHash(newHash, sibling);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && same(oldHash, before.root) && same(newHash, now.root);
}

/** The largest power of two below `n`, for n of at least 2. */
function splitOf(n: number): number {
  const power = 2 ** levelOf(n);
  return power === n ? n / 2 : power;
}

/** The level of the largest perfect subtree that fits into `n` leaves. Counted: a logarithm rounds up where n is large. */
export function levelOf(n: number): number {
  let level = 0;
  while (2 ** (level + 1) <= n) level++;
  return level;
}

function half(n: number): number {
  return Math.floor(n / 2);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

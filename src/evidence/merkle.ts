// The Merkle tree of a log as RFC 6962 §2.1 defines it, kept as its frontier: the roots of the full subtrees on its right edge.
import { McprecError } from '../base/errors.ts';
import { sha256 } from './sha256.ts';

/** Bytes of every hash here. */
export const hashBytes = 32;

const SIZE_BYTES = 8;
const TWO_32 = 2 ** 32;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const EMPTY_ROOT = sha256();

/** SHA-256(0x00 ‖ leaf). */
export function leafHash(leaf: Uint8Array): Uint8Array {
  return sha256(LEAF, leaf);
}

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE, left, right);
}

/** The root of a full subtree, and what stands left of it. Never changed, so that frontiers share them. */
interface Edge {
  readonly hash: Uint8Array;
  readonly left: Edge | undefined;
}

/** The right edge of a tree: all that is needed to append to it and to know its root. */
export class Frontier {
  #size = 0;
  /** Roots of full subtrees, the smallest first: one for each bit that is set in the size. */
  #edge: Edge | undefined;

  /** Leaves in the tree. */
  get size(): number {
    return this.#size;
  }

  /** `completed` sees each perfect subtree that the leaf completes, itself first: that of 2^level leaves from leaf n × 2^level on. */
  append(hash: Uint8Array, completed?: (level: number, n: number, hash: Uint8Array) => void): void {
    let node = hash;
    completed?.(0, this.#size, hash);
    let level = 0;
    let left = this.#edge;
    for (let size = this.#size; size % 2 === 1 && left !== undefined; size = Math.floor(size / 2)) {
      node = nodeHash(left.hash, node);
      left = left.left;
      completed?.(++level, Math.floor(size / 2), node);
    }
    this.#edge = { hash: node, left };
    this.#size++;
  }

  /** The perfect subtrees that the tree falls into, from left to right. */
  nodes(): readonly Uint8Array[] {
    const nodes: Uint8Array[] = [];
    for (let edge = this.#edge; edge !== undefined; edge = edge.left) nodes.push(edge.hash);
    return nodes.reverse();
  }

  /** The RFC 6962 tree head; of an empty tree the hash of nothing. */
  root(): Uint8Array {
    if (this.#edge === undefined) return EMPTY_ROOT;
    let root = this.#edge.hash;
    for (let edge = this.#edge.left; edge !== undefined; edge = edge.left) root = nodeHash(edge.hash, root);
    return root;
  }

  /** Takes the same time however large the tree is. */
  copy(): Frontier {
    const other = new Frontier();
    other.#size = this.#size;
    other.#edge = this.#edge;
    return other;
  }

  /** The size as 8 bytes, big-endian, then the nodes, largest first. */
  encode(): Uint8Array {
    const nodes = this.nodes();
    const out = Buffer.alloc(SIZE_BYTES + nodes.length * hashBytes);
    out.writeUInt32BE(Math.floor(this.#size / TWO_32), 0);
    out.writeUInt32BE(this.#size % TWO_32, 4);
    nodes.forEach((node, i) => {
      out.set(node, SIZE_BYTES + i * hashBytes);
    });
    return out;
  }

  /** Throws `leaf_invalid` where the bytes are no frontier. */
  static decode(bytes: Uint8Array): Frontier {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = view.length < SIZE_BYTES ? Number.NaN : view.readUInt32BE(0) * TWO_32 + view.readUInt32BE(4);
    if (!Number.isSafeInteger(size) || view.length !== SIZE_BYTES + bitsSet(size) * hashBytes) {
      throw new McprecError('leaf_invalid', 'the frontier of a log is malformed');
    }
    const frontier = new Frontier();
    frontier.#size = size;
    for (let at = SIZE_BYTES; at < view.length; at += hashBytes) {
      frontier.#edge = { hash: Uint8Array.prototype.slice.call(view, at, at + hashBytes), left: frontier.#edge };
    }
    return frontier;
  }
}

function bitsSet(size: number): number {
  let bits = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}

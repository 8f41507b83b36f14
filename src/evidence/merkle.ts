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

/** The right edge of a tree: all that is needed to append to it and to know its root. */
export class Frontier {
  #size = 0;
  /** Roots of full subtrees, the largest first: one for each bit that is set in the size. */
  #nodes: Uint8Array[] = [];

  /** Leaves in the tree. */
  get size(): number {
    return this.#size;
  }

  /** `completed` sees each perfect subtree that the leaf completes, itself first: that of 2^level leaves from leaf n × 2^level on. */
  append(hash: Uint8Array, completed?: (level: number, n: number, hash: Uint8Array) => void): void {
    let node = hash;
    completed?.(0, this.#size, hash);
    let level = 0;
    for (let size = this.#size; size % 2 === 1; size = Math.floor(size / 2)) {
      node = nodeHash(this.#nodes.pop() as Uint8Array, node);
      completed?.(++level, Math.floor(size / 2), node);
    }
    this.#nodes.push(node);
    this.#size++;
  }

  /** The perfect subtrees that the tree falls into, from left to right. */
  nodes(): readonly Uint8Array[] {
    return this.#nodes;
  }

  /** The RFC 6962 tree head; of an empty tree the hash of nothing. */
  root(): Uint8Array {
    let root = this.#nodes.at(-1);
    if (root === undefined) return EMPTY_ROOT;
    for (let i = this.#nodes.length - 2; i >= 0; i--) root = nodeHash(this.#nodes[i] as Uint8Array, root);
    return root;
  }

  copy(): Frontier {
    const other = new Frontier();
    other.#size = this.#size;
    other.#nodes = [...this.#nodes];
    return other;
  }

  /** The size as 8 bytes, big-endian, then the nodes, largest first. */
  encode(): Uint8Array {
    const out = Buffer.alloc(SIZE_BYTES + this.#nodes.length * hashBytes);
    out.writeUInt32BE(Math.floor(this.#size / TWO_32), 0);
    out.writeUInt32BE(this.#size % TWO_32, 4);
    this.#nodes.forEach((node, i) => {
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
    for (let at = SIZE_BYTES; at < view.length; at += hashBytes) frontier.#nodes.push(Uint8Array.prototype.slice.call(view, at, at + hashBytes));
    return frontier;
  }
}

function bitsSet(size: number): number {
  let bits = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}

// The hashes of a tree's perfect subtrees, kept so that any proof can be made: all of them, or those from one size on.
import { McprecError } from '../base/errors.ts';
import { type Frontier, hashBytes, nodeHash } from './merkle.ts';
import { levelOf, type NodeReader } from './proof.ts';

/** A node that an appended leaf completed. */
export interface CompletedNode {
  readonly level: number;
  readonly n: number;
  readonly hash: Uint8Array;
}

/** The nodes that the leaf at `index` completes, the leaf's own first. `left` gives the left sibling of a node that is complete. */
export function completedNodes(index: number, leafHash: Uint8Array, left: NodeReader): CompletedNode[] {
  const nodes: CompletedNode[] = [{ level: 0, n: index, hash: leafHash }];
  let hash = leafHash;
  let n = index;
  for (let level = 0; n % 2 === 1; level++) {
    hash = nodeHash(left(level, n - 1), hash);
    n = Math.floor(n / 2);
    nodes.push({ level: level + 1, n, hash });
  }
  return nodes;
}

/**
 * The nodes of a tree from one size on. It begins with the frontier at that size, so that it can prove that any later size goes on
 * from it; begun empty, it can prove everything. Memory: 64 bytes a leaf behind the beginning.
 */
export class TreeNodes {
  readonly #nodes = new Map<string, Uint8Array>();
  #size: number;

  constructor(frontier?: Frontier) {
    this.#size = frontier?.size ?? 0;
    if (frontier === undefined) return;
    const nodes = frontier.encode().subarray(8);
    let at = 0;
    for (let i = 0; at < this.#size; i++) {
      const level = levelOf(this.#size - at);
      this.#nodes.set(key(level, at / 2 ** level), nodes.slice(i * hashBytes, (i + 1) * hashBytes));
      at += 2 ** level;
    }
  }

  get size(): number {
    return this.#size;
  }

  append(leafHash: Uint8Array): void {
    for (const { level, n, hash } of completedNodes(this.#size, leafHash, this.read)) this.#nodes.set(key(level, n), hash);
    this.#size++;
  }

  readonly read: NodeReader = (level, n) => {
    const hash = this.#nodes.get(key(level, n));
    if (hash === undefined) throw new McprecError('bug', `the node ${n} at level ${level} of a tree of ${this.#size} leaves is not kept`);
    return hash;
  };
}

function key(level: number, n: number): string {
  return `${level}/${n}`;
}

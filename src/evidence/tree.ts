// The hashes of a tree's perfect subtrees, kept so that proofs can be made: all of them, or those from one size on.
import { McprecError } from '../base/errors.ts';
import { Frontier } from './merkle.ts';
import { levelOf, type NodeReader } from './proof.ts';

/**
 * The nodes of a tree from one size on. It begins with the frontier at that size, so that it can prove that any later size goes on
 * from it; begun empty, it can prove everything. Memory: 64 bytes a leaf behind the beginning.
 */
export class TreeNodes {
  readonly #nodes = new Map<string, Uint8Array>();
  readonly #frontier: Frontier;

  constructor(frontier: Frontier = new Frontier()) {
    this.#frontier = frontier.copy();
    let at = 0;
    for (const node of frontier.nodes()) {
      const level = levelOf(frontier.size - at);
      this.#nodes.set(key(level, at / 2 ** level), node);
      at += 2 ** level;
    }
  }

  get size(): number {
    return this.#frontier.size;
  }

  append(leafHash: Uint8Array): void {
    this.#frontier.append(leafHash, (level, n, hash) => this.#nodes.set(key(level, n), hash));
  }

  readonly read: NodeReader = (level, n) => {
    const hash = this.#nodes.get(key(level, n));
    if (hash === undefined) throw new McprecError('bug', `the node ${n} at level ${level} of a tree of ${this.size} leaves is not kept`);
    return hash;
  };
}

/** The nodes that `prove` reads: asked for in one go, they can come from where reading takes time. */
export function nodesRead(prove: (read: NodeReader) => unknown): { readonly level: number; readonly n: number }[] {
  const asked = new Map<string, { readonly level: number; readonly n: number }>();
  prove((level, n) => {
    asked.set(key(level, n), { level, n });
    return new Uint8Array(32);
  });
  return [...asked.values()];
}

function key(level: number, n: number): string {
  return `${level}/${n}`;
}

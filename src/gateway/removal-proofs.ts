// Proves to whoever reads a log back that its contents are gone by authority: the entry of an index log that says so, under a signed checkpoint.
import { toBase64 } from '../base/base64.ts';
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { leafHash } from '../evidence/merkle.ts';
import { proveInclusion } from '../evidence/proof.ts';
import { TreeNodes } from '../evidence/tree.ts';
import { decodePayload } from '../journal/coding.ts';
import type { ProvenRemoval } from '../protocol/audit.ts';
import type { StatedRemoval } from '../store/removal-store.ts';
import type { Store } from '../store/store.ts';

export class RemovalProofs {
  readonly #store: Pick<Store, 'removalsOf' | 'witnessed' | 'entries' | 'leaves'>;
  /** Of the index logs that were asked for last; they only grow. */
  readonly #nodes = new Map<LogId, TreeNodes>();

  constructor(store: Pick<Store, 'removalsOf' | 'witnessed' | 'entries' | 'leaves'>) {
    this.#store = store;
  }

  /** What removed contents of the log. An entry that no checkpoint covers yet does not count and is left out. */
  async of(logId: LogId): Promise<ProvenRemoval[]> {
    const proven: ProvenRemoval[] = [];
    for (const removal of await this.#store.removalsOf(logId)) {
      const one = await this.#prove(removal);
      if (one !== undefined) proven.push(one);
    }
    return proven;
  }

  async #prove({ indexLog, index }: StatedRemoval): Promise<ProvenRemoval | undefined> {
    const [head, [entry]] = await Promise.all([this.#store.witnessed(indexLog), this.#store.entries(indexLog, index, 1)]);
    const bytes = entry?.payload && decodePayload(entry.payload);
    if (head === undefined || head.size <= index || entry?.payload === undefined || bytes === undefined) return undefined;
    const nodes = await this.#nodesOf(indexLog, head.size);
    if (nodes.size < head.size) return undefined;
    return {
      log: indexLog,
      index,
      leaf: toBase64(entry.leaf),
      payload: { salt: toBase64(entry.payload.salt), bytes: toBase64(bytes) },
      note: head.note,
      treeIndex: head.treeIndex,
      proof: proveInclusion(nodes.read, index, head.size).map(toBase64),
    };
  }

  async #nodesOf(logId: LogId, size: number): Promise<TreeNodes> {
    const nodes = this.#nodes.get(logId) ?? new TreeNodes();
    while (nodes.size < size) {
      const from = nodes.size;
      const leaves = await this.#store.leaves(logId, from, Math.min(limits.readEntriesMax, size - from));
      if (leaves.length === 0) break;
      // Somebody else may have read them meanwhile.
      for (const leaf of leaves.slice(nodes.size - from)) nodes.append(leafHash(leaf));
    }
    this.#nodes.delete(logId);
    this.#nodes.set(logId, nodes);
    const [oldest] = this.#nodes.keys();
    if (this.#nodes.size > limits.provenLogsMax && oldest !== undefined) this.#nodes.delete(oldest);
    return nodes;
  }
}

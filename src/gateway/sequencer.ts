// The gateway's own tree over every checkpoint that it accepts: one leaf after the other, one signed head for what came together.
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { LogId } from '../base/ids.ts';
import { type Checkpoint, signCheckpoint, type TreeHead } from '../evidence/checkpoint.ts';
import { Frontier, leafHash } from '../evidence/merkle.ts';
import { type NoteVerifier, noteVerifier, rawPublicKey } from '../evidence/note.ts';
import { levelOf, type NodeReader, proveConsistency, proveInclusion } from '../evidence/proof.ts';
import { treeLeaf } from '../evidence/receipt.ts';
import { nodesRead } from '../evidence/tree.ts';
import type { TreeGrowth, TreeStore } from '../store/store.ts';

export interface SequencerParts {
  readonly store: TreeStore;
  readonly signingKey: KeyObject;
  /** Of the tree: the gateway's address without its scheme. */
  readonly origin: string;
  readonly clock: Clock;
  /** Has a new head co-signed by the witnesses that the gateway knows; returns the note with their signatures. Throws `witness_missing`. */
  readonly cosign: (head: TreeHead, note: string, prove: (old: number) => Promise<readonly Uint8Array[]>) => Promise<string>;
}

interface Waiting {
  readonly logId: LogId;
  readonly checkpoint: Checkpoint;
  readonly note: string;
  readonly resolve: (index: number) => void;
  readonly reject: (error: unknown) => void;
}

export class Sequencer {
  /** The key that signs the tree's heads, under its origin. */
  readonly verifier: NoteVerifier;
  readonly #parts: SequencerParts;
  #frontier: Frontier | undefined;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(parts: SequencerParts) {
    this.#parts = parts;
    this.verifier = noteVerifier(parts.origin, 'ed25519', rawPublicKey(parts.signingKey));
  }

  /** Adds an accepted checkpoint to the tree; resolves to the number of its leaf once it is durable and in a signed head. */
  accept(logId: LogId, checkpoint: Checkpoint, note: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ logId, checkpoint, note, resolve, reject });
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
      });
    });
  }

  /** The newest head with all its signatures; one of an empty tree where nothing was accepted yet. Throws `witness_missing` where it must be co-signed and is not. */
  async head(): Promise<TreeHead & { readonly note: string }> {
    const { store, origin, signingKey } = this.#parts;
    const frontier = await this.#load();
    const head = { size: frontier.size, root: frontier.root() };
    const kept = await store.treeHead();
    const signed = kept?.size === head.size ? kept.note : signCheckpoint(origin, head, signingKey);
    if (head.size === 0) return { ...head, note: signed };
    const note = await this.#parts.cosign(head, signed, (old) => this.proveConsistency(old, head.size));
    if (note !== signed) await store.keepTreeHead(head.size, note);
    return { ...head, note };
  }

  proveInclusion(index: number, size: number): Promise<Uint8Array[]> {
    return this.#prove((read) => proveInclusion(read, index, size));
  }

  proveConsistency(old: number, size: number): Promise<Uint8Array[]> {
    return this.#prove((read) => proveConsistency(read, old, size));
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // A turn of the event loop: what comes at once shares a head.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0);
      try {
        const first = await this.#append(batch);
        batch.forEach(({ resolve }, i) => {
          resolve(first + i);
        });
      } catch (error) {
        this.#frontier = undefined;
        for (const { reject } of batch) reject(error);
      }
    }
  }

  async #append(batch: readonly Waiting[]): Promise<number> {
    const { store, origin, signingKey, clock } = this.#parts;
    for (;;) {
      const before = await this.#load();
      const frontier = before.copy();
      const nodes: TreeGrowth['nodes'][number][] = [];
      const leaves = batch.map(({ logId, checkpoint, note }) => {
        const leaf = treeLeaf(checkpoint);
        const index = frontier.size;
        frontier.append(leafHash(leaf), (level, n, hash) => nodes.push({ level, n, hash }));
        return { index, logId, leaf, size: checkpoint.size, root: checkpoint.root, note };
      });
      const head = { size: frontier.size, root: frontier.root() };
      const note = signCheckpoint(origin, head, signingKey);
      if (await store.growTree({ leaves, nodes, head: { size: head.size, note }, atMs: clock.wallMs() })) {
        this.#frontier = frontier;
        return before.size;
      }
      // Another process has added to the tree: go on from there.
      this.#frontier = undefined;
    }
  }

  async #load(): Promise<Frontier> {
    this.#frontier ??= await this.#read();
    return this.#frontier;
  }

  async #read(): Promise<Frontier> {
    const size = await this.#parts.store.treeSize();
    const parts: Uint8Array[] = [];
    for (let at = 0; at < size; ) {
      const level = levelOf(size - at);
      parts.push(...(await this.#parts.store.treeRange(level, at / 2 ** level, 1)));
      at += 2 ** level;
    }
    const encoded = Buffer.alloc(8);
    encoded.writeBigUInt64BE(BigInt(size));
    return Frontier.decode(Buffer.concat([encoded, ...parts]));
  }

  async #prove(prove: (read: NodeReader) => Uint8Array[]): Promise<Uint8Array[]> {
    const nodes = await this.#parts.store.treeNodes(nodesRead(prove));
    return prove((level, n) => nodes.get(`${level}/${n}`) ?? new Uint8Array(32));
  }
}

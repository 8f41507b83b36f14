// The gateway as a witness of its laptops' logs (c2sp.org/tlog-witness): accepts what goes on from what it knows, keeps it, co-signs it.

import type { KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import { toBase64 } from '../base/base64.ts';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { type Checkpoint, logOfOrigin, openCheckpoint, originOf, type TreeHead } from '../evidence/checkpoint.ts';
import { Frontier } from '../evidence/merkle.ts';
import { formatVerifier, type NoteVerifier, noteVerifier, signNote } from '../evidence/note.ts';
import { cosignerOf } from '../evidence/receipt.ts';
import { type AddCheckpoint, judge } from '../evidence/witness.ts';
import type { ReceiptAnswer } from '../protocol/control.ts';
import type { LogRecord, TreeStore, Witnessed } from '../store/store.ts';
import type { Sequencer } from './sequencer.ts';

export interface WitnessParts {
  readonly store: TreeStore;
  readonly sequencer: Sequencer;
  readonly signingKey: KeyObject;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What `add-checkpoint` is answered with. */
export type WitnessAnswer =
  | { readonly status: 200; readonly cosignature: string }
  | { readonly status: 409; readonly size: number }
  | { readonly status: 400 | 403 | 404 | 422; readonly reason: string };

const nothing: TreeHead = { size: 0, root: new Frontier().root() };

export class Witness {
  readonly #parts: WitnessParts;
  readonly #cosigner: NoteVerifier;
  /** The last step of each log: judging and accepting are one. */
  readonly #steps = new Map<LogId, Promise<unknown>>();

  constructor(parts: WitnessParts) {
    this.#parts = parts;
    this.#cosigner = cosignerOf(parts.sequencer.verifier);
  }

  /** Judges and, where it accepts, keeps a checkpoint. */
  async addCheckpoint(request: AddCheckpoint): Promise<WitnessAnswer> {
    const { checkpoint } = request;
    const logId = logOfOrigin(checkpoint.origin);
    const device = logId === undefined ? undefined : await this.#parts.store.logKey(logId);
    if (logId === undefined || device === undefined) return { status: 404, reason: 'this witness knows no log of that origin' };
    return this.#inTurn(logId, async () => {
      const known = await this.#parts.store.witnessed(logId);
      const judgement = judge(request, [noteVerifier(checkpoint.origin, 'ed25519', device)], known ?? nothing);
      switch (judgement.kind) {
        case 'refused':
          if (judgement.status === 422) await this.#alarm(logId, 'a checkpoint that does not go on from the one before', known, request.note);
          return { status: judgement.status, reason: judgement.reason };
        case 'conflict':
          if (judgement.rollback) await this.#alarm(logId, 'a rollback: less than was co-signed before, or another root', known, request.note);
          return { status: 409, size: judgement.size };
        case 'accepted':
          if (judgement.isNew) await this.#parts.sequencer.accept(logId, checkpoint, request.note);
          return { status: 200, cosignature: this.#cosign(checkpoint) };
        default:
          return judgement satisfies never;
      }
    });
  }

  /**
   * The receipt for a log whose entries are held up to its checkpoint. `treeSize` is the head of the tree that the client knows.
   * Throws `verify_failed` where the checkpoint is not that of the entries, `witness_rollback` where less is shown than before.
   */
  async receipt(log: LogRecord, note: string, treeSize: number): Promise<ReceiptAnswer> {
    const device = await this.#parts.store.logKey(log.logId);
    if (device === undefined) throw new McprecError('not_found', 'there is no such log');
    const checkpoint = openCheckpoint(note, originOf(log.logId), device);
    const index = await this.#inTurn(log.logId, () => this.#accept(log, checkpoint, note));
    const { sequencer } = this.#parts;
    const { size, note: treeNote } = await sequencer.head();
    const proof = await sequencer.proveInclusion(index, size);
    const consistency = treeSize > 0 && treeSize <= size ? await sequencer.proveConsistency(treeSize, size) : [];
    return {
      size: checkpoint.size,
      note: note + this.#cosign(checkpoint),
      treeIndex: index,
      treeNote,
      proof: proof.map(toBase64),
      consistency: consistency.map(toBase64),
      treeKey: formatVerifier(sequencer.verifier),
    };
  }

  async #accept(log: LogRecord, checkpoint: Checkpoint, note: string): Promise<number> {
    const { store, sequencer } = this.#parts;
    const known = await store.witnessed(log.logId);
    if (known !== undefined && checkpoint.size <= known.size) {
      if (checkpoint.size === known.size && same(checkpoint.root, known.root)) return known.treeIndex;
      await this.#alarm(log.logId, 'a rollback: less than was co-signed before, or another root', known, note);
      throw new McprecError('witness_rollback', `the log was co-signed with ${known.size} entries; this checkpoint has ${checkpoint.size}, or another root`);
    }
    if (checkpoint.size !== log.size || !same(checkpoint.root, log.root)) {
      throw new McprecError('verify_failed', `the checkpoint of ${checkpoint.size} entries is not that of the ${log.size} entries that the gateway holds`);
    }
    return sequencer.accept(log.logId, checkpoint, note);
  }

  /** An upload contradicts what the gateway holds of the log: where it came with a signed checkpoint, both notes are kept. Throws `note_invalid`. */
  async contradicted(logId: LogId, note: string, reason: string): Promise<void> {
    const { store } = this.#parts;
    const device = await store.logKey(logId);
    if (device === undefined) return;
    openCheckpoint(note, originOf(logId), device);
    // A laptop tries again as long as it runs.
    if ((await store.alarms()).some((alarm) => alarm.logId === logId && alarm.shown === note)) return;
    await this.#alarm(logId, `a fork: ${reason}`, await store.witnessed(logId), note);
  }

  async #alarm(logId: LogId, what: string, known: Witnessed | undefined, shown: string): Promise<void> {
    const { store, logger, clock } = this.#parts;
    logger.warn({ logId, known: known?.size ?? 0 }, what);
    await store.raiseAlarm({ atMs: clock.wallMs(), logId, what, known: known?.note ?? '', shown });
  }

  #cosign({ note }: Checkpoint): string {
    return signNote(note.text, this.#cosigner, this.#parts.signingKey, Math.floor(this.#parts.clock.wallMs() / 1000));
  }

  async #inTurn<T>(logId: LogId, step: () => Promise<T>): Promise<T> {
    const before = this.#steps.get(logId) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(step);
    this.#steps.set(logId, mine);
    try {
      return await mine;
    } finally {
      if (this.#steps.get(logId) === mine) this.#steps.delete(logId);
    }
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

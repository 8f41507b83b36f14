// Signed checkpoints, receipts and heads of gateways' trees in the journal: what others can hold its logs against.
import type { Database, Statement } from 'better-sqlite3';
import { idBytes, idFromBytes, type LogId } from '../base/ids.ts';
import { type LogSigner, originOf, type TreeHead } from '../evidence/checkpoint.ts';
import { Frontier } from '../evidence/merkle.ts';
import type { Receipt } from '../evidence/receipt.ts';
import type { Committer } from './committer.ts';
import type { IndexLogs } from './index-logs.ts';

/** A head of a gateway's tree that does not go on from one seen before: kept, because both are signed. */
export interface Split {
  readonly gateway: string;
  readonly foundMs: number;
  readonly what: string;
  /** Both signed notes. */
  readonly known: string;
  readonly shown: string;
}

interface HeadRow {
  readonly log_no: number;
  readonly log_id: Buffer;
  readonly frontier: Buffer;
}

export class Notary {
  readonly #committer: Pick<Committer, 'submit'>;
  readonly #indexes: IndexLogs;
  readonly #unsigned: Statement<[string], HeadRow>;
  readonly #log: Statement<[Uint8Array], HeadRow>;
  readonly #gatewayOf: Statement<[Uint8Array], string>;
  readonly #insert: Statement;
  readonly #newest: Statement<[Uint8Array], { readonly size: number; readonly note: string }>;
  readonly #replace: Statement;
  readonly #has: Statement<[number, number], number>;
  readonly #receipt: Statement;
  readonly #receipted: Statement<[Uint8Array], number>;
  readonly #tree: Statement<[string], { readonly note: string; readonly verifier: string }>;
  readonly #setTree: Statement;
  readonly #split: Statement;
  readonly #splits: Statement<[], Split>;

  constructor(db: Database, committer: Pick<Committer, 'submit'>, indexes: IndexLogs) {
    this.#committer = committer;
    this.#indexes = indexes;
    const signed = 'coalesce((SELECT max(c.size) FROM checkpoints c WHERE c.log_no = l.log_no), 0)';
    const gateway =
      "coalesce((SELECT coalesce(s.gateway, '') FROM sessions s WHERE s.log_no = l.log_no), (SELECT i.gateway FROM indexes i WHERE i.log_no = l.log_no))";
    this.#unsigned = db.prepare(`SELECT l.log_no, l.log_id, l.frontier FROM logs l WHERE ${signed} < l.size AND ${gateway} = ?`);
    this.#log = db.prepare('SELECT log_no, log_id, frontier FROM logs WHERE log_id = ?');
    this.#gatewayOf = db.prepare<[Uint8Array], string>(`SELECT ${gateway} FROM logs l WHERE l.log_id = ?`).pluck();
    this.#has = db.prepare<[number, number], number>('SELECT 1 FROM checkpoints WHERE log_no = ? AND size = ?').pluck();
    this.#newest = db.prepare('SELECT c.size, c.note FROM checkpoints c JOIN logs l USING (log_no) WHERE l.log_id = ? ORDER BY c.size DESC LIMIT 1');
    this.#replace = db.prepare('UPDATE checkpoints SET note = ? WHERE log_no = (SELECT log_no FROM logs WHERE log_id = ?) AND size = ?');
    this.#insert = db.prepare('INSERT INTO checkpoints (log_no, size, note) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
    this.#receipt = db.prepare(
      `INSERT INTO receipts (log_no, size, note, tree_index, tree_note, proof) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (log_no) DO UPDATE SET size = excluded.size, note = excluded.note, tree_index = excluded.tree_index, tree_note = excluded.tree_note, proof = excluded.proof
       WHERE excluded.size >= size`,
    );
    this.#receipted = db.prepare<[Uint8Array], number>('SELECT r.size FROM receipts r JOIN logs l USING (log_no) WHERE l.log_id = ?').pluck();
    this.#tree = db.prepare('SELECT note, verifier FROM trees WHERE gateway = ?');
    this.#setTree = db.prepare('INSERT OR REPLACE INTO trees (gateway, note, verifier) VALUES (?, ?, ?)');
    this.#split = db.prepare('INSERT INTO splits (gateway, found_ms, what, known, shown) VALUES (?, ?, ?, ?, ?)');
    this.#splits = db.prepare('SELECT gateway, found_ms AS foundMs, what, known, shown FROM splits ORDER BY split_id');
  }

  /** Signs every log of that gateway (undefined: solo) whose head is not signed yet, its index log last. */
  signAll(gateway: string | undefined, signer: LogSigner): Promise<void> {
    return this.#write(() => {
      // It begins with the first session; before, the gateway does not know this device either.
      if (this.#indexes.find(gateway) === undefined) return;
      this.#indexes.stateKey(gateway, signer.publicKey);
      for (const row of this.#unsigned.all(gateway ?? '')) this.#sign(row, signer);
    });
  }

  /** Signs the head that this log has in the file, and that of its index log. */
  sign(logId: LogId, signer: LogSigner): Promise<void> {
    return this.#write(() => {
      const row = this.#log.get(idBytes(logId));
      if (row === undefined) return;
      const gateway = this.#gatewayOf.get(idBytes(logId)) || undefined;
      this.#indexes.stateKey(gateway, signer.publicKey);
      this.#sign(row, signer);
      const index = this.#indexes.find(gateway);
      const indexRow = index && this.#log.get(idBytes(index));
      if (indexRow) this.#sign(indexRow, signer);
    });
  }

  /** Keeps a checkpoint of a log that was signed elsewhere in this process. */
  keep(logId: LogId, size: number, note: string): Promise<void> {
    return this.#write(() => {
      const row = this.#log.get(idBytes(logId));
      if (row !== undefined) this.#insert.run(row.log_no, size, note);
    });
  }

  /** The newest checkpoint of the index log of that gateway (undefined: solo); undefined where there is none. */
  newestIndex(gateway: string | undefined): { readonly logId: LogId; readonly size: number; readonly note: string } | undefined {
    const logId = this.#indexes.find(gateway);
    const row = logId && this.#newest.get(idBytes(logId));
    return logId && row && { logId, ...row };
  }

  /** Puts a checkpoint with more signatures in place of the one of that size. */
  keepSignatures(logId: LogId, size: number, note: string): Promise<void> {
    return this.#write(() => this.#replace.run(note, idBytes(logId), size));
  }

  /** Keeps the newest receipt of a log. */
  keepReceipt(logId: LogId, { size, note, treeIndex, treeNote, proof }: Receipt): Promise<void> {
    return this.#write(() => {
      const row = this.#log.get(idBytes(logId));
      if (row !== undefined) this.#receipt.run(row.log_no, size, note, treeIndex, treeNote, Buffer.concat(proof));
    });
  }

  /** Entries of a log that the newest receipt covers. */
  receiptedOf(logId: LogId): number {
    return this.#receipted.get(idBytes(logId)) ?? 0;
  }

  /** The newest head seen of a gateway's tree as a signed note, and the key that signed it. */
  treeOf(gateway: string): { readonly note: string; readonly verifier: string } | undefined {
    return this.#tree.get(gateway);
  }

  keepTree(gateway: string, note: string, verifier: string): Promise<void> {
    return this.#write(() => this.#setTree.run(gateway, note, verifier));
  }

  keepSplit({ gateway, foundMs, what, known, shown }: Split): Promise<void> {
    return this.#write(() => this.#split.run(gateway, foundMs, what, known, shown));
  }

  splits(): Split[] {
    return this.#splits.all();
  }

  #sign({ log_no: logNo, log_id: id, frontier }: HeadRow, signer: LogSigner): void {
    const head = headOf(frontier);
    if (this.#has.get(logNo, head.size) === undefined) this.#insert.run(logNo, head.size, signer.sign(originOf(idFromBytes('log', id)), head));
  }

  #write(write: () => void): Promise<void> {
    return this.#committer.submit({ entries: 1, bytes: 0, write });
  }
}

function headOf(encoded: Uint8Array): TreeHead {
  const frontier = Frontier.decode(encoded);
  return { size: frontier.size, root: frontier.root() };
}

// Reads what the journal holds beside the entries of a log, and checks it: index logs, checkpoints, receipts.
import type { Database } from 'better-sqlite3';
import { asMcprecError } from '../base/errors.ts';
import { idFromBytes, type LogId } from '../base/ids.ts';
import { openCheckpoint, originOf, type TreeHead } from '../evidence/checkpoint.ts';
import type { Known, LogHead, StatedHead } from '../evidence/claims.ts';
import type { LogReport } from '../evidence/findings.ts';
import { IndexContents } from '../evidence/index-contents.ts';
import { Frontier, hashBytes } from '../evidence/merkle.ts';
import { parseVerifier } from '../evidence/note.ts';
import { openReceipt } from '../evidence/receipt.ts';
import { LogVerifier } from '../evidence/verify.ts';
import { type PackedRow, packedRows, unpackRow } from './packed-rows.ts';
import { entriesPerLog } from './schema.ts';

/** All index logs of one gateway, or of solo use (`''`). */
export class GatewayIndex extends IndexContents {
  /** What the verification of the index logs themselves found, older ones first. */
  readonly reports: LogReport[] = [];
}

/** What is known of one log beside its entries. */
export interface Beside extends Known {
  /** Entries covered by a checkpoint of the device, and by a receipt; 0 where there is none that holds. */
  readonly signed: number;
  readonly receipted: number;
  /** What does not hold, in words. */
  readonly faults: readonly string[];
}

interface IndexRow {
  readonly log_no: number;
  readonly log_id: Buffer;
  readonly frontier: Buffer;
  readonly gateway: string;
}

export class IndexReader {
  readonly #db: Database;
  #contents: ReadonlyMap<string, GatewayIndex> | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** By gateway. Read once. */
  contents(): ReadonlyMap<string, GatewayIndex> {
    this.#contents ??= this.#readAll();
    return this.#contents;
  }

  /** What is known of a log of that gateway (`''`: solo). */
  beside(logNo: number, logId: LogId, gateway: string): Beside {
    const index = this.contents().get(gateway);
    const faults: string[] = [];
    const heads = this.#signedHeads(logNo, logId, index?.keys ?? [], faults);
    const signed = Math.max(0, ...heads.map(({ size }) => size));
    const receipt = this.#receipt(logNo, logId, gateway, index?.keys ?? [], faults);
    const ended = index?.ended.get(logId);
    return {
      heads: [...heads, ...(receipt ? [receipt] : []), ...(ended ? [{ ...ended, by: 'the index log' }] : [])],
      removed: index?.removed.get(logId) ?? [],
      signed,
      receipted: receipt?.size ?? 0,
      faults,
    };
  }

  #readAll(): ReadonlyMap<string, GatewayIndex> {
    const rows = this.#db
      .prepare<[], IndexRow>('SELECT i.log_no, i.gateway, l.log_id, l.frontier FROM indexes i JOIN logs l USING (log_no) ORDER BY i.log_no')
      .all();
    const found = new Map<string, GatewayIndex>();
    for (const row of rows) {
      const into = found.get(row.gateway) ?? new GatewayIndex();
      found.set(row.gateway, into);
      this.#readOne(row, into);
    }
    return found;
  }

  #readOne(row: IndexRow, into: GatewayIndex): void {
    const logId = idFromBytes('log', row.log_id);
    const frontier = readFrontier(row.frontier);
    if (frontier === undefined) {
      const finding = { code: 'store_damaged', message: 'its head cannot be read' } as const;
      into.reports.push({ logId, entries: 0, erased: 0, pruned: 0, findings: [finding], more: 0 });
      return;
    }
    const head: LogHead = { logId, role: 'index', size: frontier.size, root: frontier.root(), state: 'open', calls: 0, denied: 0, masked: 0 };
    const entries = this.#db.prepare<[number, number], PackedRow>(packedRows);
    const base = row.log_no * entriesPerLog;
    for (const stored of entries.iterate(base, base + entriesPerLog)) {
      const { payload } = unpackRow(stored);
      if (payload !== undefined && payload !== 'unreadable') into.addKey(payload.bytes);
    }
    const faults: string[] = [];
    const heads = this.#signedHeads(row.log_no, logId, into.keys, faults);
    const receipt = this.#receipt(row.log_no, logId, row.gateway, into.keys, faults);
    const signed = Math.max(0, ...heads.map(({ size }) => size));
    const log = new LogVerifier(head, { heads: receipt ? [...heads, receipt] : heads });
    for (const fault of faults) log.report('signature_invalid', undefined, fault);
    for (const stored of entries.iterate(base, base + entriesPerLog)) {
      const entry = unpackRow(stored);
      const leaf = log.add(entry);
      if (leaf === undefined) continue;
      const payload = entry.payload === 'unreadable' ? undefined : entry.payload?.bytes;
      try {
        into.add(leaf, payload, entry.index < signed);
      } catch (error) {
        log.report('index_malformed', entry.index, asMcprecError(error).message);
      }
    }
    into.reports.push(log.finish());
  }

  #signedHeads(logNo: number, logId: LogId, keys: readonly Uint8Array[], faults: string[]): StatedHead[] {
    const rows = this.#db.prepare<[number], { readonly size: number; readonly note: string }>(
      'SELECT size, note FROM checkpoints WHERE log_no = ? ORDER BY size',
    );
    const heads: StatedHead[] = [];
    for (const { size, note } of rows.iterate(logNo)) {
      const opened = openByAny(note, originOf(logId), keys);
      if (opened === undefined || opened.size !== size)
        faults.push(`the checkpoint of ${size} entries is not signed by a key of this device: it was made or changed by another hand`);
      else heads.push({ size, root: opened.root, by: `the checkpoint of ${size} entries that this device signed` });
    }
    return heads;
  }

  #receipt(logNo: number, logId: LogId, gateway: string, keys: readonly Uint8Array[], faults: string[]): StatedHead | undefined {
    const row = this.#db
      .prepare<[number], { size: number; note: string; tree_index: number; tree_note: string; proof: Buffer }>(
        'SELECT size, note, tree_index, tree_note, proof FROM receipts WHERE log_no = ?',
      )
      .get(logNo);
    if (row === undefined) return undefined;
    const verifier = this.#db.prepare<[string], string>('SELECT verifier FROM trees WHERE gateway = ?').pluck().get(gateway);
    const origin = originOf(logId);
    let fault = 'the key of the gateway’s tree is not known';
    for (const device of verifier === undefined ? [] : keys) {
      try {
        const proof = Array.from({ length: row.proof.length / hashBytes }, (_, i) => new Uint8Array(row.proof.subarray(i * hashBytes, (i + 1) * hashBytes)));
        const receipt = { size: row.size, note: row.note, treeIndex: row.tree_index, treeNote: row.tree_note, proof };
        const { checkpoint } = openReceipt(receipt, { origin, device, tree: parseVerifier(verifier ?? '') });
        return { size: checkpoint.size, root: checkpoint.root, by: `the gateway’s receipt for ${checkpoint.size} entries` };
      } catch (error) {
        fault = asMcprecError(error).message;
      }
    }
    faults.push(`the gateway’s receipt for ${row.size} entries cannot be used: ${fault}`);
    return undefined;
  }
}

function readFrontier(encoded: Uint8Array): Frontier | undefined {
  try {
    return Frontier.decode(encoded);
  } catch {
    return undefined;
  }
}

function openByAny(note: string, origin: string, keys: readonly Uint8Array[]): TreeHead | undefined {
  for (const key of keys) {
    try {
      return openCheckpoint(note, origin, key);
    } catch {
      // Perhaps by another of the device's keys.
    }
  }
  return undefined;
}

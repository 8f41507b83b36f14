// Between entries and their rows: one insert statement, compiled once and filled for each entry.
import { type Compilable, CompiledQuery, type Kysely } from 'kysely';
import { idBytes, idFromBytes, type LogId } from '../base/ids.ts';
import type { Leaf } from '../evidence/leaf.ts';
import { leafHash } from '../evidence/merkle.ts';
import type { SealedEntry } from '../evidence/seal.ts';
import { emptyTail, type LogTail } from '../evidence/tail.ts';
import { type Coded, encodePayload } from '../journal/coding.ts';
import type { UploadedEntry } from '../protocol/control.ts';
import type { EntryTable, Tables } from './schema.ts';

/** Makes the statements that add entries to a log. */
export interface EntryStatements {
  /** Of an entry that came over the wire; its leaf was decoded to check it. */
  uploaded(entry: UploadedEntry, leaf: Leaf, receivedMs: number): Compilable;
  sealed(logId: LogId, entry: SealedEntry, receivedMs: number): Compilable;
  /** Changes no row where the log's head is not the one before any more. */
  moveHead(before: LogTail, after: LogTail): Compilable;
}

const columns = [
  'log',
  'idx',
  'leaf',
  'leaf_hash',
  'received_ms',
  'exchange',
  'direction',
  'payload_salt',
  'payload_coding',
  'payload',
  'names_salt',
  'names',
] as const satisfies readonly (keyof EntryTable)[];

/** Columns of an entry that a removal empties. */
export const noContents = { payload_salt: null, payload_coding: null, payload: null, names_salt: null, names: null } as const satisfies Partial<EntryTable>;

/** Compiles the statements once, for one database. */
export function entryStatements(db: Kysely<Tables>): EntryStatements {
  const blank = Object.fromEntries(columns.map((column) => [column, 0]));
  const insertion = db.insertInto('entries').values(blank as never);
  const inserted = refilled(insertion);
  const insert = (row: EntryTable): Compilable => inserted(columns.map((column) => row[column]));
  const moved = refilled(
    db
      .updateTable('logs')
      .set(tailColumns(emptyTail(noLog)))
      .where('log', '=', idBytes(noLog))
      .where('size', '=', 0),
  );
  return {
    moveHead: (before, after) => moved([...Object.values(tailColumns(after)), idBytes(after.logId), before.frontier.size]),
    uploaded: (entry, leaf, receivedMs) => insert(rowOf(leaf.logId, leaf, { ...entry, leafHash: leafHash(entry.leaf) }, receivedMs)),
    sealed: (logId, { index, draft, leaf, leafHash, payload, names }, receivedMs) => {
      const coded = payload && (draft.prepared ?? encodePayload(payload.bytes));
      const stored = payload && coded && { salt: payload.salt, coding: coded.coding, bytes: coded.bytes };
      return insert(rowOf(logId, { index, exchange: draft.exchange, direction: draft.direction }, { leaf, leafHash, payload: stored, names }, receivedMs));
    },
  };
}

/** How a stored payload is coded; there is no other way than the schema lets in. */
export function codingOf(column: string | null): Coded['coding'] {
  return column === 'zstd' ? 'zstd' : 'identity';
}

const noLog = idFromBytes('log', new Uint8Array(16));

/** A statement like the one given, with other values in their order: compiling it anew would take longer than running it. */
export function refilled(statement: Compilable): (values: readonly unknown[]) => Compilable {
  const { sql } = statement.compile();
  return (values) => {
    const query = CompiledQuery.raw(sql, [...values]);
    return { compile: () => query };
  };
}

type Stored = Pick<SealedEntry, 'leaf' | 'leafHash' | 'names'> & { readonly payload?: UploadedEntry['payload'] | undefined };

function rowOf(logId: LogId, at: Pick<Leaf, 'index' | 'exchange' | 'direction'>, { leaf, leafHash, payload, names }: Stored, receivedMs: number): EntryTable {
  return {
    log: idBytes(logId),
    idx: at.index,
    leaf,
    leaf_hash: leafHash,
    received_ms: receivedMs,
    exchange: at.exchange === undefined ? null : idBytes(at.exchange),
    direction: at.direction ?? null,
    payload_salt: payload?.salt ?? null,
    payload_coding: payload?.coding ?? null,
    payload: payload?.bytes ?? null,
    names_salt: names?.salt ?? null,
    names: names?.bytes ?? null,
  };
}

/** The columns of a log's row that its tail decides. */
export function tailColumns(tail: LogTail) {
  return {
    size: tail.frontier.size,
    root: tail.frontier.root(),
    frontier: tail.frontier.encode(),
    calls: tail.calls,
    denied: tail.denied,
    masked: tail.masked,
    last_kind: tail.last?.kind ?? null,
    last_wall_ms: tail.last?.wallMs ?? null,
    last_mono_us: tail.last?.monoUs ?? null,
  };
}

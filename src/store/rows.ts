// Between entries and their rows: one insert statement per table, compiled once and filled for each entry.
import { type Compilable, CompiledQuery, type Kysely } from 'kysely';
import { idBytes } from '../base/ids.ts';
import { decodeLeaf, type Leaf } from '../evidence/leaf.ts';
import { leafHash } from '../evidence/merkle.ts';
import type { SealedEntry } from '../evidence/seal.ts';
import type { LogTail } from '../evidence/tail.ts';
import { type Coded, encodePayload } from '../journal/coding.ts';
import type { UploadedEntry } from '../protocol/control.ts';
import type { EntryTable, NamesTable, PayloadTable, Tables } from './schema.ts';

/** Makes the statements that add entries to a log. */
export interface EntryStatements {
  /** Of an entry that came over the wire; its leaf was decoded to check it. */
  uploaded(entry: UploadedEntry, leaf: Leaf, receivedMs: number): Compilable[];
  sealed(entry: SealedEntry, receivedMs: number): Compilable[];
}

const entryColumns = [
  'log',
  'idx',
  'leaf',
  'leaf_hash',
  'received_ms',
  'wall_ms',
  'kind',
  'exchange',
  'direction',
  'message',
  'status',
  'failed',
  'effect',
  'rule',
] as const satisfies readonly (keyof EntryTable)[];
const payloadColumns = ['log', 'idx', 'salt', 'coding', 'bytes'] as const satisfies readonly (keyof PayloadTable)[];
const namesColumns = ['log', 'idx', 'salt', 'bytes'] as const satisfies readonly (keyof NamesTable)[];

export function entryStatements(db: Kysely<Tables>): EntryStatements {
  const insertEntry = inserter<EntryTable>(db, 'entries', entryColumns);
  const insertPayload = inserter<PayloadTable>(db, 'payloads', payloadColumns);
  const insertNames = inserter<NamesTable>(db, 'names', namesColumns);
  const uploaded = (entry: UploadedEntry, leaf: Leaf, receivedMs: number): Compilable[] => {
    const at = { log: idBytes(leaf.logId), idx: leaf.index };
    return [
      insertEntry(entryRow(entry.leaf, leaf, receivedMs)),
      ...(entry.payload ? [insertPayload({ ...at, ...entry.payload })] : []),
      ...(entry.names ? [insertNames({ ...at, ...entry.names })] : []),
    ];
  };
  return {
    uploaded,
    sealed: ({ draft, leaf, payload, names }, receivedMs) =>
      uploaded(
        { leaf, ...(payload && { payload: { salt: payload.salt, ...coded(draft.prepared ?? encodePayload(payload.bytes)) } }), ...(names && { names }) },
        decodeLeaf(leaf),
        receivedMs,
      ),
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

function entryRow(bytes: Uint8Array, leaf: Leaf, receivedMs: number): EntryTable {
  return {
    log: idBytes(leaf.logId),
    idx: leaf.index,
    leaf: bytes,
    leaf_hash: leafHash(bytes),
    received_ms: receivedMs,
    wall_ms: leaf.wallMs,
    kind: leaf.kind,
    exchange: leaf.exchange === undefined ? null : idBytes(leaf.exchange),
    direction: leaf.direction ?? null,
    message: leaf.message ?? null,
    status: leaf.status ?? null,
    failed: leaf.failed ? 1 : 0,
    effect: leaf.decision?.effect ?? null,
    rule: leaf.decision?.rule ?? null,
  };
}

function coded({ coding, bytes }: Coded): Coded {
  return { coding, bytes };
}

function inserter<Row extends object>(
  db: Kysely<Tables>,
  table: 'entries' | 'payloads' | 'names',
  columns: readonly (keyof Row & string)[],
): (row: Row) => Compilable {
  const blank = Object.fromEntries(columns.map((column) => [column, 0]));
  const { sql } = db
    .insertInto(table)
    .values(blank as never)
    .compile();
  return (row) => {
    const query = CompiledQuery.raw(
      sql,
      columns.map((column) => row[column]),
    );
    return { compile: () => query };
  };
}

// Reads rows of entries for verification with all their bytes in one value: SQLite's binding takes longer to make a buffer than to hash it.
import { McprecError } from '../base/errors.ts';
import type { EntryToVerify } from '../evidence/claims.ts';
import { decodePayload } from './coding.ts';
import { codings, entriesPerLog } from './schema.ts';

export interface PackedRow {
  readonly entry_id: number;
  readonly wall_ms: number;
  readonly leaf: number;
  readonly leaf_hash: number;
  readonly names_salt: number | null;
  readonly names: number | null;
  readonly payload_salt: number | null;
  readonly payload: number | null;
  readonly payload_coding: number | null;
  readonly bytes: Buffer;
}

const columns = ['leaf', 'leaf_hash', 'names_salt', 'names', 'payload_salt', 'payload'] as const;

/** Rows by their range of `entry_id`, in order: of each column its length, and all of them one after the other as `bytes`. */
export const packedRows = `
SELECT entry_id, wall_ms, payload_coding, ${columns.map((column) => `length(${column}) AS ${column}`).join(', ')},
  CAST(concat(${columns.join(', ')}) AS BLOB) AS bytes
FROM entries WHERE entry_id >= ? AND entry_id < ? ORDER BY entry_id`;

/** The entry in the row; nothing in it is trusted. Throws `journal_corrupt` where a column holds something else than bytes. */
export function unpackRow(row: PackedRow): EntryToVerify {
  const { buffer, byteOffset } = row.bytes;
  let length = 0;
  for (const column of columns) length += row[column] ?? 0;
  if (length !== row.bytes.length) throw new McprecError('journal_corrupt', `entry ${row.entry_id % entriesPerLog} is not stored as bytes`);
  let at = byteOffset;
  const next = (bytes: number | null): Uint8Array => {
    const part = new Uint8Array(buffer, at, bytes ?? 0);
    at += part.length;
    return part;
  };
  const leaf = next(row.leaf);
  const leafHash = next(row.leaf_hash);
  const namesSalt = next(row.names_salt);
  const names = next(row.names);
  const payloadSalt = next(row.payload_salt);
  const payload = next(row.payload);
  return {
    index: row.entry_id % entriesPerLog,
    leaf,
    leafHash,
    columns: { wallMs: row.wall_ms },
    payload: row.payload === null ? undefined : unpackPayload(payloadSalt, payload, row.payload_coding),
    names: row.names === null ? undefined : { salt: namesSalt, bytes: names },
  };
}

function unpackPayload(salt: Uint8Array, stored: Uint8Array, coding: number | null): EntryToVerify['payload'] {
  // Not bounded by the leaf's length, which is yet to be proven, but by what any entry may hold.
  const bytes = decodePayload({ coding: coding === codings.zstd ? 'zstd' : 'identity', bytes: stored });
  return bytes === undefined ? 'unreadable' : { salt, bytes };
}

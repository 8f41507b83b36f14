// Looks in a journal or in a gateway's store for the calls that were answered: both the call and its answer must be there.
import { zstdDecompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { decodeLeaf } from '../../src/evidence/leaf.ts';

/** Which file it is: the laptop's journal, or the gateway's store and in it what the gateway itself recorded. */
export type Kept = { readonly kind: 'journal' | 'store'; readonly path: string };

interface Row {
  readonly leaf: Uint8Array;
  readonly zstd: number | null;
  readonly payload: Uint8Array | null;
}

// Requests are small; the answers' payloads are left where they are.
const queries = {
  journal: `SELECT leaf, payload_coding = 1 AS zstd, CASE WHEN length(payload) < 16384 THEN payload END AS payload FROM entries`,
  store: `SELECT e.leaf, e.payload_coding = 'zstd' AS zstd, CASE WHEN length(e.payload) < 16384 THEN e.payload END AS payload
    FROM entries e JOIN logs l ON l.log = e.log AND l.vantage = 'gateway'`,
} as const;

/** Ids of calls that are kept with the end of their answer. */
export function keptCalls({ kind, path }: Kept): ReadonlySet<number> {
  const db = new Database(path, { readonly: true });
  const idOf = new Map<string, number>();
  const ended = new Set<string>();
  try {
    for (const { leaf, zstd, payload } of db.prepare<[], Row>(queries[kind]).iterate()) {
      const { exchange, direction, final } = decodeLeaf(leaf);
      if (exchange === undefined) continue;
      if (final) ended.add(exchange);
      if (direction !== 'up' || payload === null) continue;
      const text = Buffer.from(zstd === 1 ? zstdDecompressSync(payload) : payload).toString('latin1');
      const id = /"id":(\d+)/.exec(text)?.[1];
      if (id !== undefined) idOf.set(exchange, Number(id));
    }
  } finally {
    db.close();
  }
  return new Set([...idOf].filter(([exchange]) => ended.has(exchange)).map(([, id]) => id));
}

// The addresses of tiles (c2sp.org/tlog-tiles): which part of a tree a path asks for.
import { McprecError } from '../base/errors.ts';
import type { NodeReader } from './proof.ts';

/** Hashes, or entries, in a full tile. */
export const tileWidth = 256;
const TILE_HEIGHT = 8;
const LEVEL_MAX = 6;

export interface Tile {
  readonly level: number | 'entries';
  readonly n: number;
  readonly width: number;
}

/** The tile that a path behind `/tile/` names, e.g. `0/x001/234` or `entries/000.p/17`; undefined where it is none. */
export function parseTilePath(path: string): Tile | undefined {
  const [, level = '', digits = '', partial] = /^(0|[1-9][0-9]?|entries)\/((?:x[0-9]{3}\/){0,4}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(path) ?? [];
  const width = partial === undefined ? tileWidth : Number(partial);
  if (level === '' || width > tileWidth || (partial !== undefined && width === tileWidth)) return undefined;
  // A first element of zeros would be a second address of the same tile.
  if (digits.startsWith('x000')) return undefined;
  const n = Number(digits.replaceAll(/[x/]/g, ''));
  if (level === 'entries') return { level, n, width };
  return Number(level) <= LEVEL_MAX ? { level: Number(level), n, width } : undefined;
}

/** The path of a tile behind `/tile/`; the inverse of `parseTilePath`. */
export function formatTilePath({ level, n, width }: Tile): string {
  const groups =
    String(n)
      .padStart(Math.ceil(String(n).length / 3) * 3, '0')
      .match(/.{3}/g) ?? [];
  const path = groups.map((digits, i) => (i < groups.length - 1 ? `x${digits}` : digits)).join('/');
  return `${level}/${path}${width === tileWidth ? '' : `.p/${width}`}`;
}

/** The entries in a tile of them. Throws `note_invalid` where it is cut off. */
export function readEntryBundle(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
    if (end > bytes.length || at + 2 > bytes.length) throw new McprecError('note_invalid', 'a tile of entries is cut off');
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}

/** The leaves or nodes that a tile stands for: `count` from number `from` on, at this level of the tree. */
export function nodesOf({ level, n, width }: Tile): { readonly level: number; readonly from: number; readonly count: number } {
  return { level: level === 'entries' ? 0 : level * TILE_HEIGHT, from: n * tileWidth, count: width };
}

/** True where a tree of that size has all of the tile. */
export function hasTile(size: number, tile: Tile): boolean {
  const { level, from, count } = nodesOf(tile);
  return (from + count) * 2 ** level <= size;
}

/** A tile of hashes. */
export function tileBytes(tile: Tile, read: NodeReader): Uint8Array {
  const { level, from, count } = nodesOf(tile);
  return Buffer.concat(Array.from({ length: count }, (_, i) => read(level, from + i)));
}

/** A tile of entries: each behind its length as two bytes, big-endian. */
export function entryBundle(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 255), entry]));
}

// The words of an entry as they are looked for: what escapes in JSON hide is shown, case and accents count for nothing.
import type { Names } from '../evidence/entry.ts';
import { decodeNames } from '../evidence/seal.ts';
import { decodePayload } from './coding.ts';
import { codings } from './schema.ts';

/** The columns of an entry that hold text. */
export interface EntryTexts {
  readonly names: Buffer | null;
  readonly payload_coding: number | null;
  readonly payload: Buffer | null;
}

/** All text of an entry: its names, and its masked payload. */
export function searchableText({ names, payload, payload_coding: coding }: EntryTexts): string {
  const named = Object.values(readableNames(names)).flatMap((value) => (typeof value === 'string' ? [value] : Object.entries(value ?? {}).flat()));
  const bytes = payload === null ? undefined : decodePayload({ coding: coding === codings.zstd ? 'zstd' : 'identity', bytes: payload });
  return [...named, ...(bytes === undefined ? [] : [unescaped(Buffer.from(bytes).toString('utf8'))])].join('\n');
}

/** The names of an entry; none where they are damaged, which `mcprec verify` says: whatever else was recorded is still found. */
export function readableNames(names: Uint8Array | null): Names {
  try {
    return names === null ? {} : decodeNames(names);
  } catch {
    return {};
  }
}

/** As it is compared: lower case, without accents. */
export function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** The parts of a word that the index knows, in which only letters and digits count. A `*` at its end stays. */
export function indexedParts(word: string): readonly string[] {
  const parts = word
    .normalize('NFC')
    .split(/[^\p{L}\p{N}\p{Co}]+/u)
    .filter((part) => part !== '');
  const last = parts.at(-1);
  return word.endsWith('*') && last !== undefined ? [...parts.slice(0, -1), `${last}*`] : parts;
}

const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))/g;
/** JSON within a string of JSON has its escapes escaped. */
const LEVELS = 2;

function unescaped(json: string): string {
  let text = json;
  for (let level = 0; level < LEVELS && text.includes('\\'); level++) {
    text = text.replace(ESCAPE, (_, hex: string | undefined, short: string | undefined) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      return short === '"' || short === '\\' || short === '/' ? short : ' ';
    });
  }
  return text;
}

// Backslashes in the raw text of JSON, and of JSON in its strings: one unit or more of backslash, then what they escape.
import type { Source } from './source.ts';
import { FOREIGN, hexValue, KIND } from './units.ts';

const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const LETTER_U = 0x75;

/**
 * Passes over the escape at `at`. What it stands for separates words; a character that a value could be made of sets
 * `hidden`. Returns where to go on.
 */
export function skipEscape(source: Source, at: number): number {
  const u = source.units;
  let i = at + 1;
  while (u[i] === BACKSLASH) i++;
  const c = u[i];
  if (c === LETTER_U && hexValue(u[i + 1]) >= 0 && hexValue(u[i + 2]) >= 0 && hexValue(u[i + 3]) >= 0 && hexValue(u[i + 4]) >= 0) {
    if (isTelling(Number.parseInt(source.text.slice(i + 1, i + 5), 16))) source.hidden = true;
    return i + 5;
  }
  // b, f, n, r, t: the letter may also be the first of a word behind a plain backslash.
  if (c === 0x6e || c === 0x74 || c === 0x72 || c === 0x62 || c === 0x66) {
    source.escapeLetterAt = i;
    return i + 1;
  }
  return i;
}

// Printable ASCII that values are made of (not < > & ' " \), and the other spaces and hyphens that numbers are grouped with.
function isTelling(code: number): boolean {
  if (code < 0x80)
    return code >= 0x20 && code !== 0x3c && code !== 0x3e && code !== 0x26 && code !== 0x27 && code !== 0x22 && code !== BACKSLASH && code !== 0x7f;
  return KIND[code] === FOREIGN || code === 0xa0 || code === 0x202f || (code >= 0x2010 && code <= 0x2013);
}

/** Offset behind `//` at `at`, also where its slashes are escaped, or 0. */
export function slashesEnd(u: Uint16Array, at: number): number {
  let i = at;
  for (let n = 0; n < 2; n++) {
    while (u[i] === BACKSLASH) i++;
    if (u[i] !== SLASH) return 0;
    i++;
  }
  return i;
}

// Secrets that a word announces without a sign between them: `the password is …`, `--password …`, `PASSWORD '…'`, `token …`, `cvv 123`.
import { markOf, maskQuoted, maskValueAt, type Name } from './assign.ts';
import { isDense } from './dense.ts';
import { nameKind } from './keynames.ts';
import { markEnd } from './marker.ts';
import type { Source } from './source.ts';
import { foreignKind } from './tongues.ts';
import { isSpace } from './units.ts';
import { BARE_SEEN, closingQuote, endOfBare, isPlaceholder, isPlausible, SPACES_MAX, VALUE_MAX } from './values.ts';

const BACKSLASH = 0x5c;
const DOUBLE = 0x22;
const SINGLE = 0x27;

/** Masks what follows a command line's `--password` or the sentence's `the password is`, where it can be a secret; returns its end, or 0. */
export function maskFollowing(source: Source, nameEnd: number, from: number): number {
  const u = source.units;
  const kind = nameKind(u, nameEnd) ?? foreignKind(source, nameEnd);
  if (kind !== 'password' && kind !== 'secret' && kind !== 'code' && kind !== 'cookie') return 0;
  let value = from;
  while (value - from < SPACES_MAX && isSpace(u[value])) value++;
  if (u[value] === 0x2d) return 0;
  const quoted = u[value] === DOUBLE || u[value] === SINGLE || u[value] === 0x60;
  const held = source.text.slice(value + 1, value + 257).split(/["'`\\]/, 1)[0] ?? '';
  if (quoted && !isPlausible({ kind, sign: 'colon', held, next: ' ' })) return 0;
  return maskValueAt(source, { kind, end: nameEnd, quoted: false, slashes: 0 }, 'colon', value);
}

const ALGORITHM = /^(?:v?[0-9.]+|sha-?[0-9]+|md5|bcrypt|argon2\w*|pbkdf2|scrypt|oauth2?|2fa|mfa|[0-9]+(?:st|nd|rd|th|ms|s|m|h|d|x|bits?))$/i;

/**
 * Masks what stands behind a word without a sign between them, as in `CREATE USER app PASSWORD '…'`, `password Xy12!`, `cvv 123`: a string
 * in quotes, or what looks like no word of a sentence. Returns its end, or 0.
 */
export function maskSaid(source: Source, start: number, end: number): number {
  const u = source.units;
  let value = end;
  while (value - end < SPACES_MAX && isSpace(u[value])) value++;
  const word = source.text.slice(start, end);
  const kind = nameKind(u, end) ?? (/^by$/i.test(word) ? 'password' : undefined);
  if (kind === 'code') {
    const digits = /^[0-9]{3,8}(?![\w.,:/-]*[\w/])/.exec(source.text.slice(value, value + 16))?.[0] ?? '';
    return digits.length > 3 || (digits.length === 3 && /^cv/i.test(word)) ? source.hit(value, value + digits.length, 'secret:code') : 0;
  }
  if (kind === 'secret') return maskDense(source, value);
  if (kind !== 'password') return 0;
  const name: Name = { kind, end, quoted: false, slashes: 0 };
  let open = value;
  while (u[open] === BACKSLASH) open++;
  if (u[open] === SINGLE || u[open] === DOUBLE) {
    const close = closingQuote(source, open, open - value);
    const held = source.text.slice(open + 1, Math.min(close, open + 257));
    const inSql = word === word.toUpperCase() || word.length === 2 || /\bwith $/i.test(source.text.slice(Math.max(0, start - 5), start));
    return inSql || isRandomWord(held) ? maskQuoted(source, name, value, open) : 0;
  }
  if (open !== value || u[value - 1] !== 0x20 || markEnd(source.text, value) > 0) return 0;
  const held = source.text.slice(value, endOfBare(source, value, BARE_SEEN));
  return isRandomWord(held) && !isPlaceholder(held) ? source.hit(value, endOfBare(source, value, VALUE_MAX), markOf(kind)) : 0;
}

// `token 9fK2…`: only what is no word at all.
function maskDense(source: Source, at: number): number {
  const end = endOfBare(source, at, BARE_SEEN);
  const held = source.text.slice(at, end);
  return /^[A-Za-z0-9+/_.~-]{20,256}={0,2}$/.test(held) && isDense(held) ? source.hit(at, endOfBare(source, at, VALUE_MAX), 'secret:key') : 0;
}

// Letters and digits or signs in one word, as passwords have them and sentences do not.
function isRandomWord(held: string): boolean {
  // A pair of its own, as in `password reset id=12345`.
  if (/^[A-Za-z_][\w.-]{0,64}=[^=]/.test(held)) return false;
  if (held.length < 6 || /\s/.test(held) || !/[A-Za-z]/.test(held) || ALGORITHM.test(held) || held.includes('://')) return false;
  return /\d/.test(held) || /[^A-Za-z0-9.,/:_'’()[\]-]/.test(held);
}

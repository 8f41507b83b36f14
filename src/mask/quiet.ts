// The tests that let the scan pass over nearly everything: true where no detector has to look. Tables only, no calls.
import { LAST_THREE } from './keynames.ts';
import { nextGroup, SEPARATOR } from './numbers.ts';
import { PREFIXED } from './tokens.ts';
import { DASH, DIGIT, KIND } from './units.ts';

// Copies of what is needed at every token: an import is looked up anew at each use.
const GROUPING = SEPARATOR;
const BEGINNINGS = PREFIXED;
const KINDS = KIND;
const NAMES = LAST_THREE;
const DASHED = DASH;
const DASHED_DIGITS = DASH | DIGIT;
const JUST_DIGITS = DIGIT;

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const POINT = 0x2e;
const SPACE = 0x20;
const HYPHEN = 0x2d;
const PLUS = 0x2b;

/** The shortest secret that its form gives away, less the letter that an escape may have taken from it. */
export const SECRET_MIN = 13;

const ANNOUNCING_WORDS =
  'bearer basic is ist est es lautet by password passwd passphrase passcode bindpw requirepass masterauth pin cvv cvc otp token secret apikey ssws';
const ANNOUNCING_MAX = Math.max(...ANNOUNCING_WORDS.split(' ').map((word) => word.length));
/** 1 for the first and the last letter, five bits each, of the words that announce a secret. */
const ANNOUNCING = new Uint8Array(1024);
for (const word of ANNOUNCING_WORDS.split(' ')) ANNOUNCING[((word.charCodeAt(0) & 31) << 5) | (word.charCodeAt(word.length - 1) & 31)] = 1;

/** True for a token that may be a word which announces a secret. */
export function mayAnnounce(u: Uint16Array, start: number, end: number): boolean {
  return ANNOUNCING[(((u[start] as number) & 31) << 5) | ((u[end - 1] as number) & 31)] === 1 && end - start <= ANNOUNCING_MAX && u[end] === SPACE;
}

// What may stand behind a word that tells of the value after it, or below it: a call, or the name of a column.
const TELLING_NEXT = new Uint8Array(65_536);
for (const c of ' (,)\n\r') TELLING_NEXT[c.charCodeAt(0)] = 1;

// Hexadecimal digits and the colon, which is all that may stand beside the colon of an IPv6 address.
const IN_IPV6 = new Uint8Array(65_536);
for (const c of '0123456789abcdefABCDEF:') IN_IPV6[c.charCodeAt(0)] = 1;

/** True where the name that ends at `end` is certainly none of `names`, a table of last letters. */
export function isQuietName(u: Uint16Array, end: number, names: Uint8Array): boolean {
  return names[(((u[end - 1] as number) & 31) << 10) | (((u[end - 2] as number) & 31) << 5) | ((u[end - 3] as number) & 31)] === 0;
}

/** True for a colon at `i` that follows none of `names` (the last word ended at `end`), opens no address and is in no IPv6 address. */
export function isQuietColon(u: Uint16Array, i: number, end: number, names: Uint8Array): boolean {
  // A name in another script may end here.
  if ((u[i - 1] as number) > 0x7f) return false;
  const next = u[i + 1] as number;
  if (next === SLASH || (next === BACKSLASH && u[i + 2] === SLASH) || end < 3) return false;
  if (!isQuietName(u, end, names)) return false;
  return IN_IPV6[next] === 0 || (end === i && IN_IPV6[u[i - 1] as number] === 0) || (end !== i && next !== COLON);
}

/** True for a token that no detector would look at. `flags` are the kinds of its units. */
export function isQuietToken(u: Uint16Array, start: number, end: number, flags: number): boolean {
  const length = end - start;
  const next = u[end] as number;
  if (flags === JUST_DIGITS) return length < 7 && GROUPING[next] === 0;
  const first = u[start] as number;
  if (length >= SECRET_MIN || first === HYPHEN || ((flags & DASHED_DIGITS) === DASHED_DIGITS && (length >= 7 || GROUPING[next] === 1))) return false;
  if ((next === POINT || next === SLASH || next === PLUS) && mayBegin(u, start)) return false;
  // Two letters and two digits may begin an IBAN.
  if ((flags & JUST_DIGITS) !== 0 && KINDS[u[start + 3] as number] === JUST_DIGITS && KINDS[u[start + 2] as number] === JUST_DIGITS) return false;
  if (next === SPACE && (flags & DASHED) === 0) return !mayAnnounce(u, start, end);
  return TELLING_NEXT[next] === 0 || isQuietWord(u, start, end);
}

// The same for a word with a sign behind it that its value may follow.
function isQuietWord(u: Uint16Array, start: number, end: number): boolean {
  return (end - start < 3 || isQuietName(u, end, NAMES)) && (u[end] !== SPACE || !mayAnnounce(u, start, end));
}

const UUID_UNITS = 36;
const DATE_UNITS = 10;
const HOUR_UNITS = 13;

/** True for a UUID and for an ISO date, with or without its hour: what telemetry is full of, and nothing is looked for in. */
export function isUuidOrDate(u: Uint16Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === UUID_UNITS)
    return u[start + 8] === HYPHEN && u[start + 13] === HYPHEN && u[start + 18] === HYPHEN && u[start + 23] === HYPHEN && isHex(u, start, end);
  if ((length !== DATE_UNITS && length !== HOUR_UNITS) || u[start + 4] !== HYPHEN || u[start + 7] !== HYPHEN) return false;
  const century = u[start];
  return (century === 0x32 || century === 0x31) && (u[start + 5] === 0x30 || u[start + 5] === 0x31) && (length === DATE_UNITS || u[start + 10] === 0x54);
}

const TIME_BEHIND = 6;

/** The end of the time `10:11:30` whose first colon stands at `at`, behind a date; 0 where there is none, or more groups follow. */
export function endOfTime(u: Uint16Array, at: number): number {
  const before = u[at - 3];
  if ((before !== 0x54 && before !== SPACE) || u[at + 3] !== COLON) return 0;
  for (let i = at - 2; i < at + TIME_BEHIND; i++) if (KINDS[u[i] as number] !== JUST_DIGITS && i !== at && i !== at + 3) return 0;
  return IN_IPV6[u[at + TIME_BEHIND] as number] === 0 ? at + TIME_BEHIND : 0;
}

// Hexadecimal digits and hyphens.
function isHex(u: Uint16Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (IN_IPV6[u[i] as number] === 0 && u[i] !== HYPHEN) return false;
  return true;
}

/** True where the three units at `at` are those of a vendor's prefix. */
export function mayBegin(u: Uint16Array, at: number): boolean {
  return (((BEGINNINGS[(((u[at] as number) & 63) << 6) | ((u[at + 1] as number) & 63)] as number) >>> ((u[at + 2] as number) & 31)) & 1) === 1;
}

/** The end of a decimal fraction whose point stands at `point`, or 0 where it goes on like something else. */
export function endOfDecimal(u: Uint16Array, point: number): number {
  let i = point + 1;
  while (KINDS[u[i] as number] === JUST_DIGITS) i++;
  if (i === point + 1 || (GROUPING[u[i] as number] === 1 && (u[i] === POINT || nextGroup(u, i) > 0))) return 0;
  return (KINDS[u[i] as number] as number) === 0 || u[i] === BACKSLASH ? i : 0;
}

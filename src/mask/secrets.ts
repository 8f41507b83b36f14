// Secrets at a token: by the token's own form, or by the word that announces what follows it.
import { planCall, planEchoed, planSecureString } from './calls.ts';
import { planColumns } from './columns.ts';
import { maskBasic, maskBearer } from './headers.ts';
import { LAST_THREE } from './keynames.ts';
import { maskOption } from './options.ts';
import type { PemReader } from './pem.ts';
import { isQuietName, mayAnnounce, mayBegin, SECRET_MIN } from './quiet.ts';
import { maskFollowing, maskSaid } from './said.ts';
import type { Source } from './source.ts';
import { maskHexKey, maskJwt, maskPrefixed, maskShaped } from './tokens.ts';
import { DASH, DIGIT, isDigit } from './units.ts';
import { maskUserOption } from './urls.ts';

// A copy: an import is looked up anew at each use.
const NAMES = LAST_THREE;
const POINT = 0x2e;
const HYPHEN = 0x2d;
const PLUS = 0x2b;
const SLASH = 0x2f;
const UNDERSCORE = 0x5f;
const SPACE = 0x20;
const BRACKET = 0x28;
const COMMA = 0x2c;
const CLOSING = 0x29;
const SEGMENTED_MIN = 20;

/** A token, the kinds of its units, and the end of the token before it. */
export interface Token {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly endBefore: number;
}

/** Masks the secret that the token is or announces; returns its end, or 0. */
export function maskSecret(source: Source, token: Token, pem: PemReader): number {
  const u = source.units;
  const { start, end } = token;
  const first = u[start] as number;
  if (u[end] === SPACE) planSecureString(source, start, end);
  if (first === HYPHEN) planEchoed(source, start, end);
  if (first === HYPHEN || mayAnnounce(u, start, end)) {
    const found = maskAnnounced(source, token, pem);
    if (found > 0) return found;
  }
  return maskFormed(source, token) || (first === HYPHEN || isQuietName(u, end, NAMES) ? 0 : maskNamed(source, token));
}

// The token itself, by its form.
function maskFormed(source: Source, { start, end, flags }: Token): number {
  const u = source.units;
  const length = end - start;
  if (length < SECRET_MIN && u[end] !== POINT && u[end] !== SLASH && u[end] !== PLUS) return 0;
  // Behind a backslash, the letter that may belong to the escape may as well be the prefix's first.
  const from = start > 0 && source.escapeLetterAt === start - 1 ? start - 1 : start;
  for (let at = from; at <= start; at++) {
    const found = maskAt(source, at, end, flags);
    if (found > 0) return found;
  }
  if (length >= SEGMENTED_MIN && (flags & DASH) !== 0) {
    for (let at = start + 1; at < end - SECRET_MIN; at++) {
      if ((u[at - 1] !== HYPHEN && u[at - 1] !== UNDERSCORE) || !mayBegin(u, at)) continue;
      const found = maskPrefixed(source, at, end, flags);
      if (found > 0) return found;
    }
  }
  if ((length === 32 || length === 40) && (flags & DASH) === 0 && (flags & DIGIT) !== 0) {
    const found = maskHexKey(source, start, end);
    if (found > 0) return found;
  }
  return maskShaped(source, start, end, flags);
}

// What stands behind a secret's name, or below it: `ENV DB_PASSWORD …`, `new Credentials(…)`, `(name, password) VALUES …`.
function maskNamed(source: Source, { start, end, flags }: Token): number {
  const u = source.units;
  if (mayAnnounce(u, start, end)) return 0;
  if (u[end] === SPACE && (flags & DASH) !== 0) return maskSaid(source, start, end);
  if (u[end] === BRACKET) planCall(source, start, end);
  else if (isInList(u, start, end)) planColumns(source, start, end);
  return 0;
}

// One of several words between commas.
function isInList(u: Uint16Array, start: number, end: number): boolean {
  const next = u[end];
  return next === COMMA || next === CLOSING || u[start - 1] === COMMA || (u[start - 1] === SPACE && u[start - 2] === COMMA);
}

function maskAt(source: Source, at: number, end: number, flags: number): number {
  const u = source.units;
  if (!mayBegin(u, at)) return 0;
  if (u[at] === 0x65 && u[at + 1] === 0x79 && u[at + 2] === 0x4a) return maskJwt(source, at, end);
  return maskPrefixed(source, at, end, flags);
}

// `Bearer …`, `Basic …`, `the password is …`, `--token …`, `-u user:…`, `-----BEGIN …`.
function maskAnnounced(source: Source, { start, end, endBefore }: Token, pem: PemReader): number {
  const u = source.units;
  const length = end - start;
  if (u[start] !== HYPHEN) {
    switch (source.text.slice(start, end).toLowerCase()) {
      case 'is':
      case 'ist':
      case 'est':
      case 'es':
      case 'lautet':
        return endBefore === start - 1 ? maskFollowing(source, endBefore, end) : 0;
      case 'by':
        return maskIdentified(source, start, end);
      case 'bearer':
        return maskBearer(source, start, end);
      case 'basic':
        return maskBasic(source, start, end);
      default:
        return maskSaid(source, start, end);
    }
  }
  if (length === 10 && source.text.startsWith('-----BEGIN', start)) return pem.mask(source, start);
  if (u[start + 1] !== HYPHEN) {
    if (length === 2 && u[start + 1] === 0x75 && u[end] === SPACE) return maskUserOption(source, end);
    return maskOption(source, start, end) || (length > 4 && u[end] === SPACE ? maskFollowing(source, end, end) : 0);
  }
  if (u[end] !== SPACE) return 0;
  return source.text.slice(start, end) === '--user' ? maskUserOption(source, end) : maskFollowing(source, end, end);
}

const IDENTIFIED = /identified (?:with ["'`\w]{1,40} )?$/i;

// SQL's `IDENTIFIED BY '…'`.
function maskIdentified(source: Source, start: number, end: number): number {
  return IDENTIFIED.test(source.text.slice(Math.max(0, start - 64), start)) ? maskSaid(source, start, end) : 0;
}

/** Masks `123456789:AA…`, the token of a Telegram bot, whose colon stands at `colon` and digits start at `start`; returns its end, or 0. */
export function maskTelegram(source: Source, start: number, colon: number): number {
  const u = source.units;
  const length = colon - start;
  if (length < 8 || length > 10 || u[colon + 1] !== 0x41 || !isDigit(u[colon - 1])) return 0;
  const found = /^\d{8,10}:A[\w-]{34}(?![\w-])/.exec(source.text.slice(start, colon + 40));
  return found ? source.hit(start, start + found[0].length, 'secret:telegram') : 0;
}

/** Masks the client secret of an Azure application whose `~` stands at `at`: three characters, a digit, `Q~`, 31 to 34 more. Returns its end, or 0. */
export function maskAzureSecret(source: Source, at: number): number {
  const start = at - 5;
  if (start < source.hitEnd || source.units[at - 1] !== 0x51) return 0;
  const found = /^[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~-])/.exec(source.text.slice(start, start + 48));
  return found ? source.hit(start, start + found[0].length, 'secret:azure') : 0;
}

// E-mail addresses: ASCII and international (RFC 5322 dot-atom, RFC 6531), quoted local parts, and the form `bob%40example.com`.
import type { Source } from './source.ts';
import { isAlnum, isDigit, isLetter } from './units.ts';

const LOCAL_MAX = 64;
const DOMAIN_MAX = 253;
const POINT = 0x2e;
const HYPHEN = 0x2d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
// Of the characters that RFC 5322 allows, without those that more often separate: = / ? { | } & and the backquote.
const LOCAL_ASCII = new Set([...".!#$%'*+^_~-"].map((c) => c.charCodeAt(0)));
const LETTER_OR_DIGIT = /[\p{L}\p{N}\p{M}]/u;
const IDEOGRAPH = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}]/u;
// Last labels that are no top-level domain but unit types, files and the like.
const NOT_A_DOMAIN = /^(?:service|socket|mount|timer|target|slice|scope|device|png|jpe?g|gif|svg|webp|css|scss|jsx?|tsx?|html?|json|ya?ml|txt|log)$/i;
const IP_DOMAIN = /\[(?:[0-9.]{7,15}|IPv6:[0-9A-Fa-f:.]{2,45})\]/y;
const SCP = /^git$/i;

/** Masks the address whose `@` stands at `start`…`end` (three units where it is `%40`). Returns its end, or 0. */
export function maskEmail(source: Source, start: number, end: number): number {
  const domainEnd = endOfDomain(source, end);
  if (domainEnd === 0) return 0;
  const localStart = source.units[start - 1] === QUOTE ? startOfQuoted(source, start - 1) : startOfLocal(source, start);
  if (localStart === start) return 0;
  if (SCP.test(source.text.slice(localStart, start)) && (source.units[domainEnd] === 0x3a || source.units[localStart - 1] === 0x2f)) return 0;
  return source.hit(localStart, domainEnd, 'email');
}

function startOfLocal(source: Source, at: number): number {
  const u = source.units;
  const last = source.hits.at(-1);
  // A number right before the @ is the local part.
  const taken = last?.end === at && !last.mark.startsWith('secret') ? last.start : source.hitEnd;
  const lowest = Math.max(taken, at - LOCAL_MAX, 0);
  const ascii = (u[at - 1] ?? 0) < 0x80;
  let i = at;
  while (i > lowest) {
    const c = u[i - 1] ?? 0;
    if (c < 0x80) {
      if (!isAlnum(c) && !LOCAL_ASCII.has(c)) break;
    } else {
      const character = source.text.charAt(i - 1);
      if (!isWordUnit(c, character) || (ascii && IDEOGRAPH.test(character))) break;
    }
    i--;
  }
  if (u[i - 1] === BACKSLASH) {
    // The first unit may be the letter of an escape: `\nbob@…`.
    if (source.escapeLetterAt === i) i++;
    else if (isUnicodeEscape(source, i)) source.hidden = true;
    if (i < at && u[i] === 0x75 && isUnicodeEscape(source, i)) i += 5;
  }
  // A point or an apostrophe in front belongs to the sentence.
  while (i < at && (u[i] === POINT || u[i] === 0x27 || u[i] === 0x2a || u[i] === 0x21 || u[i] === 0x25)) {
    i += u[i] === 0x25 && i + 3 <= at ? 3 : 1;
  }
  return Math.min(i, at);
}

function isUnicodeEscape(source: Source, at: number): boolean {
  return source.units[at] === 0x75 && /^[0-9a-fA-F]{4}/.test(source.text.slice(at + 1, at + 5));
}

// `"john doe"@example.com`, in a JSON string `\"john doe\"@example.com`.
function startOfQuoted(source: Source, quote: number): number {
  const u = source.units;
  let slashes = 0;
  while (u[quote - 1 - slashes] === BACKSLASH) slashes++;
  const lowest = Math.max(source.hitEnd, quote - LOCAL_MAX, 0);
  for (let i = quote - slashes - 1; i >= lowest; i--) {
    const c = u[i] ?? 0;
    if (c === 0x0a || c === 0x2c || c === 0x3a || c === 0x7b) break;
    if (c !== QUOTE) continue;
    const open = i - slashes;
    return open >= lowest && u[open - 1] !== BACKSLASH && source.text.slice(open, i) === '\\'.repeat(slashes) ? open : quote + 1;
  }
  return quote + 1;
}

// Offset behind the domain that starts at `at`, or 0 where there is none.
function endOfDomain(source: Source, at: number): number {
  const u = source.units;
  if (u[at] === 0x5b) {
    IP_DOMAIN.lastIndex = at;
    return IP_DOMAIN.test(source.text) ? IP_DOMAIN.lastIndex : 0;
  }
  const highest = Math.min(source.length, at + DOMAIN_MAX);
  let labelStart = at;
  let end = 0;
  let i = at;
  for (; i <= highest; i++) {
    const c = u[i] ?? 0;
    if (c === POINT || i === highest || !isDomainUnit(source, i, c)) {
      if (i === labelStart) break;
      // The underscore or hyphen behind it belongs to the sentence.
      let labelEnd = i;
      while (labelEnd > labelStart && (u[labelEnd - 1] === 0x5f || u[labelEnd - 1] === HYPHEN)) labelEnd--;
      if (labelStart > at && isTopLabel(source, labelStart, labelEnd)) end = labelEnd;
      if (c !== POINT) break;
      labelStart = i + 1;
    }
  }
  if (end > 0 && u[i] === BACKSLASH && isUnicodeEscape(source, i + 1) && source.text.slice(i + 1, i + 4) !== 'u00') source.hidden = true;
  return end;
}

function isDomainUnit(source: Source, i: number, c: number): boolean {
  if (c < 0x80) return isAlnum(c) || c === HYPHEN || c === 0x5f;
  return isWordUnit(c, source.text.charAt(i));
}

function isTopLabel(source: Source, start: number, end: number): boolean {
  const first = source.units[start];
  if (end - start < 2 || end - start > 24 || isDigit(first) || first === HYPHEN) return false;
  const label = source.text.slice(start, end);
  if (/^[A-Za-z]+$/.test(label)) return !NOT_A_DOMAIN.test(label);
  return /^xn--[A-Za-z0-9-]{2,20}$/i.test(label) || (!isLetter(first) && /^[\p{L}\p{M}]+$/u.test(label));
}

// Half of a surrogate pair counts as a letter: scripts beyond the first plane.
function isWordUnit(c: number, character: string): boolean {
  return (c >= 0xd800 && c <= 0xdfff) || LETTER_OR_DIGIT.test(character);
}

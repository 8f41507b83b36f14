// IP addresses, checked. Loopback and unspecified addresses name nobody and stay.
import type { Source } from './source.ts';
import { hexValue, isAlnum, isDigit, isLetter } from './units.ts';

const POINT = 0x2e;
const HYPHEN = 0x2d;
const COLON = 0x3a;
const SLASH = 0x2f;

// Dotted quads after these are versions: `version: 1.2.3.4`, `release-1.2.3.4`, `v 1.2.3.4`.
const VERSION =
  /(?:versions?|\bver|\brev|release[sd]?|builds?|firmware|kernel|driver|\bv|semver|upgraded? (?:from|to)|upgraded? from [0-9.]{7,15} to|oid)["'\\]{0,4}\s?[:=]?\s?["'\\]{0,4}$/i;
const PRODUCT = /^(?:[A-Z]|okhttp$|curl$|python-requests$|node$|go-http-client$)/;
const LOOK_BACK = 32;

/** Masks the IPv4 address whose first digit stands at `at`; returns its end, or 0. */
export function maskIpv4(source: Source, at: number): number {
  const u = source.units;
  const before = u[at - 1];
  if (before === POINT && isAlnum(u[at - 2])) return 0;
  const end = ipv4End(source, at);
  if (end === 0) return 0;
  const after = u[end];
  if (isAlnum(after) || after === 0x5f || (after === POINT && isDigit(u[end + 1])) || (after === HYPHEN && isLetter(u[end + 1]))) return 0;
  const text = source.text.slice(at, end);
  if (text.startsWith('127.') || text === '0.0.0.0') return 0;
  const lead = source.text.slice(Math.max(0, at - LOOK_BACK), at);
  if (VERSION.test(lead) || (before === SLASH && isProduct(lead.slice(0, -1)))) return 0;
  return source.hit(at, end, 'ip');
}

// `Chrome/120.0.0.0`: the word before the slash, which is no part of a path.
function isProduct(lead: string): boolean {
  let start = lead.length;
  while (start > 0 && /[\w.+-]/.test(lead.charAt(start - 1))) start--;
  return lead.charAt(start - 1) !== '/' && PRODUCT.test(lead.slice(start));
}

// The end of four numbers up to 255 without leading zeros, or 0.
function ipv4End(source: Source, at: number): number {
  const u = source.units;
  let i = at;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && u[i++] !== POINT) return 0;
    const start = i;
    let value = 0;
    while (i - start < 3 && isDigit(u[i])) value = value * 10 + ((u[i++] ?? 0) - 0x30);
    if (i === start || value > 255 || (u[start] === 0x30 && i - start > 1) || isDigit(u[i])) return 0;
  }
  return i;
}

/** Masks the IPv6 address (RFC 4291, RFC 5952 and the rest) whose first unit stands at `at`; returns its end, or 0. */
export function maskIpv6(source: Source, at: number): number {
  const u = source.units;
  const before = u[at - 1];
  if (
    (isAlnum(before) && source.escapeLetterAt !== at - 1) ||
    (before === COLON && !isBehindName(u, at - 1)) ||
    before === 0x5f ||
    (before === POINT && isAlnum(u[at - 2]))
  )
    return 0;
  const end = ipv6End(source, at);
  if (end === 0) return 0;
  const after = u[end];
  if (
    isAlnum(after) ||
    (after === COLON && (isAlnum(u[end + 1]) || u[end + 1] === COLON) && !isPort(source, at, end)) ||
    after === 0x5f ||
    (after === POINT && isDigit(u[end + 1]))
  )
    return 0;
  const text = source.text.slice(at, end);
  // `dead::beef` is as likely a name in C++: short forms need a digit. `::` and `::1` name nobody.
  if (text.includes('::') && (!/\d/.test(text) || /^[0:]{1,37}:[01]?$/.test(text))) return 0;
  if (/^[0:]{15}[01]?$/.test(text)) return 0;
  return source.hit(at, end, 'ip');
}

// The end of eight groups, or fewer with one `::`, the last two perhaps an IPv4 address; 0 where there is no such thing.
function ipv6End(source: Source, at: number): number {
  const u = source.units;
  let i = at;
  let groups = 0;
  let gap = false;
  if (u[i] === COLON) {
    if (u[i + 1] !== COLON) return 0;
    gap = true;
    i += 2;
  }
  while (groups < 8) {
    const start = i;
    while (i - start < 4 && hexValue(u[i]) >= 0) i++;
    if (i === start) break;
    if (u[i] === POINT && groups <= 6) {
      const end = ipv4End(source, start);
      if (end === 0) break;
      return gap || groups === 6 ? end : 0;
    }
    groups++;
    if (u[i] !== COLON || groups === 8) break;
    if (u[i + 1] === COLON) {
      if (gap) break;
      gap = true;
      i += 2;
    } else if (hexValue(u[i + 1]) >= 0) i++;
    else break;
  }
  if (gap) return groups > 0 && groups < 8 ? i : 0;
  return groups === 8 ? i : 0;
}

const PORT = /:[0-9]{1,5}(?![0-9A-Za-z:])/y;

// A port behind all eight groups, one of which is longer than the bytes of a fingerprint.
function isPort(source: Source, at: number, end: number): boolean {
  PORT.lastIndex = end;
  const text = source.text.slice(at, end);
  return !text.includes('::') && /[0-9a-f]{3}/i.test(text) && PORT.test(source.text);
}

// True for the colon of `peer:2001:db8::1`: what stands before it is no group of an address.
function isBehindName(u: Uint16Array, colon: number): boolean {
  let start = colon;
  let hex = true;
  while (colon - start < 24 && isAlnum(u[start - 1])) hex = hexValue(u[--start]) >= 0 && hex;
  return colon - start > 1 && (!hex || colon - start > 4) && u[start - 1] !== COLON;
}

/** Where an IPv6 address would start whose first colon stands at `colon`, or -1. */
export function ipv6Start(source: Source, colon: number): number {
  const u = source.units;
  let start = colon;
  while (colon - start < 5 && hexValue(u[start - 1]) >= 0) start--;
  // `\t2001:db8::1`: the letter before may be that of an escape.
  if (colon - start > 4 || (isLetter(u[start - 1]) && source.escapeLetterAt !== start - 1) || (u[start - 1] === COLON && !isBehindName(u, start - 1)))
    return -1;
  if (start === colon && u[colon + 1] !== COLON) return -1;
  return start;
}

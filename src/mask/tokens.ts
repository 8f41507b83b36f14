// Secrets that their own form gives away: vendors' prefixes, JSON Web Tokens, and a few shapes without a prefix.
import { AZURE_FUNCTION, AZURE_SEARCH } from './azure.ts';
import { nameBefore } from './context.ts';
import { lastMark } from './marker.ts';
import type { Source } from './source.ts';
import { DASH, DIGIT, isAlnum, KIND, LOWER, UPPER, WORD } from './units.ts';
import { type CharSet, dottedRules, type VendorRule, vendorRules } from './vendors.ts';

const POINT = 0x2e;
const HYPHEN = 0x2d;

type Rule =
  | { readonly kind: 'prefix'; readonly rule: VendorRule }
  | { readonly kind: 'dotted'; readonly name: string; readonly prefix: string; readonly pattern: RegExp };

const buckets: (readonly Rule[] | undefined)[] = Array.from({ length: 4096 }, () => undefined);
for (const rule of vendorRules) put(rule.prefix, { kind: 'prefix', rule });
for (const rule of dottedRules) put(rule.prefix, { kind: 'dotted', ...rule });

/** By two units, six bits each, the bits of the third units (five bits each) that known prefixes go on with: what the scan asks of tokens. */
export const PREFIXED: Uint32Array = new Uint32Array(4096);
for (const prefix of [...vendorRules.map((rule) => rule.prefix), ...dottedRules.map((rule) => rule.prefix), 'eyJ']) {
  const slot = slotOf(prefix.charCodeAt(0), prefix.charCodeAt(1));
  const bits = prefix.length === 2 ? 0xffff_ffff : 1 << (prefix.charCodeAt(2) & 31);
  PREFIXED[slot] = ((PREFIXED[slot] ?? 0) | bits) >>> 0;
}

function slotOf(first: number, second: number): number {
  return ((first & 63) << 6) | (second & 63);
}

function put(prefix: string, rule: Rule): void {
  const slot = slotOf(prefix.charCodeAt(0), prefix.charCodeAt(1));
  // Longer prefixes first: `sk-ant-` before `sk-`.
  const length = (r: Rule): number => (r.kind === 'prefix' ? r.rule.prefix.length : r.prefix.length);
  buckets[slot] = [...(buckets[slot] ?? []), rule].sort((a, b) => length(b) - length(a));
}

/** Masks the secret that starts at `at` within the token that ends at `tokenEnd`; `flags` are the token's. Returns its end, or 0. */
export function maskPrefixed(source: Source, at: number, tokenEnd: number, flags: number): number {
  const u = source.units;
  const bucket = buckets[slotOf(u[at] ?? 0, u[at + 1] ?? 0)];
  if (bucket === undefined) return 0;
  const mixed = (flags & DIGIT) !== 0 || (flags & (UPPER | LOWER)) === (UPPER | LOWER);
  for (const one of bucket) {
    if (one.kind === 'dotted') {
      if (!source.text.startsWith(one.prefix, at)) continue;
      one.pattern.lastIndex = at;
      if (one.pattern.test(source.text)) return source.hit(at, extend(source, one.pattern.lastIndex), `secret:${one.name}`);
      continue;
    }
    const { prefix, set, min, name } = one.rule;
    if (!(mixed || set === 'upper' || set === 'base64') || !source.text.startsWith(prefix, at)) continue;
    const end = set === 'base64' ? endOfBase64(u, tokenEnd) : tokenEnd;
    if (end - at < prefix.length + min || !holds(source, at + prefix.length, min, set)) continue;
    if (set === 'upper' ? end - at !== prefix.length + min : !isRandom(source.text.slice(at + prefix.length, Math.min(end, at + BODY_SEEN)), prefix)) continue;
    const found = source.hit(at, extend(source, end), `secret:${name}`);
    return name === 'aws' ? Math.max(found, maskAwsSecret(source, found)) : found;
  }
  return 0;
}

const BODY_SEEN = 96;
const BASE64_MAX = 16_384;

function endOfBase64(u: Uint16Array, from: number): number {
  let i = from;
  while (i - from < BASE64_MAX && isBase64(u[i])) i++;
  return i;
}

function isBase64(c: number | undefined): boolean {
  return isAlnum(c) || c === 0x2b || c === 0x2f || c === 0x2d || c === 0x5f;
}

// What follows a prefix must be what no one would choose: digits among letters, or capitals strewn in; behind a short prefix, more of it.
function isRandom(body: string, prefix: string): boolean {
  const digits = body.replace(/\D/g, '').length;
  const turns = body.match(/[a-z][A-Z]|[A-Z][a-z]/g)?.length ?? 0;
  if (prefix.length > 3) return digits > 0 || turns > 2;
  // So many letters and digits in a row are no words.
  const solid = /^[A-Za-z0-9]{32}/.test(body);
  return (digits > 2 || turns > 3) && new Set(body).size > 9 && (solid || !/[a-z]{14}/.test(body));
}

function holds(source: Source, at: number, count: number, set: CharSet): boolean {
  if (set === 'word') return true; // The token is made of these.
  const u = source.units;
  for (let i = at; i < at + count; i++) {
    const c = u[i] ?? 0;
    const kind = KIND[c] ?? 0;
    if (set === 'base64') {
      if (!isBase64(c)) return false;
      continue;
    }
    if (set === 'alnum' ? (kind & DASH) !== 0 : set === 'upper' ? (kind & (UPPER | DIGIT)) === 0 : kind !== DIGIT && ((c | 0x20) < 0x61 || (c | 0x20) > 0x66))
      return false;
  }
  return true;
}

const SUFFIX_MAX = 4096;

// Padding, `%2F` and further parts after a point belong to the secret.
function extend(source: Source, from: number): number {
  const u = source.units;
  let i = from;
  while (i - from < SUFFIX_MAX) {
    const kind = KIND[u[i] ?? 0] ?? 0;
    if (kind !== 0 && kind <= WORD) i++;
    else if (u[i] === 0x3d && i > from - 1 && !isAlnum(u[i + 1])) i++;
    else if (u[i] === 0x3d && /^=[0-9A-F]{8}(?![0-9A-Za-z])/.test(source.text.slice(i, i + 10))) i += 9;
    else if (u[i] === 0x25 && /^%[0-9A-Fa-f]{2}/.test(source.text.slice(i, i + 3))) i += 3;
    else if (u[i] === POINT && /^\.[0-9a-z]{2}\.[0-9a-z]{7,9}(?![\w.])/.test(source.text.slice(i, i + 14))) i += 4;
    else break;
  }
  return i;
}

const AWS_SECRET = /(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g;
const AWS_SECRET_REACH = 160;

// The secret key that stands beside its access key id.
function maskAwsSecret(source: Source, from: number): number {
  const near = source.text.slice(from, from + AWS_SECRET_REACH);
  for (const found of near.matchAll(AWS_SECRET)) {
    const value = found[0];
    if (!/[a-z]/.test(value) || !/[A-Z]/.test(value) || !/\d/.test(value)) continue;
    const start = from + found.index;
    return source.hit(start, start + value.length, 'secret:aws');
  }
  return 0;
}

const HEADER_MAX = 4096;

/** Masks the JSON Web Token (RFC 7519) or encrypted one (RFC 7516) whose `eyJ` stands at `at`; returns its end, or 0. */
export function maskJwt(source: Source, at: number, tokenEnd: number): number {
  const u = source.units;
  if (tokenEnd - at < 12 || tokenEnd - at > HEADER_MAX || u[tokenEnd] !== POINT) return 0;
  let end = tokenEnd;
  for (let parts = 1; parts < 5 && u[end] === POINT; parts++) {
    let i = end + 1;
    while ((KIND[u[i] ?? 0] ?? 0) !== 0 && (KIND[u[i] ?? 0] ?? 0) <= WORD) i++;
    if (i === end + 1 && parts > 2) break;
    end = i;
  }
  if (end - tokenEnd < 12) return 0;
  const header = Buffer.from(source.text.slice(at, tokenEnd), 'base64url').toString('latin1');
  return /^\{\s*"[\s\S]{1,3000}\}$/.test(header) && /"(?:alg|enc|typ|kid)"/.test(header) ? source.hit(at, end, 'secret:jwt') : 0;
}

type Shape = readonly [name: string, pattern: RegExp];
const ATLAS: Shape = ['atlas', /[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,100}/y];
const DISCORD: Shape = ['discord', /[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])/y];
const MAILCHIMP: Shape = ['mailchimp', /[0-9a-f]{32}-us[0-9]{1,2}(?![\w-])/y];
const MAILGUN: Shape = ['mailgun', /[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![\w-])/y];
const ONEPASSWORD: Shape = ['onepassword', /A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}(?![\w-])/y];
const NEWRELIC: Shape = ['newrelic', /[0-9A-Za-z]{36}NRAL(?!\w)/y];
const AZURE_DEVOPS: Shape = ['azure', /[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}/y];
const SEARCH: Shape = ['azure', AZURE_SEARCH];
const FUNCTION: Shape = ['azure', AZURE_FUNCTION];
const AZURE_AI: Shape = ['azure', /[A-Za-z0-9]{52}JQQJ9[A-Za-z0-9]{20,40}/y];

// The only shape that the token can have, by its length and a unit or two: hashes and UUIDs must be told apart at once.
function shapeOf(u: Uint16Array, at: number, tokenEnd: number, flags: number): Shape | undefined {
  const length = tokenEnd - at;
  if (u[tokenEnd] === POINT) return length === 14 ? ATLAS : length >= 23 && length <= 28 ? DISCORD : undefined;
  if ((flags & DIGIT) === 0 || length < 35) return undefined;
  if (length === 54 && u[at + 44] === 0x41 && u[at + 45] === 0x7a) return FUNCTION;
  if ((flags & DASH) !== 0) {
    if (u[at + 32] === HYPHEN) return length === 50 ? MAILGUN : MAILCHIMP;
    return u[at] === 0x41 && u[at + 2] === HYPHEN ? ONEPASSWORD : undefined;
  }
  if (length === 40) return u[tokenEnd - 1] === 0x4c ? NEWRELIC : undefined;
  if (length === 52) return u[at + 42] === 0x41 && u[at + 43] === 0x7a ? SEARCH : undefined;
  if (length < 77) return undefined;
  return u[at + 52] === 0x4a ? AZURE_AI : length === 84 ? AZURE_DEVOPS : undefined;
}

/** Masks the secret without a prefix that the token at `at` is, by its shape; returns its end, or 0. */
export function maskShaped(source: Source, at: number, tokenEnd: number, flags: number): number {
  const shape = shapeOf(source.units, at, tokenEnd, flags);
  if (shape === undefined) return 0;
  const [name, pattern] = shape;
  pattern.lastIndex = at;
  return pattern.test(source.text) ? source.hit(at, pattern.lastIndex, `secret:${name}`) : 0;
}

const GOOGLE_REFRESH = /1\/\/0[\w-]{30,512}/y;

/** Masks a refresh token of Google's, whose first digit stands at `at`; returns its end, or 0. */
export function maskGoogleRefresh(source: Source, at: number): number {
  GOOGLE_REFRESH.lastIndex = at;
  return GOOGLE_REFRESH.test(source.text) ? source.hit(at, GOOGLE_REFRESH.lastIndex, 'secret:gcp') : 0;
}

const KEY_WORDS =
  /(?:api|app|application|access|auth|datadog|dd|secret|client|new ?relic|twilio)[ _-]{0,2}(?:key|token|secret)|secret|credential|password|dogapi|schl(?:ü|ue)ssel|cl[ée] (?:api|d'api|secr)|clave|llave|chave|chiave|ключ|密钥|密鑰|秘钥|キー/i;
const NOT_KEY = /(?:trace|span|commit|sha|hash|digest|etag|md5|request|revision|image|checksum)[\w -]{0,16}["']?\s?[:= ]\s?["']?$/i;
const KEY_NAME = /(?:api|app|application|access|auth|datadog|dd|secret|client)[ _.-]?(?:key|token|secret)s?$|(?:secret|credential|password)s?$/i;
const HEX_REACH = 40;

/** Masks 32 or 40 hex digits (keys of Datadog and many others) beside words that say they are a key; returns the end, or 0. */
export function maskHexKey(source: Source, at: number, tokenEnd: number): number {
  if (!holds(source, at, tokenEnd - at, 'hex')) return 0;
  const name = nameBefore(source, at);
  if (name !== '') return KEY_NAME.test(name) ? source.hit(at, tokenEnd, 'secret:key') : 0;
  const from = Math.max(source.hitEnd, at - HEX_REACH, 0);
  const lead = source.text.slice(lastMark(source.text, from, at)?.end ?? from, at);
  if (!KEY_WORDS.test(lead) || NOT_KEY.test(lead)) return 0;
  return source.hit(at, tokenEnd, 'secret:key');
}

// The one pass over a text: finds what may be a value worth masking and asks the detector that knows. Linear: every detector looks a
// bounded way around the place, or past what it then skips.
import { maskAssigned, maskFollowing } from './assign.ts';
import { maskDigits } from './digits.ts';
import { maskEmail } from './email.ts';
import { maskBasic, maskBearer } from './headers.ts';
import { maskIban } from './iban.ts';
import { ipv6Start, maskIpv4, maskIpv6 } from './ip.ts';
import { LAST_THREE } from './keynames.ts';
import { markEnd } from './marker.ts';
import type { MaskForm } from './masker.ts';
import { SEPARATOR } from './numbers.ts';
import { PemReader } from './pem.ts';
import { isOpaqueName } from './protocol.ts';
import { type Enabled, type Hit, type Settings, Source } from './source.ts';
import { maskHexKey, maskJwt, maskPrefixed, maskShaped, PREFIXED } from './tokens.ts';
import { AT, BACKSLASH, COLON, DASH, DIGIT, EQUALS, hexValue, isDigit, KIND, PERCENT, TILDE } from './units.ts';
import { maskDsn, maskUrl, maskUserOption } from './urls.ts';

export interface ScanResult {
  /** In order, without overlaps. */
  readonly hits: readonly Hit[];
  /** True where characters are spelled as JSON escapes that could hide a value: read the text again with these undone. */
  readonly hidden: boolean;
  /** True where the text may hold a cursor or state of the protocol. */
  readonly opaque: boolean;
}

/** Finds everything in `text` that the enabled detectors take for a value of theirs, and what stands behind a field's name. */
export function scan(text: string, form: MaskForm, settings: Settings): ScanResult {
  const reader = new Scan(new Source(text, form, settings));
  reader.run();
  return { hits: reader.source.hits, hidden: reader.source.hidden, opaque: reader.source.opaque };
}

const SECRET_MIN = 14;
const POINT = 0x2e;
const HYPHEN = 0x2d;
const QUOTE = 0x22;
const SLASH = 0x2f;

// Copies of what the inner loop needs: an import is looked up anew at each use.
const GROUPING = SEPARATOR;
const BEGINNINGS = PREFIXED;
const KINDS = KIND;
const TELLING_NAMES = LAST_THREE;
const ALL_NAMES = new Uint8Array(TELLING_NAMES.length).fill(1);

// First letters of the words that announce a secret: Bearer, Basic, is.
const ANNOUNCES = new Uint8Array(65_536);
for (const c of 'bBiI') ANNOUNCES[c.charCodeAt(0)] = 1;

// Hexadecimal digits and the colon, which is all that may stand beside the colon of an IPv6 address.
const IN_IPV6 = new Uint8Array(65_536);
for (const c of '0123456789abcdefABCDEF:') IN_IPV6[c.charCodeAt(0)] = 1;

// True for a colon at `i` behind no telling name (the last word ended at `end`), in no address and no IPv6 address.
function isQuietColon(u: Uint16Array, i: number, end: number, names: Uint8Array): boolean {
  const next = u[i + 1] as number;
  if (next === SLASH || (next === 0x5c && u[i + 2] === SLASH) || end < 3) return false;
  if (names[(((u[end - 1] as number) & 31) << 10) | (((u[end - 2] as number) & 31) << 5) | ((u[end - 3] as number) & 31)] === 1) return false;
  return IN_IPV6[next] === 0 || (end === i && IN_IPV6[u[i - 1] as number] === 0) || (end !== i && next !== 0x3a);
}

// True where a known prefix begins with the three units at `at`.
function mayBegin(u: Uint16Array, at: number): boolean {
  return (((BEGINNINGS[(((u[at] as number) & 63) << 6) | ((u[at + 1] as number) & 63)] as number) >>> ((u[at + 2] as number) & 31)) & 1) === 1;
}

// True for a token that no detector would look at.
function isQuietToken(u: Uint16Array, start: number, end: number, flags: number): boolean {
  const length = end - start;
  const next = u[end] as number;
  if (flags === 1) return length < 7 && GROUPING[next] === 0;
  const first = u[start] as number;
  if (length >= SECRET_MIN - 1 || first === HYPHEN || ((flags & 9) === 9 && length >= 7)) return false;
  if (next === POINT && mayBegin(u, start)) return false;
  if ((flags & 1) === 1 && KINDS[u[start + 3] as number] === 1 && KINDS[u[start + 2] as number] === 1) return false;
  return ANNOUNCES[first] === 0 || length > 6 || next !== 0x20;
}

class Scan {
  readonly source: Source;
  readonly #on: Enabled;
  readonly #pem = new PemReader();
  /** Bounds of the last token; while a token is looked at, `#end` is that of the one before. */
  #start = 0;
  #end = 0;

  constructor(source: Source) {
    this.source = source;
    this.#on = source.on;
  }

  // Almost all of the time goes here, and nearly every place is found harmless without looking closer.
  run(): void {
    const kinds = KIND;
    const u = this.source.units;
    const n = this.source.length;
    const names = this.source.names.size > 0 ? ALL_NAMES : TELLING_NAMES;
    let i = 0;
    let start = 0;
    let end = 0;
    while (i < n) {
      let kind = kinds[u[i] as number] as number;
      if (kind === 0) {
        i++;
        continue;
      }
      if (kind > 15) {
        if (kind === 0x50 && u[i + 1] === QUOTE) i += 2;
        else if (kind === 0x10 && isQuietColon(u, i, end, names)) i++;
        else {
          this.#start = start;
          this.#end = end;
          i = this.#special(i, kind);
        }
        continue;
      }
      const before = end;
      start = i;
      let flags = 0;
      do {
        flags |= kind;
        kind = kinds[u[++i] as number] as number;
      } while (kind !== 0 && kind <= 15);
      end = i;
      if (isQuietToken(u, start, end, flags)) continue;
      this.#end = before;
      i = flags === 1 ? this.#number(start, i, flags) || i : this.#token(start, i, flags);
    }
  }

  /** Looks at the token `start`…`end`; returns where to go on. */
  #token(start: number, end: number, flags: number): number {
    const u = this.source.units;
    if (this.#on.secrets) {
      const found = this.#secret(start, end, flags);
      if (found > 0) return found;
    }
    if ((flags & DIGIT) === 0) return end;
    if ((flags & ~DIGIT) === DASH || ((flags & DASH) !== 0 && isDigit(u[start]))) {
      const found = this.#number(start, end, flags);
      if (found > 0) return found;
    }
    if ((flags & ~DIGIT) !== 0) {
      const found = this.#parts(start, end, flags);
      if (found > 0) return found;
    }
    return end;
  }

  #number(start: number, end: number, flags: number): number {
    const u = this.source.units;
    let digitsEnd = end;
    if ((flags & ~DIGIT) !== 0) {
      digitsEnd = start;
      while (isDigit(u[digitsEnd])) digitsEnd++;
    }
    if (u[digitsEnd] === POINT) {
      const decimalsEnd = endOfDecimal(u, digitsEnd);
      if (decimalsEnd > 0) return decimalsEnd;
      const found = this.#on.ip && digitsEnd - start <= 3 ? maskIpv4(this.source, start) : 0;
      if (found > 0) return found;
    }
    return maskDigits(this.source, start, digitsEnd);
  }

  // Numbers within a token of letters and digits: behind - or _, as in `card-4111111111111111`, or an IBAN.
  #parts(start: number, end: number, flags: number): number {
    const u = this.source.units;
    const length = end - start;
    let found = 0;
    if (this.#on.iban && length >= 4 && (length <= 6 || length >= 15)) found = maskIban(this.source, start);
    if (found > 0 || (flags & DASH) === 0 || length < 9) return found;
    for (let i = start + 1; i < end - 6; i++) {
      if (u[i - 1] !== 0x2d && u[i - 1] !== 0x5f) continue;
      if (isDigit(u[i]) && !(isDigit(u[i - 2]) && u[i - 1] === HYPHEN)) {
        let digitsEnd = i;
        while (isDigit(u[digitsEnd])) digitsEnd++;
        if (KIND[u[digitsEnd] ?? 0] !== 0 && u[digitsEnd] !== HYPHEN && u[digitsEnd] !== 0x5f) continue;
        found = maskDigits(this.source, i, digitsEnd);
      } else if (this.#on.iban && isDigit(u[i + 2]) && isDigit(u[i + 3])) found = maskIban(this.source, i);
      if (found > 0) return found;
    }
    return 0;
  }

  #secret(start: number, end: number, flags: number): number {
    const { source } = this;
    const u = source.units;
    const length = end - start;
    const first = u[start] as number;
    if (length <= 10 && (first === HYPHEN || ANNOUNCES[first] === 1)) {
      const found = this.#announced(start, end);
      if (found > 0) return found;
    }
    const dotted = u[end] === POINT;
    if (length < SECRET_MIN && !dotted) return 0;
    const from = source.escapeLetterAt === start - 1 && start > 0 ? start - 1 : start;
    if (first === HYPHEN && u[start + 1] === HYPHEN && length > 10) {
      const found = this.#announced(start, end);
      if (found > 0) return found;
    }
    for (let at = from; at <= start; at++) {
      const found = this.#prefixed(at, end, flags);
      if (found > 0) return found;
    }
    if (length >= 20 && (flags & DASH) !== 0) {
      for (let i = start + 1; i < end - SECRET_MIN; i++) {
        if (u[i - 1] !== 0x2d && u[i - 1] !== 0x5f) continue;
        const found = mayBegin(u, i) ? maskPrefixed(source, i, end, flags) : 0;
        if (found > 0) return found;
      }
    }
    if ((length === 32 || length === 40) && (flags & DASH) === 0 && (flags & DIGIT) !== 0) {
      const found = maskHexKey(source, start, end);
      if (found > 0) return found;
    }
    return maskShaped(source, start, end, flags);
  }

  #prefixed(at: number, end: number, flags: number): number {
    const u = this.source.units;
    if (!mayBegin(u, at)) return 0;
    if (u[at] === 0x65 && u[at + 1] === 0x79 && u[at + 2] === 0x4a) return maskJwt(this.source, at, end);
    return maskPrefixed(this.source, at, end, flags);
  }

  // `Bearer …`, `Basic …`, `the password is …`, `--token …`, `-u user:…`, `-----BEGIN …`.
  #announced(start: number, end: number): number {
    const { source } = this;
    const u = source.units;
    const length = end - start;
    if (u[start] === HYPHEN) {
      if (length === 10 && source.text.startsWith('-----BEGIN', start)) return this.#pem.mask(source, start);
      if (length === 2 && u[start + 1] === 0x75 && u[end] === 0x20) return maskUserOption(source, end);
      if (u[start + 1] === HYPHEN && u[end] === 0x20)
        return source.text.slice(start, end) === '--user' ? maskUserOption(source, end) : maskFollowing(source, end, end);
      return 0;
    }
    if (u[end] !== 0x20) return 0;
    if (length === 2 && ((u[start + 1] as number) | 0x20) === 0x73 && this.#end === start - 1) return maskFollowing(source, this.#end, end);
    if (length === 6) return maskBearer(source, start, end);
    return length === 5 ? maskBasic(source, start, end) : 0;
  }

  /** Looks at a unit that is no part of a word; returns where to go on. */
  #special(at: number, kind: number): number {
    const { source } = this;
    const u = source.units;
    let found = 0;
    switch (kind) {
      case COLON:
        found = this.#colon(at);
        break;
      case EQUALS:
        found = maskAssigned(source, at, this.#start, this.#end);
        break;
      case AT:
        if (this.#on.secrets) found = maskDsn(source, at);
        if (found === 0 && this.#on.email) found = maskEmail(source, at, at + 1);
        break;
      case PERCENT:
        if (this.#on.email && u[at + 1] === 0x34 && u[at + 2] === 0x30) found = maskEmail(source, at, at + 3);
        break;
      case BACKSLASH:
        return this.#escape(at);
      case TILDE:
        if (this.#on.secrets) found = this.#azureSecret(at);
        break;
    }
    return found > 0 ? found : at + 1;
  }

  #colon(at: number): number {
    const { source } = this;
    const u = source.units;
    if (this.#on.secrets) {
      if (u[at - 7] === 0x5b && this.#end === at) {
        const end = markEnd(source.text, at - 7);
        if (end > 0) return end;
      }
      const slashes = slashesEnd(u, at + 1);
      if (slashes > 0) return maskUrl(source, slashes) || slashes;
      const found = this.#telegram(at);
      if (found > 0) return found;
    }
    const end = this.#end;
    if (end < 1) return 0;
    if (isOpaqueEnd(u[end - 1]) && isOpaqueName(source.text, this.#start, end)) source.opaque = true;
    const found = maskAssigned(source, at, this.#start, end);
    if (found > 0) return found;
    if (!this.#on.ip || (this.#end !== at && u[at + 1] !== 0x3a)) return 0;
    const start = ipv6Start(source, at);
    return start < 0 ? 0 : maskIpv6(source, start);
  }

  // `123456789:AA…`, the token of a Telegram bot.
  #telegram(at: number): number {
    const u = this.source.units;
    const length = at - this.#start;
    if (this.#end !== at || length < 8 || length > 10 || u[at + 1] !== 0x41 || !isDigit(u[at - 1])) return 0;
    const found = /^\d{8,10}:A[\w-]{34}(?![\w-])/.exec(this.source.text.slice(this.#start, at + 40));
    return found ? this.source.hit(this.#start, this.#start + found[0].length, 'secret:telegram') : 0;
  }

  // The client secret of an Azure application: three characters, a digit, `Q~`, then 31 to 34 more.
  #azureSecret(at: number): number {
    const start = at - 5;
    if (start < this.source.hitEnd || this.source.units[at - 1] !== 0x51) return 0;
    const found = /^[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~-])/.exec(this.source.text.slice(start, start + 48));
    return found ? this.source.hit(start, start + found[0].length, 'secret:azure') : 0;
  }

  // Backslashes and what they escape. What the escape stands for separates, but for characters that a value is made of: those set `hidden`.
  #escape(at: number): number {
    const { source } = this;
    const u = source.units;
    let i = at + 1;
    while (u[i] === 0x5c) i++;
    const c = u[i];
    if (c === 0x75 && hexValue(u[i + 1]) >= 0 && hexValue(u[i + 2]) >= 0 && hexValue(u[i + 3]) >= 0 && hexValue(u[i + 4]) >= 0) {
      const code = Number.parseInt(source.text.slice(i + 1, i + 5), 16);
      if (isTelling(code)) source.hidden = true;
      return i + 5;
    }
    // b, f, n, r, t: the letter may also be the first of a word behind a plain backslash.
    if (c === 0x6e || c === 0x74 || c === 0x72 || c === 0x62 || c === 0x66) {
      source.escapeLetterAt = i;
      return i + 1;
    }
    return i;
  }
}

function isOpaqueEnd(c: number | undefined): boolean {
  return c === 0x72 || c === 0x65;
}

// Printable ASCII that values are made of (not < > & ' " \), and the spaces and hyphens that numbers are grouped with.
function isTelling(code: number): boolean {
  if (code < 0x80) return code > 0x20 && code !== 0x3c && code !== 0x3e && code !== 0x26 && code !== 0x27 && code !== 0x22 && code !== 0x5c && code !== 0x7f;
  return code === 0xa0 || code === 0x202f || (code >= 0x2010 && code <= 0x2013);
}

// The end of a decimal fraction whose point stands at `point`, or 0 where it goes on like something else.
function endOfDecimal(u: Uint16Array, point: number): number {
  let i = point + 1;
  while (KINDS[u[i] as number] === 1) i++;
  return i > point + 1 && GROUPING[u[i] as number] === 0 && (KINDS[u[i] as number] === 0 || (u[i] as number) === 0x5c) ? i : 0;
}

// Offset behind `//`, also where its slashes are escaped, or 0.
function slashesEnd(u: Uint16Array, at: number): number {
  let i = at;
  for (let n = 0; n < 2; n++) {
    while (u[i] === 0x5c) i++;
    if (u[i] !== 0x2f) return 0;
    i++;
  }
  return i;
}

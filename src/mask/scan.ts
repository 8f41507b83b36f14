// The one pass over a text: finds what may be a value worth masking and asks the detector that knows. Linear: every detector looks
// a bounded way around the place, or past what it then skips.
import { maskAssigned, maskElement } from './assign.ts';
import { maskAzurePadded } from './azure.ts';
import { isNear } from './context.ts';
import { maskDialled, maskDigits } from './digits.ts';
import { maskEmail } from './email.ts';
import { skipEscape, slashesEnd } from './escapes.ts';
import { maskIban } from './iban.ts';
import { ipv6Start, maskIpv4, maskIpv6 } from './ip.ts';
import { markEnd } from './marker.ts';
import type { MaskForm } from './masker.ts';
import { joined } from './patterns.ts';
import { PemReader } from './pem.ts';
import { isOpaqueName } from './protocol.ts';
import { endOfDecimal, endOfTime, isQuietColon, isQuietName, isQuietToken, isUuidOrDate } from './quiet.ts';
import { maskAzureSecret, maskSecret, maskTelegram } from './secrets.ts';
import { type Enabled, type Hit, type Settings, Source } from './source.ts';
import { maskGoogleRefresh } from './tokens.ts';
import { AT, BACKSLASH, COLON, DASH, DIGIT, EQUALS, FOREIGN, GREATER, isDigit, isLetter, KIND, PERCENT, TILDE, WORD } from './units.ts';
import { maskDsn, maskUrl } from './urls.ts';

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
  const reader = new Scan(new Source(text, form, settings), settings);
  reader.run();
  const { hits, planned } = reader.source;
  const all = planned.length === 0 ? hits : joined([...hits, ...planned].sort((a, b) => a.start - b.start));
  return { hits: all, hidden: reader.source.hidden, opaque: reader.source.opaque };
}

const POINT = 0x2e;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;
const SLASH = 0x2f;
const QUOTE = 0x22;
/** A quote and the backslashes before it. */
const QUOTE_MAX = 8;
const WORD_MAX = WORD;
const COLON_KIND = COLON;
const BACKSLASH_KIND = BACKSLASH;
const GREATER_KIND = GREATER;

class Scan {
  readonly source: Source;
  readonly #on: Enabled;
  readonly #lastLetters: Uint8Array;
  readonly #pem = new PemReader();
  /** Bounds of the last token. */
  #start = 0;
  #end = 0;

  constructor(source: Source, { on, lastLetters }: Settings) {
    this.source = source;
    this.#on = on;
    this.#lastLetters = lastLetters;
  }

  // Almost all of the time goes here, and nearly every place is found harmless without looking closer.
  run(): void {
    const kinds = KIND;
    const u = this.source.units;
    const n = this.source.length;
    const names = this.#lastLetters;
    let i = 0;
    let start = 0;
    let end = 0;
    while (i < n) {
      let kind = kinds[u[i] as number] as number;
      if (kind === 0) {
        i++;
        continue;
      }
      if (kind > WORD_MAX) {
        if (kind === BACKSLASH_KIND && u[i + 1] === QUOTE) i += 2;
        else if (kind === COLON_KIND && isQuietColon(u, i, end, names)) i++;
        else if (kind === GREATER_KIND && ((end !== i && (u[i - 1] !== QUOTE || i - end > QUOTE_MAX)) || end < 3 || isQuietName(u, end, names))) i++;
        else {
          this.#start = start;
          this.#end = end;
          i = this.#special(i, kind);
        }
        continue;
      }
      const endBefore = end;
      start = i;
      let flags = 0;
      do {
        flags |= kind;
        kind = kinds[u[++i] as number] as number;
      } while (kind !== 0 && kind <= WORD_MAX);
      end = i;
      if (!isQuietToken(u, start, end, flags)) i = this.#token(start, end, flags, endBefore);
    }
  }

  /** Looks at the token `start`…`end`; returns where to go on. */
  #token(start: number, end: number, flags: number, endBefore: number): number {
    const { source } = this;
    if (flags === DIGIT) {
      const refresh = end - start === 1 && source.units[end] === SLASH && this.#on.secrets ? maskGoogleRefresh(source, start) : 0;
      return refresh || this.#number(start, end) || end;
    }
    if ((flags & DASH) !== 0 && isUuidOrDate(source.units, start, end)) return end;
    const found = this.#on.secrets ? maskSecret(source, { start, end, flags, endBefore }, this.#pem) : 0;
    if (found > 0) return found;
    if ((flags & DIGIT) === 0) return end;
    if ((flags & DASH) !== 0 && isDigit(source.units[start])) {
      let digitsEnd = start;
      while (isDigit(source.units[digitsEnd])) digitsEnd++;
      const number = this.#number(start, digitsEnd);
      if (number > 0) return number;
    }
    // `10.0.0.1-10.0.0.9`: the hyphen belongs to the range.
    if (source.units[start] === HYPHEN && source.hitEnd === start && isDigit(source.units[start + 1])) {
      const found = this.#on.ip ? maskIpv4(source, start + 1) : 0;
      if (found > 0) return found;
    }
    return this.#parts(start, end, flags) || end;
  }

  // The number whose digits start at `start`, where a token starts too.
  #number(start: number, digitsEnd: number): number {
    const u = this.source.units;
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
    if (this.#on.iban && length >= 4 && (length <= 6 || length >= 15)) found = maskIban(this.source, start) || this.#afterIban(start);
    if (found > 0 || length < 9) return found;
    if ((flags & DASH) === 0) return length >= 14 && isLetter(u[start]) ? this.#glued(start, end) : 0;
    for (let i = start + 1; i < end - 6; i++) {
      if (u[i - 1] !== HYPHEN && u[i - 1] !== UNDERSCORE) continue;
      if (isDigit(u[i]) && !(isDigit(u[i - 2]) && u[i - 1] === HYPHEN)) {
        let digitsEnd = i;
        while (isDigit(u[digitsEnd])) digitsEnd++;
        if (((KIND[u[digitsEnd] ?? 0] ?? 0) & WORD) !== 0 && u[digitsEnd] !== HYPHEN && u[digitsEnd] !== UNDERSCORE) continue;
        found = maskDigits(this.source, i, digitsEnd);
      } else if (this.#on.iban && isDigit(u[i + 2]) && isDigit(u[i + 3])) found = maskIban(this.source, i);
      if (found > 0) return found;
    }
    return 0;
  }

  // `IBANDE89…`
  #afterIban(start: number): number {
    if (((this.source.units[start] as number) | 0x20) !== 0x69 || !/^iban[a-z]/i.test(this.source.text.slice(start, start + 5))) return 0;
    return maskIban(this.source, start + 4);
  }

  // Digits at the end of a word of letters, as in `PAN4111111111111111`.
  #glued(start: number, end: number): number {
    const u = this.source.units;
    let i = end;
    while (isDigit(u[i - 1])) i--;
    if (end - i < 12) return 0;
    for (let k = start; k < i; k++) if (!isLetter(u[k])) return 0;
    // The first track of a magnetic stripe (ISO/IEC 7813).
    if (i - start === 1 && u[start] === 0x42 && u[start - 1] === 0x25 && u[end] === 0x5e) return maskDigits(this.source, i, end);
    return isNear(this.source, 'card', i, end) ? maskDigits(this.source, i, end) : 0;
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
        found = (this.#on.secrets ? maskAzurePadded(source, at) : 0) || maskAssigned(source, at, this.#start, this.#end);
        break;
      case AT:
        if (this.#on.secrets) found = maskDsn(source, at);
        if (found === 0 && this.#on.email) found = maskEmail(source, at, at + 1);
        break;
      case PERCENT:
        if (this.#on.email && u[at + 1] === 0x34 && u[at + 2] === 0x30) found = maskEmail(source, at, at + 3);
        else if (u[at + 1] === 0x32 && u[at + 2] === 0x30) this.#spelledSpace(at);
        else if (this.#on.phone && u[at + 1] === 0x32 && ((u[at + 2] as number) | 0x20) === 0x62 && isDigit(u[at + 3])) found = maskDialled(source, at + 3);
        break;
      case BACKSLASH:
        return skipEscape(source, at);
      case GREATER:
        found = maskElement(source, at, this.#start, this.#end);
        break;
      case FOREIGN:
        // Alone, as between the parts of an emoji, it hides nothing.
        if (KIND[u[at - 1] as number] !== 0 || KIND[u[at + 1] as number] !== 0) source.hidden = true;
        break;
      case TILDE:
        if (this.#on.secrets) found = maskAzureSecret(source, at);
        break;
    }
    return found > at ? found : at + 1;
  }

  // `4111%201111…`: the groups of a number in a query.
  #spelledSpace(at: number): void {
    const u = this.source.units;
    if (isDigit(u[at - 1]) && (isDigit(u[at + 3]) || isLetter(u[at + 3]))) this.source.hidden = true;
  }

  #colon(at: number): number {
    const { source } = this;
    const u = source.units;
    const end = this.#end;
    const timeEnd = end === at ? endOfTime(u, at) : 0;
    if (timeEnd > 0) return timeEnd;
    if (this.#on.secrets) {
      // The colon of our own `[secret:…]`.
      const mark = u[at - 7] === 0x5b ? markEnd(source.text, at - 7) : 0;
      if (mark > at) return mark;
      const address = slashesEnd(u, at + 1);
      if (address > 0) return maskUrl(source, address) || address;
      const found = end === at ? maskTelegram(source, this.#start, at) : 0;
      if (found > 0) return found;
    }
    if (isOpaqueName(source.text, this.#start, end)) source.opaque = true;
    const found = maskAssigned(source, at, this.#start, end);
    if (found > 0) return found;
    if (!this.#on.ip || (end !== at && u[at + 1] !== 0x3a)) return 0;
    const start = ipv6Start(source, at);
    return start < 0 ? 0 : maskIpv6(source, start);
  }
}

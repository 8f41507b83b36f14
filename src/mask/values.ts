// Where a value ends, and whether it can be a secret.
import type { NameKind } from './keynames.ts';
import { depthOf } from './quotes.ts';
import type { Source } from './source.ts';

const BACKSLASH = 0x5c;
const DOUBLE = 0x22;
/** The longest value that is masked as one. */
export const VALUE_MAX = 65_536;

/** A value in no quotes is judged by so much of its beginning. */
export const BARE_SEEN = 256;
/** Blanks between a name, its sign and the value. */
export const SPACES_MAX = 16;

/** A number as JSON writes it. */
export const NUMBER = /-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?(?=[\s,}\]]|$)/y;

/**
 * Where the content of the string ends that the quote at `open`, behind `slashes` backslashes, opens: at its closing quote or that of
 * a string around it, whichever comes first, less the backslashes that belong to the quote. A string ends with its line, too.
 */
export function closingQuote(source: Source, open: number, slashes: number): number {
  const u = source.units;
  const quote = u[open];
  const depth = depthOf(slashes);
  const limit = Math.min(source.length, open + VALUE_MAX);
  let run = 0;
  for (let i = open + 1; i < limit; i++) {
    const c = u[i];
    if (c === BACKSLASH) {
      run++;
      continue;
    }
    if (c === 0x0a) return i;
    if (c === quote || c === DOUBLE) {
      const found = depthOf(run);
      // In JSON, a double quote within other quotes is most likely the end of the string around them.
      const around = c !== quote && (source.form === 'json' || found < depth);
      if (around || (c === quote && found <= depth)) return i - (2 ** found - 1);
    }
    run = 0;
  }
  return limit;
}

// What ends a value that stands in no quotes.
const STOPS = new Set([...'"\'`\\,;&<>(){}|'].map((c) => c.charCodeAt(0)));

/** The end of an unquoted value, at most `most` units on. `\/` belongs to it: some writers of JSON escape slashes. */
export function endOfBare(source: Source, at: number, most: number): number {
  const u = source.units;
  const limit = Math.min(source.length, at + most);
  let i = at;
  while (i < limit) {
    const c = u[i] ?? 0;
    if (c === BACKSLASH) {
      let next = i;
      while (u[next] === BACKSLASH) next++;
      if (u[next] !== 0x2f) break;
      i = next + 1;
    } else if (c <= 0x20 || STOPS.has(c) || (c === 0x5d && !isOpenBefore(u, at, i))) break;
    else i++;
  }
  // The full stop or colon of the sentence.
  while (i > at && (u[i - 1] === 0x2e || u[i - 1] === 0x3a || u[i - 1] === 0x21 || u[i - 1] === 0x3f)) i--;
  return i;
}

function isOpenBefore(u: Uint16Array, from: number, to: number): boolean {
  for (let i = to - 1; i >= from && to - i < 64; i--) if (u[i] === 0x5b) return true;
  return false;
}

const PLACEHOLDER =
  /^(?:\$\{|\$\(|\{\{|\{|<|%[sdvq({]|\*{2,}|x{3,}$|\.{3}|#\{|null$|nil$|none$|true$|false$|undefined$|yes$|no$|redacted|\[?(?:redacted|masked|filtered|hidden|removed|omitted)|n\/a$|empty$|required$|optional$|string$|missing$|invalid$|expired$|incorrect$|wrong$|correct$|valid$|changed$|enabled$|disabled$|protected$|encrypted$|hashed$|unknown$|needed$|mandatory$|rejected$|accepted$|falsch$|abgelaufen$|incorrect[ao]$|incorrecte$|unset$|set$|env:|file:|!(?:vault|ref|sub|getatt|secret|env|include|reference)$)/i;
/** A variable of a shell or of PHP, whole. */
const SHELL_VARIABLE = /^\$(?:[A-Z_][A-Z0-9_]+|[a-z][a-z_]*[a-z](?:[A-Z][a-z]+)*)$/;
/** Where code takes the value from. */
const REFERENCE =
  /^(?:var|local|data|module|each|self|this|req|request|process|os|config|cfg|settings|env|environ|params|props|event|body|ctx|context|options|opts|args|secrets|user|form|input|values|kwargs|credentials|creds)(?:\??\.[A-Za-z_]\w*)+(?:$|\[)/;

/** True for what stands where a secret would: templates, stars, words for nothing. */
export function isPlaceholder(held: string): boolean {
  return PLACEHOLDER.test(held) || SHELL_VARIABLE.test(held) || REFERENCE.test(held);
}

interface Pair {
  readonly kind: NameKind;
  readonly sign: 'colon' | 'equals';
  readonly held: string;
  /** The two units behind the value. */
  readonly next: string;
}

/** True where an unquoted value can be the secret that its name promises: prose must not be taken for one. */
export function isPlausible({ kind, sign, held, next }: Pair): boolean {
  if (kind === 'code' || kind === 'signature') return kind === 'code' ? /^\d{3,8}$/.test(held) : held.length >= 8;
  const digit = /\d/.test(held);
  const letter = /[A-Za-z]/.test(held);
  const mark = /[^A-Za-z0-9.,/:_-]/.test(held);
  if (kind === 'password' || kind === 'field') {
    if (sign === 'equals') return held.length >= 3 || kind === 'field';
    if (held.length < 4) return false;
    return (digit && letter) || mark || (held.length >= 6 && digit) || (held.length >= 6 && endsThere(next));
  }
  // Capitals strewn in.
  if (sign === 'equals' && held.length >= 10 && (held.match(/[a-z][A-Z]/g)?.length ?? 0) > 1) return true;
  if (held.length < 8 || /^[a-z]+(?:[._-][a-z]+)*$/i.test(held) || /^\d{1,15}$/.test(held)) return held.length >= 24 && mixedCase(held);
  return (digit && letter) || mark || held.length >= 20;
}

// Nothing follows but the end of a line, string or object.
function endsThere(next: string): boolean {
  return next === '' || /^[\n\r"'`\\,;)}\]]/.test(next);
}

function mixedCase(held: string): boolean {
  return /[a-z][A-Z]/.test(held) && /[A-Z][a-z]/.test(held) && !held.includes('.');
}

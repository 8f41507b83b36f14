// What stands behind `Authorization:` and `Cookie:`, where it stands in no quotes.
import { markEnd } from './marker.ts';
import type { Source } from './source.ts';
import { BARE_SEEN, endOfBare, isPlaceholder, isPlausible, VALUE_MAX } from './values.ts';

const BACKSLASH = 0x5c;
const DOUBLE = 0x22;
const SINGLE = 0x27;

// `Authorization: Bearer …`: the scheme stays, its credentials go. Schemes with parameters go to the end of the line.
const SCHEME = /(?:basic|bearer|token|apikey|api-key|negotiate|ntlm|dpop|splunk|ssws|geniekey|key|bot) {1,4}/iy;
const SCHEME_WITH_PARAMETERS = /(?:digest|aws4-hmac-sha256|hawk|signature|mac|oauth) {1,4}/iy;
const PARAMETERS = /(?:[A-Za-z][\w-]{0,31}=(?:\\{0,7}"[^"\\\r\n]{0,1024}\\{0,7}"|[^\s,"'\\]{0,1024})(?:, {0,4})?){1,24}/y;

/** Masks the credentials at `at`; returns their end, or 0. */
export function maskCredentials(source: Source, at: number): number {
  const { text } = source;
  SCHEME_WITH_PARAMETERS.lastIndex = at;
  if (SCHEME_WITH_PARAMETERS.test(text)) {
    const start = SCHEME_WITH_PARAMETERS.lastIndex;
    PARAMETERS.lastIndex = start;
    return PARAMETERS.test(text) ? source.hit(start, PARAMETERS.lastIndex, 'secret:authorization') : 0;
  }
  SCHEME.lastIndex = at;
  const start = SCHEME.test(text) ? SCHEME.lastIndex : at;
  const seen = endOfBare(source, start, BARE_SEEN);
  if (seen === start || markEnd(text, start) > 0) return 0;
  const held = text.slice(start, seen);
  if (isPlaceholder(held) || (start === at && !isPlausible({ kind: 'secret', sign: 'colon', held, next: '' }))) return 0;
  return source.hit(start, endOfBare(source, start, VALUE_MAX), 'secret:authorization');
}

/** A cookie's name and its sign (RFC 6265): code that assigns to a variable called `cookie` begins otherwise. */
const PAIR = /[\w!#$%&*+.^`|~-]{1,256}=(?![=>])/y;

/** Masks the cookies at `at`; returns their end, or 0. */
export function maskCookies(source: Source, at: number): number {
  PAIR.lastIndex = at;
  return PAIR.test(source.text) ? source.hit(at, endOfLine(source, at), 'secret:cookie') : 0;
}

const LINE_MAX = 8192;

function endOfLine(source: Source, at: number): number {
  const u = source.units;
  let i = at;
  while (i < source.length && i - at < LINE_MAX) {
    const c = u[i] ?? 0;
    if (c === DOUBLE || c === BACKSLASH || c < 0x20 || c === SINGLE) break;
    i++;
  }
  return i;
}

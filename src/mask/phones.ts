// Telephone numbers: international form, North American form, national forms that a leading zero or brackets give away,
// and anything of a fitting length beside a word that says so.
import { isNear } from './context.ts';
import { digitsOf, type NumberRun } from './numbers.ts';
import type { Source } from './source.ts';

// Country calling codes (ITU-T E.164) of two and of three digits; 1 and 7 are whole numbering plans.
const CODES_2 = new Set(
  '20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98'.split(' '),
);
const CODES_3_FIRST = /^(?:21[1-368]|2[2-69]\d|3[578]\d|42[013]|50\d|59\d|6[789]\d|80[08]|85[02356]|87[0-9]|88[0-36]|96\d|97\d|99\d)/;

const DATE =
  /^(?:(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])(?!\d)|(?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|[12]\d|3[01])[-./ ](?:19|20)\d\d(?!\d))/;
const ISO_DATE = /(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]/;
// Two bytes of a dump in hexadecimal before it.
const DUMP = /(?:^|\s)[0-9a-f]{2} [0-9a-f]{2} $/i;
const EXTENSION = /(?: ?(?:x|ext\.?|extension|#) ?[0-9]{1,6}(?![0-9a-z]))/iy;
const MONEY = /[$€£¥]\s?$/;
const AMERICAN = /^1?[2-9](?!11)\d\d[2-9]\d{6}$/;
const NATIONAL = /^0[1-9]\d{7,9}$/;
const ZEROS = /^0+$/;
const DIGITS_MIN = 7;
const DIGITS_MAX = 15;
const DIGITS_WEAK_MAX = 13;

/** Masks the phone number that `run` is and returns its end, or 0. */
export function maskPhone(source: Source, run: NumberRun): number {
  const last = run.groups.at(-1);
  if (!last) return 0;
  if (!run.plus && MONEY.test(source.text.slice(Math.max(0, run.start - 2), run.start))) return 0;
  if (run.sizes.every((size) => size === 2) && DUMP.test(source.text.slice(Math.max(0, run.start - 7), run.start))) return 0;
  const hint = run.plus ? 'none' : hintOf(source, run, last.end);
  if (hint === 'none' && !run.plus && !mayLookLikePhone(source, run)) return 0;
  for (let count = run.groups.length; count > 0; count--) {
    const digits = digitsOf(source, run, count);
    if (digits.length < DIGITS_MIN) return 0;
    const end = run.groups[count - 1]?.end ?? 0;
    if (digits.length > DIGITS_MAX + 2 || ZEROS.test(digits)) continue;
    if (!(run.plus ? isInternational(digits) : isNational(run, count, digits, source.text.slice(run.start, end), hint))) continue;
    EXTENSION.lastIndex = end;
    return source.hit(run.start, EXTENSION.test(source.text) ? EXTENSION.lastIndex : end, 'phone');
  }
  return 0;
}

/** What the words near a number say of it. */
type Hint = 'phone' | 'perhaps' | 'none';

function hintOf(source: Source, run: NumberRun, end: number): Hint {
  if (isNear(source, 'phone', run.start, end)) return 'phone';
  return run.groups.length > 1 && isNear(source, 'phoneWeak', run.start, end) ? 'perhaps' : 'none';
}

function isInternational(digits: string): boolean {
  return digits.length >= 8 && digits.length <= DIGITS_MAX + 1 && hasCallingCode(digits);
}

function isNational(run: NumberRun, count: number, digits: string, written: string, hint: Hint): boolean {
  if (DATE.test(written) || ISO_DATE.test(written)) return false;
  if (looksLikePhone(run, count, digits)) return true;
  return digits.length <= DIGITS_MAX && (hint === 'phone' || (hint === 'perhaps' && count > 1 && digits.length <= DIGITS_WEAK_MAX));
}

// A cheap look for the forms below.
function mayLookLikePhone(source: Source, run: NumberRun): boolean {
  const [first, second, third] = run.sizes;
  if (run.groups.length < 2) return false;
  return (
    run.bracket || source.text.charCodeAt(run.groups[0]?.start ?? 0) === 0x30 || (first === 3 && second === 3) || (first === 1 && second === 3 && third === 3)
  );
}

// Forms that need no word beside them.
function looksLikePhone(run: NumberRun, count: number, digits: string): boolean {
  const sizes = run.sizes.slice(0, count);
  const separators = run.separators.slice(1, count);
  if (separators.length === 0) return false;
  const first = sizes[0] ?? 0;
  const [area, exchange, line] = digits.length === 11 && first === 1 && digits.startsWith('1') ? sizes.slice(1) : sizes;
  if (area === 3 && exchange === 3 && line === 4 && AMERICAN.test(digits)) {
    if (run.bracket || separators.some((s) => s !== ' ')) return true;
  }
  if (digits.startsWith('00')) return digits.length >= 10 && first >= 3 && hasCallingCode(digits.slice(2)) && !separators.includes('.');
  const evenly = sizes.every((size, i) => size >= 2 || (i === 0 && run.bracket)) && count <= 5;
  if (run.bracket && separators[0]?.startsWith(')')) return digits.length >= 9 && digits.length <= 12 && first <= 5 && evenly;
  return NATIONAL.test(digits) && first >= 2 && first <= 5 && evenly && new Set(separators).size <= 2;
}

function hasCallingCode(digits: string): boolean {
  if (digits.startsWith('1')) return digits.length === 11 && AMERICAN.test(digits);
  if (digits.startsWith('7')) return digits.length === 11;
  return CODES_2.has(digits.slice(0, 2)) || CODES_3_FIRST.test(digits);
}

/** True for seconds and milliseconds since 1970, from 2001 to 2033. */
export function isEpoch(u: Uint16Array, at: number, length: number): boolean {
  return u[at] === 0x31 && (length === 10 || length === 13);
}

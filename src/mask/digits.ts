// Decides what a run of digits is: a card, a social security number, a telephone number, or nothing.
import { rateCard } from './cards.ts';
import { digitsOf, isSeparator, type NumberRun, readRun, separatorBefore, sizesOf } from './numbers.ts';
import { maskPhone } from './phones.ts';
import type { Source } from './source.ts';
import { isDigit, isLetter } from './units.ts';

const CARD_MIN = 12;
const CARD_MAX = 19;
// A number with such a name is no card, unless a word says that it is.
const ID_NAME =
  /(?:(?:^|[^a-z])(?:id|ids|ts|pid|tid|seq|ns|us|ms|offset|bytes|size|count|hash|nonce)|[a-z]id|time|timestamp|nanos|micros|duration|epoch)["'\\]{0,4}\s?[:=]\s?["'\\]{0,4}$/i;
const NAME_REACH = 24;

/** Masks the number whose first digit stands at `at` and returns its end, or 0. `tokenEnd` is the end of the digits. */
export function maskDigits(source: Source, at: number, tokenEnd: number): number {
  const { units: u, on } = source;
  // A fraction, or the tail of something dotted.
  if (u[at - 1] === 0x2e && isDigit(u[at - 2])) return 0;
  const length = tokenEnd - at;
  const grouped = isSeparator(u[tokenEnd]) && (isDigit(u[tokenEnd + 1]) || isSeparator(u[tokenEnd + 1]));
  if (!grouped && length < 7) return 0;
  if (length >= CARD_MIN && on.card && length <= CARD_MAX && !isDigit(u[tokenEnd])) {
    const end = maskWholeCard(source, at, tokenEnd);
    if (end > 0) return end;
  }
  if (length > CARD_MAX || (u[tokenEnd] === 0x2e && length >= 7 && isDigit(u[tokenEnd + 1]) && length > 9)) return 0;
  const run = readRun(source, at);
  return (on.card && maskGroupedCard(source, run)) || (on.ssn && maskSsn(source, run)) || (on.phone && maskPhone(source, run)) || 0;
}

function maskWholeCard(source: Source, at: number, end: number): number {
  const first = source.units[at];
  // Most long numbers in telemetry are times and start with 1; the few cards that do have 15 digits.
  if (first === 0x30 || first === 0x37 || (first === 0x31 && end - at !== 15)) return 0;
  if (source.units[end] === 0x2e && isDigit(source.units[end + 1])) return 0;
  const rating = rateCard(source.text.slice(at, end));
  if (rating === 'no') return 0;
  const named = ID_NAME.test(source.text.slice(Math.max(0, at - NAME_REACH), at));
  if ((rating === 'likely' || named) && !source.words.near('card', at, end)) return 0;
  return source.hit(at, end, 'card');
}

function maskGroupedCard(source: Source, run: NumberRun): number {
  const sizes = sizesOf(run);
  if (run.groups.length < 2 || run.plus || (sizes[0] ?? 0) > 8) return 0;
  const separator = separatorBefore(source, run, 1);
  if (separator.length !== 1 || separator === '/' || separator === '(' || separator === ')') return 0;
  let total = sizes[0] ?? 0;
  let found = 0;
  for (let count = 2; count <= sizes.length && separatorBefore(source, run, count - 1) === separator; count++) {
    total += sizes[count - 1] ?? 0;
    if (total < CARD_MIN) continue;
    if (total > CARD_MAX) break;
    const start = run.groups[0]?.start ?? 0;
    const end = run.groups[count - 1]?.end ?? 0;
    const rating = rateCard(digitsOf(source, run, count));
    if (rating === 'no') continue;
    const usual = separator !== '.' && sizes.slice(0, count - 1).every((size) => size >= 4 && size <= 6);
    if ((usual && rating === 'certain') || source.words.near('card', start, end)) found = end;
  }
  return found === 0 ? 0 : source.hit(run.groups[0]?.start ?? 0, found, 'card');
}

function maskSsn(source: Source, run: NumberRun): number {
  const u = source.units;
  const [first, second, third] = run.groups;
  if (!first) return 0;
  const start = first.start;
  if (run.plus || (u[start - 1] === 0x2d && !isLetter(u[start - 2]))) return 0;
  if (second && third && sizesOf(run).slice(0, 3).join() === '3,2,4') {
    if (!isSsn(digitsOf(source, run, 3))) return 0;
    const separator = separatorBefore(source, run, 1);
    if (separatorBefore(source, run, 2) !== separator || separator.length !== 1) return 0;
    if (u[third.end] === 0x2d && isDigit(u[third.end + 1])) return 0;
    const sure = separator === '-' || separator === '\u2011' || separator === '\u2013';
    return sure || source.words.near('ssn', start, third.end) ? source.hit(start, third.end, 'ssn') : 0;
  }
  const alone = first.end - start === 9 && isSsn(source.text.slice(start, first.end));
  return alone && source.words.near('ssn', start, first.end) ? source.hit(start, first.end, 'ssn') : 0;
}

// Social Security Administration: no area 000, 666 or 900–999, no group 00, no serial 0000. From 900 on they are ITINs, whose group is 50 and above.
function isSsn(digits: string): boolean {
  const area = digits.slice(0, 3);
  const group = digits.slice(3, 5);
  if (area === '000' || area === '666' || group === '00' || digits.slice(5) === '0000') return false;
  return area < '900' || group >= '50';
}

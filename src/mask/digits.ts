// Decides what a run of digits is: a card, a social security number, a telephone number, or nothing.
import { rateCard } from './cards.ts';
import { isNear, nameBefore } from './context.ts';
import { countDigits, digitsOf, type NumberRun, nextGroup, readRun } from './numbers.ts';
import { isEpoch, maskPhone } from './phones.ts';
import type { Source } from './source.ts';
import { isDigit, isLetter } from './units.ts';

const CARD_MIN = 12;
const CARD_MAX = 19;
/** Fewer digits are neither a phone number nor anything else that is looked for. */
const DIGITS_MIN = 7;
const POINT = 0x2e;
const HYPHEN = 0x2d;
// A number with such a name is no card, unless a word says that it is.
const ID_NAME = /(?:(?:^|[^a-z])(?:id|ids|ts|pid|tid|seq|ns|us|ms|offset|bytes|size|count|hash|nonce)|[a-z]id|time|timestamp|nanos|micros|duration|epoch)$/i;

/** Masks the number whose first digit stands at `at` and returns its end, or 0. `end` is the end of its first digits. */
export function maskDigits(source: Source, at: number, end: number): number {
  const { units: u, on } = source;
  // A fraction, or the tail of something dotted.
  if (u[at - 1] === POINT && isDigit(u[at - 2])) return 0;
  const length = end - at;
  const next = nextGroup(u, end);
  if (next === 0) return length < DIGITS_MIN ? 0 : maskWhole(source, at, end);
  if (length >= CARD_MIN && on.card) {
    const found = maskWholeCard(source, at, end);
    if (found > 0) return found;
  }
  if (countDigits(u, at, end, DIGITS_MIN) < DIGITS_MIN || length > CARD_MAX || isIsoDate(u, at, length)) return 0;
  const run = readRun(source, at);
  return (on.card && maskGroupedCard(source, run)) || (on.ssn && maskGroupedSsn(source, run)) || (on.phone && maskPhone(source, run)) || 0;
}

/** Masks the international number whose digits start at `at`, behind the `%2B` of a query; returns its end, or 0. */
export function maskDialled(source: Source, at: number): number {
  return maskPhone(source, { ...readRun(source, at), plus: true });
}

// Digits without a break.
function maskWhole(source: Source, at: number, end: number): number {
  const { units: u, on } = source;
  const length = end - at;
  if (length > CARD_MAX) return 0;
  if (length >= CARD_MIN && on.card) {
    const found = maskWholeCard(source, at, end);
    if (found > 0) return found;
  }
  if (length > 15) return 0;
  if (u[at - 1] === 0x2b) return on.phone ? maskPhone(source, readRun(source, at)) : 0;
  // Times since 1970 are what telemetry is full of.
  if (isEpoch(u, at, length)) return 0;
  if (length === 9 && on.ssn && isNear(source, 'ssn', at, end) && isSsn(source.text.slice(at, end))) return source.hit(at, end, 'ssn');
  return on.phone && isNear(source, 'phone', at, end) ? maskPhone(source, readRun(source, at)) : 0;
}

function maskWholeCard(source: Source, at: number, end: number): number {
  const first = source.units[at];
  // The few cards that start with 1 have 15 digits.
  if (first === 0x30 || first === 0x37 || (first === 0x31 && end - at !== 15)) return 0;
  if (source.units[end] === POINT && isDigit(source.units[end + 1])) return 0;
  const rating = rateCard(source.text.slice(at, end));
  if (rating === 'no') return 0;
  if ((rating === 'likely' || ID_NAME.test(nameBefore(source, at))) && !isNear(source, 'card', at, end)) return 0;
  return source.hit(at, end, 'card');
}

function maskGroupedCard(source: Source, run: NumberRun): number {
  const u = source.units;
  const { sizes, separators } = run;
  const separator = separators[1];
  const first = sizes[0] ?? 0;
  if (separator === undefined || separator.length > 2 || run.plus || first > 8 || /[/()]/.test(separator)) return 0;
  let total = first;
  let found = 0;
  const start = run.groups[0]?.start ?? 0;
  for (let count = 2; count <= sizes.length && separators[count - 1] === separator; count++) {
    total += sizes[count - 1] ?? 0;
    if (total < CARD_MIN) continue;
    if (total > CARD_MAX) break;
    const end = run.groups[count - 1]?.end ?? 0;
    const rating = rateCard(digitsOf(source, run, count));
    if (rating === 'no') continue;
    const usual = separator.length === 1 && separator !== '.' && sizes.slice(0, count - 1).every((size) => size >= 4 && size <= 6);
    if (
      (usual && (rating === 'certain' || (inFours(sizes, count) && (u[start] ?? 0) > 0x31 && !isInDump(source, start, end)))) ||
      isNear(source, 'card', start, end)
    )
      found = end;
  }
  return found === 0 ? 0 : source.hit(start, found, 'card');
}

// As the front of a card shows it: fours, and what is left. No scheme's numbers start with 0 or 1 there.
function inFours(sizes: readonly number[], count: number): boolean {
  const last = sizes[count - 1] ?? 0;
  return count >= 4 && last <= 4 && sizes.slice(0, count - 1).every((size) => size === 4);
}

const DUMP_REACH = 8;
const GROUP_BEFORE = /(?:^|[^0-9A-Za-z])(?=[A-Fa-f]{0,4}[0-9])[0-9A-Fa-f]{4,5}[ -]$/;
const GROUP_BEHIND = /^[ -](?=[A-Fa-f]{0,4}[0-9])[0-9A-Fa-f]{4,5}(?![0-9A-Za-z])/;

// More groups of the kind beside it: a dump, or a table of code points.
function isInDump({ text }: Source, start: number, end: number): boolean {
  return GROUP_BEFORE.test(text.slice(Math.max(0, start - DUMP_REACH), start)) || GROUP_BEHIND.test(text.slice(end, end + DUMP_REACH));
}

function maskGroupedSsn(source: Source, run: NumberRun): number {
  const u = source.units;
  const { sizes, separators } = run;
  const [first, , third] = run.groups;
  if (!first || !third || sizes[0] !== 3 || sizes[1] !== 2 || sizes[2] !== 4) return 0;
  if (run.plus || (u[first.start - 1] === HYPHEN && !isLetter(u[first.start - 2])) || !isSsn(digitsOf(source, run, 3))) return 0;
  const separator = separators[1] ?? '';
  if (separators[2] !== separator || separator.length !== 1 || (u[third.end] === HYPHEN && isDigit(u[third.end + 1]))) return 0;
  const sure = separator === '-' || separator === '\u2010' || separator === '\u2011' || separator === '\u2013';
  return sure || isNear(source, 'ssn', first.start, third.end) ? source.hit(first.start, third.end, 'ssn') : 0;
}

// Social Security Administration: no area 000 or 666, no group 00, no serial 0000. From 900 on they are ITINs, whose group is 50 and above.
function isSsn(digits: string): boolean {
  const area = digits.slice(0, 3);
  const group = digits.slice(3, 5);
  if (area === '000' || area === '666' || group === '00' || digits.slice(5) === '0000') return false;
  return area < '900' || group >= '50';
}

// 2026-11-22, the one date that every log line has.
function isIsoDate(u: Uint16Array, at: number, length: number): boolean {
  return length === 4 && u[at + 4] === HYPHEN && u[at + 7] === HYPHEN && (u[at] === 0x32 || u[at] === 0x31) && (u[at + 5] === 0x30 || u[at + 5] === 0x31);
}

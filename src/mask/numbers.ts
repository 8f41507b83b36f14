// Numbers written in groups: reads the run of digits and separators that starts at a place. Judges nothing.
import type { Source } from './source.ts';
import { DIGIT, isDigit, isLetter, KIND } from './units.ts';

export interface Group {
  readonly start: number;
  readonly end: number;
}

/** Digits in groups, as in `+44 (0)20 7946-0958`. */
export interface NumberRun {
  readonly groups: readonly Group[];
  readonly sizes: readonly number[];
  /** What stands before each group; the first is empty. */
  readonly separators: readonly string[];
  /** Where the number starts, its `+` and opening bracket included. */
  readonly start: number;
  readonly plus: boolean;
  readonly bracket: boolean;
}

const GROUPS_MAX = 8;
const SEPARATORS_MAX = 3;
const DIGITS_MAX = 24;

/** 1 for what may stand between two groups: space, hyphen, point, slash, brackets and their typographic kin, and the plus, a form's space. */
export const SEPARATOR = new Uint8Array(65_536);
for (const c of ' ().-/+\u00a0\u2010\u2011\u2012\u2013\u202f') SEPARATOR[c.charCodeAt(0)] = 1;

/** Where the next group starts behind one that ends at `end`, or 0 where none follows. */
export function nextGroup(u: Uint16Array, end: number): number {
  let next = end;
  while (next - end < SEPARATORS_MAX && SEPARATOR[u[next] ?? 0] === 1) next++;
  return next > end && KIND[u[next] ?? 0] === DIGIT ? next : 0;
}

/** How many digits the run has whose first group is `at`…`end`; counts no further than `enough`. */
export function countDigits(u: Uint16Array, at: number, end: number, enough: number): number {
  let count = end - at;
  let i = end;
  while (count < enough) {
    i = nextGroup(u, i);
    if (i === 0) break;
    const start = i;
    while (KIND[u[i] ?? 0] === DIGIT) i++;
    count += i - start;
  }
  return count;
}

/** The run whose first digit stands at `at`. Bounded: 24 digits, 8 groups. */
export function readRun(source: Source, at: number): NumberRun {
  const u = source.units;
  const groups: Group[] = [];
  const sizes: number[] = [];
  const separators: string[] = [];
  let digits = 0;
  let i = at;
  let behind = at;
  while (groups.length < GROUPS_MAX) {
    const start = i;
    while (KIND[u[i] ?? 0] === DIGIT) i++;
    digits += i - start;
    if (digits > DIGITS_MAX) break;
    if (isLetter(u[i]) && !isExtension(u, i)) {
      // `200 495ms`: the last group belongs to a word. `00-25b`: so does the whole.
      if (GLUE.test(source.text.charAt(start - 1))) groups.length = 0;
      break;
    }
    groups.push({ start, end: i });
    sizes.push(i - start);
    separators.push(source.text.slice(behind, start));
    behind = i;
    i = nextGroup(u, i);
    if (i === 0) break;
  }
  const bracket = u[at - 1] === 0x28;
  let start = bracket ? at - 1 : at;
  const plus = u[start - 1] === 0x2b;
  if (plus) start--;
  if (plus && u[start - 1] === 0x28) start--;
  return { groups, sizes, separators, start, plus, bracket };
}

const GLUE = /[-./]/;

// `x12` behind a number is an extension.
function isExtension(u: Uint16Array, at: number): boolean {
  return ((u[at] ?? 0) | 0x20) === 0x78 && isDigit(u[at + 1]);
}

/** The digits of the first `count` groups. */
export function digitsOf(source: Source, run: NumberRun, count: number): string {
  let digits = '';
  for (const group of run.groups.slice(0, count)) digits += source.text.slice(group.start, group.end);
  return digits;
}

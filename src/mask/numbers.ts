// Numbers written in groups: reads the run of digits and separators that starts at a place. Judges nothing.
import type { Source } from './source.ts';
import { isDigit } from './units.ts';

export interface Group {
  readonly start: number;
  readonly end: number;
}

/** Digits in groups, as in `+44 (0)20 7946-0958`. */
export interface NumberRun {
  readonly groups: readonly Group[];
  /** Where the number starts, its `+` and opening bracket included. */
  readonly start: number;
  readonly plus: boolean;
  readonly bracket: boolean;
}

const GROUPS_MAX = 8;
const SEPARATORS_MAX = 3;
const DIGITS_MAX = 24;

/** What may stand between two groups: space, hyphen, point, slash, brackets and their typographic kin. */
export function isSeparator(c: number | undefined): boolean {
  switch (c) {
    case 0x20:
    case 0x28:
    case 0x29:
    case 0x2d:
    case 0x2e:
    case 0x2f:
    case 0xa0:
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x202f:
      return true;
    default:
      return false;
  }
}

/** The run whose first digit stands at `at`. Bounded: 24 digits, 8 groups. */
export function readRun(source: Source, at: number): NumberRun {
  const u = source.units;
  const groups: Group[] = [];
  let digits = 0;
  let i = at;
  while (groups.length < GROUPS_MAX) {
    const start = i;
    while (isDigit(u[i])) i++;
    digits += i - start;
    if (digits > DIGITS_MAX) break;
    groups.push({ start, end: i });
    let next = i;
    while (next - i < SEPARATORS_MAX && isSeparator(u[next])) next++;
    if (next === i || !isDigit(u[next])) break;
    i = next;
  }
  let start = at;
  if (u[start - 1] === 0x28) start--;
  const plus = u[start - 1] === 0x2b;
  if (plus) start--;
  if (plus && u[start - 1] === 0x28) start--;
  return { groups, start, plus, bracket: u[at - 1] === 0x28 };
}

/** The digits of the first `count` groups. */
export function digitsOf(source: Source, run: NumberRun, count: number): string {
  let digits = '';
  for (const group of run.groups.slice(0, count)) digits += source.text.slice(group.start, group.end);
  return digits;
}

/** What stands between group `index` and the one before it. */
export function separatorBefore(source: Source, run: NumberRun, index: number): string {
  const left = run.groups[index - 1];
  const right = run.groups[index];
  return left && right ? source.text.slice(left.end, right.start) : '';
}

/** How many digits each group has. */
export function sizesOf(run: NumberRun): number[] {
  return run.groups.map((group) => group.end - group.start);
}

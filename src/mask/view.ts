// A text as the detectors read it where it spells characters in other ways: `\uXXXX` escapes undone, at any depth of escaping, digits and letters
// of other scripts and widths as ASCII, `%20` behind a digit as a space, characters without width left out. Knows the way back from its offsets to those of the text.
import type { Hit } from './source.ts';

const SPELLED = /(?<!\\)\\+u([0-9a-fA-F]{4})|(?<=[0-9])%20(?=[0-9A-Za-z])|[\u00ad\u200b-\u200d\u2060\ufeff\uff01-\uff5e]|(?![0-9])\p{Nd}/gu;
const DIGIT = /^\p{Nd}$/u;
const INVISIBLE = /^[\u00ad\u200b-\u200d\u2060\ufeff]$/;

export interface View {
  readonly text: string;
  /** The same places in the text that the view was made of. */
  back(hits: readonly Hit[]): Hit[];
}

/** What was spelled otherwise: where it stands in the view, in how many units, and where it began and ended in the text. */
interface Spot {
  readonly at: number;
  readonly size: number;
  readonly start: number;
  readonly end: number;
}

/** Quotes, backslashes and control characters stay as they are spelled: they are structure. */
export function plainView(text: string): View {
  const parts: string[] = [];
  const spots: Spot[] = [];
  let copied = 0;
  let length = 0;
  for (const found of text.matchAll(SPELLED)) {
    const plain = found[1] === undefined ? fold(found[0]) : fold(String.fromCharCode(Number.parseInt(found[1], 16)));
    if (plain === undefined) continue;
    const end = found.index + found[0].length;
    parts.push(text.slice(copied, found.index), plain);
    length += found.index - copied;
    spots.push({ at: length, size: plain.length, start: found.index, end });
    length += plain.length;
    copied = end;
  }
  parts.push(text.slice(copied));
  return { text: parts.join(''), back: (hits) => hits.map(({ start, end, mark }) => ({ start: startOf(spots, start), end: endOf(spots, end), mark })) };
}

function fold(character: string): string | undefined {
  if (character === '%20') return ' ';
  if (INVISIBLE.test(character)) return '';
  const code = character.codePointAt(0) ?? 0;
  if (code > 0x7f && DIGIT.test(character)) return String(digitValue(code));
  const plain = code >= 0xff01 && code <= 0xff5e ? code - 0xfee0 : code;
  return plain < 0x20 || plain === 0x22 || plain === 0x5c || plain === 0x7f ? undefined : String.fromCodePoint(plain);
}

// Unicode's decimal digits come in rows of ten.
function digitValue(code: number): number {
  let zero = code;
  while (DIGIT.test(String.fromCodePoint(zero - 1))) zero--;
  return (code - zero) % 10;
}

/** Where the unit of the view at `at` begins in the text. */
function startOf(spots: readonly Spot[], at: number): number {
  const last = spots[countBefore(spots, at + 1) - 1];
  if (last === undefined) return at;
  return last.at === at && last.size > 0 ? last.start : last.end + (at - last.at - last.size);
}

/** Where what ends before `at` in the view ends in the text. */
function endOf(spots: readonly Spot[], at: number): number {
  const last = spots[countBefore(spots, at) - 1];
  return last === undefined ? at : last.end + (at - last.at - last.size);
}

/** How many spots stand before `at`. */
function countBefore(spots: readonly Spot[], at: number): number {
  let low = 0;
  let high = spots.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spots[middle]?.at ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

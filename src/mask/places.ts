// Where in JSON a hit stands, and what may take its place there (RULES R16): strings and keys, numbers, and the keys that stay.
import type { MaskRequest } from './masker.ts';
import { Quotes } from './quotes.ts';
import type { Hit } from './source.ts';

/** A hit with the very text that replaces it. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly by: string;
  readonly mark: string;
}

// A number right behind a name, perhaps in JSON that stands in a string: the backslashes tell how deep.
const NAME_BEFORE = /[{,]\s{0,16}(\\{0,63})"[^"]{0,127}[^"\\]\1"\s{0,4}:\s{0,4}$/;
const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?$/;
const LOOK_BACK = 320;

/** The replacements for the hits of a plain text: a number that stands where JSON has one keeps that JSON whole. */
export function placeInText(text: string, hits: readonly Hit[], target: MaskRequest['target']): Replacement[] {
  const quotes = new Quotes(text);
  return hits.map((hit) => ({ ...hit, by: inString(text, quotes, hit, target) }));
}

/** The same for JSON. On the wire, hits in keys are left out. */
export function placeInJson(text: string, hits: readonly Hit[], target: MaskRequest['target']): Replacement[] {
  const placed: Replacement[] = [];
  const literals = new Literals(text);
  const quotes = new Quotes(text);
  for (const hit of hits) {
    const literal = literals.around(hit.start);
    if (literal === undefined) {
      const whole = hit.mark.startsWith(PATTERN) ? wholeLexeme(text, hit, placed.at(-1)?.end ?? 0) : hit;
      if (whole !== undefined) placed.push({ ...whole, by: target === 'wire' ? '0' : `"[${hit.mark}]"` });
    } else if (target === 'record' || !isKey(text, literal.end)) placed.push({ ...hit, by: inString(text, quotes, hit, target) });
  }
  return placed;
}

const PATTERN = 'pattern:';
const STRUCTURE = /[\s{}[\],:"]/;

// Outside of strings a pattern may match half a number, or what is no value at all: the first lexeme that it touches, if none took it before.
function wholeLexeme(text: string, hit: Hit, from: number): Hit | undefined {
  let start = Math.max(hit.start, from);
  while (start < hit.end && STRUCTURE.test(text.charAt(start))) start++;
  let end = start;
  while (end < text.length && !STRUCTURE.test(text.charAt(end))) end++;
  while (start > from && !STRUCTURE.test(text.charAt(start - 1))) start--;
  return start < Math.min(end, hit.end) ? { ...hit, start, end } : undefined;
}

function inString(text: string, quotes: Quotes, hit: Hit, target: MaskRequest['target']): string {
  const slashes = numberDepth(text, quotes, hit);
  if (slashes < 0) return `[${hit.mark}]`;
  const quote = `${'\\'.repeat(slashes)}"`;
  return target === 'wire' ? '0' : `${quote}[${hit.mark}]${quote}`;
}

// How many backslashes the quotes need that stand around a number in JSON, or -1 where the hit is no such number.
function numberDepth(text: string, quotes: Quotes, { start, end }: Hit): number {
  if (end - start > LOOK_BACK || !NUMBER.test(text.slice(start, end)) || !/^(?:$|\s?[,}\]\\\n])/.test(text.slice(end, end + 2))) return -1;
  const before = text.slice(Math.max(0, start - LOOK_BACK), start);
  const name = NAME_BEFORE.exec(before);
  if (name) return name[1]?.length ?? 0;
  if (!/[[,]\s{0,16}$/.test(before)) return -1;
  const around = quotes.around(start);
  if (!/^\s*[[{]/.test(text.slice(around?.start ?? 0, (around?.start ?? 0) + 32))) return -1;
  return around === undefined ? 0 : 2 ** (around.depth + 1) - 1;
}

function isKey(text: string, literalEnd: number): boolean {
  let i = literalEnd;
  while (text.charCodeAt(i) <= 0x20) i++;
  return text.charCodeAt(i) === 0x3a;
}

// The string literals of a JSON text, from left to right.
class Literals {
  readonly #text: string;
  #start: number;
  #end = 0;

  constructor(text: string) {
    this.#text = text;
    this.#start = -1;
  }

  /** The literal that `offset` lies in, or undefined. Asked from left to right. */
  around(offset: number): { readonly start: number; readonly end: number } | undefined {
    while (this.#end <= offset) {
      const open = this.#text.indexOf('"', this.#end);
      this.#start = open < 0 ? this.#text.length : open;
      this.#end = open < 0 ? Number.POSITIVE_INFINITY : this.#closing(open);
    }
    return offset > this.#start ? { start: this.#start, end: this.#end } : undefined;
  }

  #closing(open: number): number {
    for (let at = this.#text.indexOf('"', open + 1); at >= 0; at = this.#text.indexOf('"', at + 1)) {
      let slashes = 0;
      while (this.#text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
      if (slashes % 2 === 0) return at + 1;
    }
    return this.#text.length;
  }
}

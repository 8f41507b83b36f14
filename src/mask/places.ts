// Where in JSON a hit stands, and what may take its place there (RULES R16): strings and keys, numbers, and the keys that stay.
import type { MaskRequest } from './masker.ts';
import type { Hit } from './source.ts';

/** A hit with the very text that replaces it. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly by: string;
  readonly mark: string;
}

// A number right behind a name, perhaps in JSON that stands in a string: the backslashes tell how deep.
const NAME_BEFORE = /(\\{0,63})"[ \t]{0,4}:[ \t]{0,4}$/;

/** The replacements for the hits of a plain text: a bare number behind a quoted name keeps its JSON whole. */
export function placeInText(text: string, hits: readonly Hit[], target: MaskRequest['target']): Replacement[] {
  return hits.map((hit) => ({ ...hit, by: inString(text, hit, target) }));
}

/** The same for JSON. On the wire, hits in keys are left out. */
export function placeInJson(text: string, hits: readonly Hit[], target: MaskRequest['target']): Replacement[] {
  const placed: Replacement[] = [];
  const literals = new Literals(text);
  for (const hit of hits) {
    const literal = literals.around(hit.start);
    if (literal === undefined) placed.push({ ...hit, by: target === 'wire' ? '0' : `"[${hit.mark}]"` });
    else if (target === 'record' || !isKey(text, literal.end)) placed.push({ ...hit, by: inString(text, hit, target) });
  }
  return placed;
}

function inString(text: string, hit: Hit, target: MaskRequest['target']): string {
  const first = text.charCodeAt(hit.start);
  if ((first >= 0x30 && first <= 0x39) || first === 0x2d) {
    const name = NAME_BEFORE.exec(text.slice(Math.max(0, hit.start - 72), hit.start));
    if (name && /^(?:$|\s?[,}\]\\\n])/.test(text.slice(hit.end, hit.end + 2))) {
      const quote = `${name[1] ?? ''}"`;
      return target === 'wire' ? '0' : `${quote}[${hit.mark}]${quote}`;
    }
  }
  return `[${hit.mark}]`;
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

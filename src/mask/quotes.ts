// Which of a text's double quotes open and which close, at each depth of escaping. A quote behind 0 backslashes stands in the text or
// its JSON, behind 1 in JSON in a string of that, behind 3 one deeper: its depth is the number of ones at the end of that count.

const BACKSLASH = 0x5c;

const DEPTH_MAX = 24;

/** The depth of a quote behind so many backslashes. */
export function depthOf(slashes: number): number {
  let depth = 0;
  for (let rest = slashes; (rest & 1) === 1 && depth < DEPTH_MAX; rest >>= 1) depth++;
  return depth;
}

export class Quotes {
  readonly #text: string;
  #at = 0;
  /** Bit n is set while a string is open at depth n. */
  #open = 0;
  /** Where the string that is open at each depth begins. */
  readonly #starts: number[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** True where the quote at `offset` would close a string. Asked from left to right: each quote is read once. */
  closes(offset: number): boolean {
    this.#readTo(offset);
    return (this.#open & (1 << this.#depthOf(offset))) !== 0;
  }

  /** The innermost string that `offset` lies in: its depth, and where its content begins. Undefined outside of strings. */
  around(offset: number): { readonly depth: number; readonly start: number } | undefined {
    this.#readTo(offset);
    if (this.#open === 0) return undefined;
    const depth = 31 - Math.clz32(this.#open);
    return { depth, start: this.#starts[depth] ?? 0 };
  }

  #readTo(offset: number): void {
    while (this.#at < offset) {
      const next = this.#text.indexOf('"', this.#at);
      if (next < 0 || next >= offset) break;
      const depth = this.#depthOf(next);
      // What was open deeper ends with it.
      this.#open = (this.#open ^ (1 << depth)) & ((2 << depth) - 1);
      this.#starts[depth] = next + 1;
      this.#at = next + 1;
    }
    this.#at = Math.max(this.#at, offset);
  }

  #depthOf(quote: number): number {
    let slashes = 0;
    while (this.#text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
    return depthOf(slashes);
  }
}

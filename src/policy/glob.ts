// Globs: `*` stands for any characters (dots and slashes too), everything else for itself, case-sensitive. Matching never
// backtracks, and many patterns are looked up at once through an index.

/** True where `name` matches `pattern`. Costs at most the product of both lengths. */
export function globMatches(pattern: string, name: string): boolean {
  return pattern.includes('*') ? matchesPieces(pattern.split('*'), name) : pattern === name;
}

/** The pieces between the stars, in order: the first opens the name, the last closes it, those between stand where they come first. */
function matchesPieces(pieces: readonly string[], name: string): boolean {
  const head = pieces[0] ?? '';
  const tail = pieces[pieces.length - 1] ?? '';
  const end = name.length - tail.length;
  if (head.length > end || !name.startsWith(head) || !name.endsWith(tail)) return false;
  let at = head.length;
  // Taking the first place is enough: a later one never leaves more room for the pieces that follow.
  for (let i = 1; i < pieces.length - 1; i++) {
    const piece = pieces[i] ?? '';
    const found = name.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

interface General {
  readonly pieces: readonly string[];
  readonly values: number[];
}

/** Finds, among many patterns that each carry a number, the numbers of those that a name matches. */
export class GlobIndex {
  readonly #exact = new Map<string, number[]>();
  /** `abc*`, by the length of what stands before the star: one look-up for each length. */
  readonly #prefixes = new Map<number, Map<string, number[]>>();
  readonly #general = new Map<string, General>();

  add(pattern: string, value: number): void {
    const star = pattern.indexOf('*');
    if (star < 0) push(this.#exact, pattern, value);
    else if (star === pattern.length - 1) {
      const ofLength = this.#prefixes.get(star) ?? new Map<string, number[]>();
      this.#prefixes.set(star, ofLength);
      push(ofLength, pattern.slice(0, star), value);
    } else {
      const known = this.#general.get(pattern);
      if (known) known.values.push(value);
      else this.#general.set(pattern, { pieces: pattern.split('*'), values: [value] });
    }
  }

  /** Calls `visit` for the number of each pattern that `name` matches, in no order and possibly more than once; ends early where it returns true. */
  some(name: string, visit: (value: number) => boolean): boolean {
    if (this.#exact.get(name)?.some(visit)) return true;
    for (const [length, prefixes] of this.#prefixes) {
      if (name.length >= length && prefixes.get(name.slice(0, length))?.some(visit)) return true;
    }
    for (const { pieces, values } of this.#general.values()) {
      if (matchesPieces(pieces, name) && values.some(visit)) return true;
    }
    return false;
  }

  /** True where `name` matches any pattern. */
  has(name: string): boolean {
    return this.some(name, () => true);
  }
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

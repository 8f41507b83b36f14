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

/** True where some name matches both patterns. Costs at most the product of their lengths. */
export function globsOverlap(a: string, b: string): boolean {
  // Row by row: which places in `b` can be reached together with each place in `a`.
  let reached = new Array<boolean>(b.length + 1).fill(false);
  for (let i = 0; i <= a.length; i++) {
    const next = new Array<boolean>(b.length + 1).fill(false);
    for (let j = 0; j <= b.length; j++) {
      const left = i > 0 && (reached[j] ?? false);
      const up = j > 0 && (next[j - 1] ?? false);
      const both = i > 0 && j > 0 && (reached[j - 1] ?? false);
      const [x, y] = [a[i - 1], b[j - 1]];
      next[j] =
        (i === 0 && j === 0) ||
        (left && (x === '*' || (j > 0 && y === '*'))) ||
        (up && (y === '*' || (i > 0 && x === '*'))) ||
        (both && (x === y || x === '*' || y === '*'));
    }
    reached = next;
  }
  return reached[b.length] ?? false;
}

interface Starred {
  readonly pieces: readonly string[];
  readonly value: number;
}

/** Finds, among many patterns that each carry a number, the numbers of those that a name matches. */
export class GlobIndex {
  readonly #exact = new Map<string, number[]>();
  /** By what stands before the first star, or, where nothing does, behind the last: one look-up for each length of it. */
  readonly #byHead = new Map<number, Map<string, Starred[]>>();
  readonly #byTail = new Map<number, Map<string, Starred[]>>();

  add(pattern: string, value: number): void {
    if (!pattern.includes('*')) {
      push(this.#exact, pattern, value);
      return;
    }
    const pieces = pattern.split('*');
    const head = pieces[0] ?? '';
    const [index, end] = head === '' ? [this.#byTail, pieces.at(-1) ?? ''] : [this.#byHead, head];
    const ofLength = index.get(end.length) ?? new Map<string, Starred[]>();
    index.set(end.length, ofLength);
    push(ofLength, end, { pieces, value });
  }

  /** Calls `visit` for the number of each pattern that `name` matches, in no order and possibly more than once; ends early where it returns true. */
  some(name: string, visit: (value: number) => boolean): boolean {
    if (this.#exact.get(name)?.some(visit)) return true;
    const accept = (starred: Starred) => matchesPieces(starred.pieces, name) && visit(starred.value);
    for (const [length, heads] of this.#byHead) {
      if (length <= name.length && heads.get(name.slice(0, length))?.some(accept)) return true;
    }
    for (const [length, tails] of this.#byTail) {
      if (length <= name.length && tails.get(name.slice(name.length - length))?.some(accept)) return true;
    }
    return false;
  }

  /** True where `name` matches any pattern. */
  has(name: string): boolean {
    return this.some(name, () => true);
  }
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

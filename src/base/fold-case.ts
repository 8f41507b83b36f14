// Keys as a reader has them that ignores case, as some upstreams do.

/** A key as a reader that ignores case has it. Upper-casing first folds what Go folds too: long s (ſ) reads as s, the Kelvin sign as k. */
export function foldCase(key: string): string {
  return key.toUpperCase().toLowerCase();
}

// Pseudo-random choices that depend on a seed and a label only, so that the same sandbox tells the same story twice. Not for secrets.

/** A number in [0, 1) that depends on nothing but its arguments. */
export function unit(seed: number, ...labels: readonly (string | number)[]): number {
  // FNV-1a over the labels, then two rounds of the splitmix finaliser, so that neighbours do not resemble each other.
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (const label of labels) {
    for (const c of `${label}\u0000`) h = Math.imul(h ^ c.charCodeAt(0), 0x01000193) >>> 0;
  }
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d) >>> 0;
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b) >>> 0;
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** One of `items`. */
export function pick<T>(items: readonly T[], seed: number, ...labels: readonly (string | number)[]): T {
  const item = items[Math.floor(unit(seed, ...labels) * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** `length` characters out of `alphabet`. */
export function letters(alphabet: string, length: number, seed: number, ...labels: readonly (string | number)[]): string {
  return Array.from({ length }, (_, i) => pick([...alphabet], seed, ...labels, i)).join('');
}

export const HEX = '0123456789abcdef';
export const BASE62 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

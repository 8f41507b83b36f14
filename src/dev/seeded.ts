// Pseudo-random choices that depend on a seed and a label only, so that the same sandbox tells the same story twice. Not for secrets.

type Labels = readonly (string | number)[];

/** 32 bits that depend on nothing but the arguments. */
function hash(seed: number, labels: Labels): number {
  // FNV-1a over the labels, then the splitmix finaliser, so that neighbours do not resemble each other.
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (const label of labels) {
    const text = typeof label === 'string' ? label : `${label}`;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    h = Math.imul(h ^ 0x1f, 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A number in [0, 1). */
export function unit(seed: number, ...labels: Labels): number {
  return hash(seed, labels) / 2 ** 32;
}

/** One of `items`. */
export function pick<T>(items: readonly T[], seed: number, ...labels: Labels): T {
  const item = items[hash(seed, labels) % items.length];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** `length` hexadecimal digits. */
export function hex(length: number, seed: number, ...labels: Labels): string {
  let digits = '';
  for (let i = 0; digits.length < length; i++)
    digits += hash(seed + i, labels)
      .toString(16)
      .padStart(8, '0');
  return digits.slice(0, length);
}

/** `length` characters out of `alphabet`. */
export function letters(alphabet: string, length: number, seed: number, ...labels: Labels): string {
  return Array.from({ length }, (_, i) => alphabet[hash(seed + i, labels) % alphabet.length]).join('');
}

export const BASE62 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

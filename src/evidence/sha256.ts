// SHA-256 over a few parts, without a hash object or a copy for each: this runs several times for every entry.
import { createHash, hash } from 'node:crypto';

const SMALL = 8192;
const scratch = Buffer.alloc(SMALL);
/** Views of the first n bytes of `scratch`, made once: making one takes as long as a fifth of the hash. */
const views: (Buffer | undefined)[] = new Array(SMALL + 1);
const NONE = new Uint8Array(0);

/** SHA-256 of up to three parts one after the other, 32 bytes. */
export function sha256(first: Uint8Array = NONE, second: Uint8Array = NONE, third: Uint8Array = NONE): Uint8Array {
  const { length } = first;
  const two = length + second.length;
  const all = two + third.length;
  if (all > SMALL) return createHash('sha256').update(first).update(second).update(third).digest();
  if (length > 0) scratch.set(first, 0);
  if (two > length) scratch.set(second, length);
  if (all > two) scratch.set(third, two);
  const view = views[all] ?? scratch.subarray(0, all);
  views[all] = view;
  // As text and back: a digest handed over as bytes gets a buffer outside the heap, which takes twice as long as the hash itself.
  return Buffer.from(hash('sha256', view, 'binary'), 'latin1');
}

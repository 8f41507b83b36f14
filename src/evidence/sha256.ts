// SHA-256 over a few parts, without a hash object or a copy for each: this runs several times for every entry.
import { createHash, hash } from 'node:crypto';

const SMALL = 8192;
const scratch = Buffer.alloc(SMALL);
/** Views of the first n bytes of `scratch`, made once: making one takes as long as a fifth of the hash. */
const views: (Buffer | undefined)[] = new Array(SMALL + 1);

/** SHA-256 of the parts one after the other, 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length > SMALL) {
    const state = createHash('sha256');
    for (const part of parts) state.update(part);
    return state.digest();
  }
  let at = 0;
  for (const part of parts) {
    scratch.set(part, at);
    at += part.length;
  }
  const view = views[at] ?? scratch.subarray(0, at);
  views[at] = view;
  // As text and back: a digest handed over as bytes gets a buffer outside the heap, which takes twice as long as the hash itself.
  return Buffer.from(hash('sha256', view, 'binary'), 'latin1');
}

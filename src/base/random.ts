// Randomness as an argument. The pooled source asks the kernel once per 16 KiB instead of once per nonce.
import { randomFillSync } from 'node:crypto';

/** Returns `length` fresh random bytes that the caller owns. */
export type RandomBytes = (length: number) => Uint8Array;

const POOL_BYTES = 16_384;
let pool = new ArrayBuffer(0);
let used = 0;

export const systemRandom: RandomBytes = (length) => {
  if (length > POOL_BYTES / 4) return randomFillSync(new Uint8Array(length));
  if (used + length > pool.byteLength) {
    // A new one each time: what was handed out are views of the old one, without a copy, and nobody else gets them.
    pool = randomFillSync(new Uint8Array(POOL_BYTES)).buffer;
    used = 0;
  }
  const bytes = new Uint8Array(pool, used, length);
  used += length;
  return bytes;
};

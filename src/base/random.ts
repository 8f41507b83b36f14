// Randomness as an argument. The pooled source asks the kernel once per 16 KiB instead of once per nonce.
import { randomFillSync } from 'node:crypto';

/** Returns `length` fresh random bytes that the caller owns. */
export type RandomBytes = (length: number) => Uint8Array;

const POOL_BYTES = 16_384;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

export const systemRandom: RandomBytes = (length) => {
  if (length > POOL_BYTES / 4) return randomFillSync(new Uint8Array(length));
  if (used + length > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = pool.slice(used, used + length);
  // What was handed out must not be handed out again, nor linger in the pool.
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
};

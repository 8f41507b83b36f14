// Pauses between tries.
import type { IdSource } from '../base/ids.ts';
import { limits } from '../base/limits.ts';

/** How long to wait before the next of so many tries. */
export function backoffMs(tries: number, ids: IdSource): number {
  const ceiling = Math.min(limits.syncBackoffMsMax, limits.syncBackoffMsMin * 2 ** Math.min(tries, 10));
  const [high = 0, low = 0] = ids.random(2);
  // Full jitter over the upper half: many laptops that lost one gateway do not come back together.
  return ceiling / 2 + (ceiling / 2) * ((high * 256 + low) / 65_536);
}

/** Resolves after that time, or at once when `signal` is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}

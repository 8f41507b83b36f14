// Waiting for a lock. SQLite's own busy handler backs off so far that one of four writers can wait seconds (DESIGN §8), so it is off.
import { limits } from '../base/limits.ts';
import { isBusy, journalError } from './errors.ts';

const JITTER_MS_MIN = 0.1;
const JITTER_MS_MAX = 0.4;
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread for 0.1–0.4 ms. */
export function pauseBriefly(): void {
  Atomics.wait(cell, 0, 0, JITTER_MS_MIN + Math.random() * (JITTER_MS_MAX - JITTER_MS_MIN));
}

/** Runs `work` again while the journal is locked, blocking, at most `limits.journalBusyMsMax`. Throws the journal's errors. */
export function whenFree<T>(path: string, work: () => T): T {
  const deadline = performance.now() + limits.journalBusyMsMax;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw journalError(error, path);
      pauseBriefly();
    }
  }
}

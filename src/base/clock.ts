// The two clocks (RULES R14): wall time for people, monotonic time for order. Below floor 3 they come in as an argument.

export interface Clock {
  /** Milliseconds since the Unix epoch, UTC; may go backwards. */
  wallMs(): number;
  /** Microseconds since this process started; never goes backwards. */
  monoUs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoUs: () => Math.round(performance.now() * 1000),
};

/** RFC 3339 text in UTC with milliseconds, e.g. `2026-11-22T10:00:00.000Z`. */
export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

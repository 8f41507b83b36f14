// Durations as people write them: `45s`, `30m`, `1h`, `7d`.

const DURATION = /^([1-9][0-9]{0,8})(ms|s|m|h|d)$/;
const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds, or undefined where `text` is not one whole number with one of the units ms, s, m, h, d. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
}

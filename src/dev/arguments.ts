// Reads the arguments that several tools share: times as Datadog writes them.
import { z } from 'zod';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

export const timeArguments = {
  from: z.string().default('now-15m').describe('Start: now-15m, now-2h, or RFC 3339'),
  to: z.string().default('now').describe('End: now, or RFC 3339'),
};

/** Milliseconds since the epoch of `now`, `now-15m` or RFC 3339 text. Throws where it is neither. */
export function readTime(text: string, nowMs: number): number {
  const relative = /^now(?:-(\d{1,6})([smhdw]))?$/.exec(text);
  if (relative) return nowMs - Number(relative[1] ?? 0) * (UNITS_MS[relative[2] ?? 's'] ?? 0);
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new Error(`cannot read the time ${JSON.stringify(text)}; write now, now-15m or RFC 3339`);
  return at;
}

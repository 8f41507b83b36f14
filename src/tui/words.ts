// Says times, lengths, sizes and states of a recording in words. Screens and plain text use the same ones.
import type { Outcome } from '../replay/timeline.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KIB = 1024;

/** Date and time in UTC to the second: `2026-11-22 10:00:00`. */
export function timeText(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 19).replace('T', ' ');
}

/** Time of day in UTC to the millisecond: `10:00:00.123`. */
export function clockText(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(11, 23);
}

/** How long something took, in milliseconds: `0.4 ms`, `120 ms`, `1.24 s`, `4m 12s`, `2h 05m`, `3d 02h`. */
export function durationText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < SECOND) return `${Math.floor(ms)} ms`;
  if (ms < MINUTE) return `${(Math.floor(ms / 10) / 100).toFixed(2)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m ${twoDigits((ms % MINUTE) / SECOND)}s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h ${twoDigits((ms % HOUR) / MINUTE)}m`;
  return `${Math.floor(ms / DAY)}d ${twoDigits((ms % DAY) / HOUR)}h`;
}

/** A place on a replay's clock: `00:04.250`, `1:02:03.004`. */
export function offsetText(ms: number): string {
  const whole = Math.max(0, ms);
  const hours = Math.floor(whole / HOUR);
  const rest = `${twoDigits((whole % HOUR) / MINUTE)}:${twoDigits((whole % MINUTE) / SECOND)}.${String(Math.floor(whole % SECOND)).padStart(3, '0')}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** `512 B`, `1.2 KiB`, `3.4 MiB`. */
export function sizeText(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  if (bytes < KIB * KIB) return `${(bytes / KIB).toFixed(1)} KiB`;
  return `${(bytes / KIB / KIB).toFixed(1)} MiB`;
}

/** `1 call`, `2 calls`. */
export function countText(n: number, noun: string, plural = `${noun}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? noun : plural}`;
}

/** A person or machine; the caller makes it safe to print. */
export function identityText(identity: { readonly email?: string; readonly subject: string } | undefined): string {
  return identity === undefined ? 'nobody (solo)' : (identity.email ?? identity.subject);
}

/** What a connection records. */
export function recordText(record: 'off' | 'metadata' | 'full'): string {
  switch (record) {
    case 'full':
      return 'full: every request and answer, masked';
    case 'metadata':
      return 'metadata: who, what and when; no contents';
    case 'off':
      return 'off: nothing';
  }
}

/** Why an exchange has the outcome that it has, as far as the outcome alone says it. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome) {
    case 'ok':
      return 'answered';
    case 'failed':
      return 'the answer says that it failed, or there was none';
    case 'denied':
      return 'denied by policy; it was not sent on';
    case 'refused':
      return 'refused by mcprec; it was not sent on, or its answer was not passed on';
    case 'aborted':
      return 'the client or the session went away before it ended';
    case 'held':
      return 'it waits for an approval, or waited for one that did not come in time';
    case 'pending':
      return 'not answered yet';
  }
}

/** The shortest prefixes, at least `charactersMin` long, that tell `ids` apart; in their order. */
export function shortIds(ids: readonly string[], charactersMin = 16): string[] {
  const lengths = new Map<string, number>();
  const sorted = [...ids].sort();
  for (const [i, id] of sorted.entries()) {
    const common = Math.max(commonLength(id, sorted[i - 1]), commonLength(id, sorted[i + 1]));
    lengths.set(id, Math.max(charactersMin, common + 1));
  }
  return ids.map((id) => id.slice(0, lengths.get(id)));
}

function commonLength(id: string, other: string | undefined): number {
  if (other === undefined || other === id) return 0;
  let length = 0;
  while (length < id.length && id[length] === other[length]) length++;
  return length;
}

function twoDigits(n: number): string {
  return String(Math.floor(n)).padStart(2, '0');
}

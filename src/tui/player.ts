// Plays entries at the pace at which they were recorded, or faster. Told the time; sets no timers.
import { limits } from '../base/limits.ts';
import { pace, type TimelineEntry } from '../replay/timeline.ts';

/** Times the recorded pace; the last one shows everything as fast as it can be drawn. */
export const speeds: readonly number[] = [1, 2, 10, Number.POSITIVE_INFINITY];

export class Player {
  readonly #entries: () => readonly TimelineEntry[];
  /** How many entries are shown. */
  #shown = 0;
  #playing = true;
  #speed: number = 1;
  #wholePauses = false;
  /** When the next entry is to be shown; undefined where that is to be reckoned anew. */
  #dueMs: number | undefined;

  /** `entries` is asked again each time: there may be more of them. */
  constructor(entries: () => readonly TimelineEntry[]) {
    this.#entries = entries;
  }

  get shown(): number {
    return this.#shown;
  }

  get playing(): boolean {
    return this.#playing;
  }

  get speed(): number {
    return this.#speed;
  }

  /** True where pauses longer than `limits.replayPauseMsMax` are kept, too. */
  get wholePauses(): boolean {
    return this.#wholePauses;
  }

  /** Shows what is due at `nowMs`; returns in how many milliseconds the next is, undefined where nothing is to come. */
  advance(nowMs: number): number | undefined {
    for (let n = 0; this.#playing && this.#shown < this.#entries().length; n++) {
      this.#dueMs ??= nowMs + this.#delayMs();
      if (this.#dueMs > nowMs) return this.#dueMs - nowMs;
      if (n >= limits.replayEntriesAtOnce) return 0;
      const shownAtMs = this.#dueMs;
      this.#shown++;
      // Reckoned from when it was due, not from now: late timers must not add up. But time that was slept through is not made up for.
      this.#dueMs = Math.max(shownAtMs, nowMs - LATE_MS_MAX) + this.#delayMs();
    }
    this.#dueMs = undefined;
    return undefined;
  }

  toggle(): void {
    this.#playing = !this.#playing;
    this.#dueMs = undefined;
  }

  /** Shows one entry more or fewer, and pauses. */
  step(by: 1 | -1): void {
    this.#playing = false;
    this.#shown = Math.max(0, Math.min(this.#shown + by, this.#entries().length));
    this.#dueMs = undefined;
  }

  /** Goes to the beginning and plays, or to the end. */
  jump(to: 'start' | 'end'): void {
    this.#shown = to === 'start' ? 0 : this.#entries().length;
    this.#playing = true;
    this.#dueMs = undefined;
  }

  setSpeed(speed: number): void {
    this.#speed = speed;
    this.#dueMs = undefined;
  }

  togglePauses(): void {
    this.#wholePauses = !this.#wholePauses;
    this.#dueMs = undefined;
  }

  /** How long the next entry is to be waited for, behind the one shown last. */
  #delayMs(): number {
    const pair = this.#entries().slice(Math.max(0, this.#shown - 1), this.#shown + 1);
    const pauseMsMax = this.#wholePauses ? Number.POSITIVE_INFINITY : limits.replayPauseMsMax;
    return this.#shown === 0 ? 0 : (pace(pair, { speed: this.#speed, pauseMsMax })[1] ?? 0);
  }
}

const LATE_MS_MAX = 100;

/** `1x`, `max`. */
export function speedText(speed: number): string {
  return Number.isFinite(speed) ? `${speed}x` : 'max';
}

/** How far behind the first entry one was recorded, in milliseconds; what another process wrote is placed by wall time. */
export function offsetMs(first: TimelineEntry, entry: TimelineEntry): number {
  const { kind, monoUs, wallMs } = entry.leaf;
  return kind === 'crashed' || kind === 'gap' ? Math.max(0, wallMs - first.leaf.wallMs) : (monoUs - first.leaf.monoUs) / 1000;
}

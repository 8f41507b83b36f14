// The screens one has opened, the last on top: hands keys to it, lets it work, and says when there is something to draw.
import type { Clock } from '../base/clock.ts';
import type { Screen, Size } from './screen.ts';

const DRAW_MS = 100;

export class ScreenStack {
  readonly #clock: Clock;
  readonly #ended: (error?: unknown) => void;
  readonly #listeners = new Set<() => void>();
  #screens: readonly Screen[] = [];
  #timer: NodeJS.Timeout | undefined;
  #version = 0;
  #drawnMs = 0;

  /** `ended` is called when the last screen is left, or with what made it impossible to go on. */
  constructor(clock: Clock, ended: (error?: unknown) => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  /** Puts a screen on top. */
  open(screen: Screen): void {
    this.#screens = [...this.#screens, screen];
  }

  get screens(): readonly Screen[] {
    return this.#screens;
  }

  /** Changes whenever there is something to draw. */
  get version(): number {
    return this.#version;
  }

  /** Calls `changed` whenever there is something to draw; returns what ends that. */
  subscribe(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Takes keys, in order; `size` is what a screen has for its rows. */
  press(keys: readonly string[], size: Size): void {
    this.#guard(() => {
      for (const key of keys) {
        const move = this.#screens.at(-1)?.press(key, size);
        if (move?.kind === 'open') this.#screens = [...this.#screens, move.screen];
        else if (move?.kind === 'back') this.#screens = this.#screens.slice(0, -1);
      }
    });
    if (this.#screens.length === 0) this.#ended();
    else this.work();
    this.#draw();
  }

  /** Lets the screen on top work, now and whenever it asks for it. */
  work(): void {
    clearTimeout(this.#timer);
    const nowMs = this.#clock.monoUs() / 1000;
    this.#guard(() => {
      const dueMs = this.#screens.at(-1)?.work(nowMs);
      // A timer even where it is due at once: keys and drawing come in between.
      if (dueMs !== undefined) this.#timer = setTimeout(() => this.work(), Math.max(0, dueMs));
      // While a screen still reads, drawing each page would cost more than reading it.
      if (dueMs !== 0 || nowMs - this.#drawnMs >= DRAW_MS) this.#draw();
    });
  }

  #draw(): void {
    this.#drawnMs = this.#clock.monoUs() / 1000;
    this.#version++;
    for (const changed of this.#listeners) changed();
  }

  /** Works no more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.stop();
      this.#ended(error);
    }
  }
}

// A machine of the simulation: one SQLite file, randomness by seed, and a fuse. When the fuse is out the machine is dead at that very moment,
// in the middle of whatever it wrote; the next one starts on the file as it was then.
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import type { RandomBytes } from '../../src/base/random.ts';
import { countingRandom } from '../evidence/samples.ts';

/** A clock that all machines share; the wall clock may be set back. */
export class SimulatedClock implements Clock {
  #wallMs = 1_763_800_000_000;
  #monoUs = 1_000;
  wallMs = (): number => this.#wallMs;
  /** Every look at it moves it a little, so that entries have times of their own. */
  monoUs = (): number => this.#monoUs++;

  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monoUs += ms * 1000;
  }

  setBack(ms: number): void {
    this.#wallMs -= ms;
  }
}

export class Machine {
  readonly name: string;
  readonly #directory: string;
  readonly #seed: number;
  #life = 0;
  #random: RandomBytes;
  #fuse = Number.POSITIVE_INFINITY;
  #alive = true;

  constructor(directory: string, name: string, seed: number) {
    this.#directory = directory;
    this.name = name;
    this.#seed = seed;
    this.#random = countingRandom(`${seed}/${name}/0`);
  }

  /** Dead machines go on in this process, but nothing that they do counts. */
  get alive(): boolean {
    return this.#alive;
  }

  get life(): number {
    return this.#life;
  }

  get file(): string {
    return join(this.#directory, `${this.name}-${this.#life}.db`);
  }

  /** Every entry that is sealed asks for randomness, within the transaction that writes it: a fuse of n goes out at the nth. */
  random: RandomBytes = (length) => {
    if (--this.#fuse === 0) this.die();
    return this.#random(length);
  };

  lightFuse(writes: number): void {
    this.#fuse = writes;
  }

  /** Now. What the file and its log hold at this moment is what is left. */
  die(): void {
    if (!this.#alive) return;
    this.#alive = false;
    const next = join(this.#directory, `${this.name}-${this.#life + 1}.db`);
    for (const side of ['', '-wal']) if (existsSync(this.file + side)) copyFileSync(this.file + side, next + side);
  }

  /** Starts on what its predecessor left. */
  restart(): void {
    this.die();
    this.#life++;
    this.#alive = true;
    this.#fuse = Number.POSITIVE_INFINITY;
    const random = countingRandom(`${this.#seed}/${this.name}/${this.#life}`);
    const own = this.#life;
    // A predecessor that goes on must neither use up the randomness nor the fuse of its successor.
    this.#random = random;
    this.random = (length) => {
      if (own === this.#life && --this.#fuse === 0) this.die();
      return random(length);
    };
    rmSync(`${this.file}-shm`, { force: true });
  }
}

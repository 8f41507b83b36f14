// The network of the simulation: loses requests and answers, delivers twice, late and out of order, and parts for a while.
import { McprecError } from '../../src/base/errors.ts';
import type { Random } from '../eval/random.ts';
import type { Machine } from './machine.ts';

const LATE_MAX = 8;

export class Network {
  parted = false;
  /** No faults any more. */
  calm = false;
  readonly #random: Random;
  readonly #late: (() => Promise<unknown>)[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Has `from` ask `to`. Throws `gateway_unreachable` where there is no answer, whatever became of the request. */
  async ask<T>(from: Machine, to: Machine, request: () => Promise<T>): Promise<T> {
    const lives = [from.life, to.life];
    const up = (): boolean => from.alive && to.alive && from.life === lives[0] && to.life === lives[1];
    if (!up() || this.parted || this.#happens()) throw lost();
    if (this.#happens() && this.#late.length < LATE_MAX) this.#late.push(request);
    if (this.#happens()) await request().catch(() => undefined);
    const answer = await request();
    if (!up() || this.#happens()) throw lost();
    return answer;
  }

  /** Delivers one request of long ago; nobody waits for its answer. */
  async deliverLate(): Promise<void> {
    const [request] = this.#late.splice(this.#random.below(Math.max(1, this.#late.length)), 1);
    await request?.().catch(() => undefined);
  }

  #happens(): boolean {
    return !this.calm && this.#random.chance(0.12);
  }
}

function lost(): McprecError {
  return new McprecError('gateway_unreachable', 'the simulated network lost it');
}

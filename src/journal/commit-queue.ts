// What waits to be written to the journal, in the order it came, and how much of it one transaction takes.
import type { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** Something to be written. It may be written again where its group had to be rolled back. */
export interface Job {
  readonly entries: number;
  readonly bytes: number;
  /** Runs within the transaction. What it throws fails this job alone, but an error of the file or its disk all that wait. */
  write(): void;
}

export interface Waiting {
  readonly job: Job;
  readonly resolve: () => void;
  readonly reject: (error: McprecError) => void;
}

export class CommitQueue {
  #waiting: Waiting[] = [];
  #entries = 0;

  /** Jobs that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Entries of all of them. */
  get entries(): number {
    return this.#entries;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#entries += waiting.job.entries;
  }

  /** Those that come first, as many as one transaction takes: one at least, where any waits. */
  group(): Waiting[] {
    let entries = 0;
    let bytes = 0;
    let length = 0;
    for (const { job } of this.#waiting) {
      entries += job.entries;
      if (length > 0 && entries > limits.commitEntriesMax) break;
      length++;
      bytes += job.bytes;
      if (bytes >= limits.commitBytesMax) break;
    }
    return this.#waiting.slice(0, length);
  }

  /** Takes out the first `jobs`; returns them. */
  take(jobs: number): Waiting[] {
    const taken = this.#waiting.slice(0, jobs);
    this.#waiting = this.#waiting.slice(jobs);
    for (const { job } of taken) this.#entries -= job.entries;
    return taken;
  }

  remove(one: Waiting): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting !== one);
    this.#entries -= one.job.entries;
  }
}

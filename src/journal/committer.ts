// Group commit: what waits is written in one transaction. An idle journal commits at once, a busy one in groups (DESIGN §8). The process goes on
// while the disk syncs: a job is done when it is durable, not when it is written.
import type { Database, Statement } from 'better-sqlite3';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { pauseBriefly } from './busy.ts';
import { CommitQueue, type Job, type Waiting } from './commit-queue.ts';
import { isBusy, isCallersFault, journalError } from './errors.ts';
import { WalSync } from './wal-sync.ts';

/** A log that a group writes to. */
export interface Participant {
  /** Once per group, behind its last job. */
  writeHead(): void;
  committed(): void;
  rolledBack(): void;
}

type Attempt =
  | { readonly kind: 'done' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'job'; readonly at: Waiting; readonly error: McprecError }
  | { readonly kind: 'all'; readonly error: McprecError };

const BUSY_TRIES_A_TURN = 4;
/** For so many turns of the event loop a busy journal lets what the sockets bring join the group. */
const GATHER_TURNS_MAX = 4;

export class Committer {
  readonly #db: Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #touched = new Set<Participant>();
  readonly #queue = new CommitQueue();
  #scheduled = false;
  #gathered = 0;
  #turnsGathered = 0;
  /** Jobs in the last group: an idle journal's hold one. */
  #lastGroup = 0;
  #busySince: number | undefined;

  readonly #sync: WalSync | undefined;

  /** `synchronous`: `FULL` where a job is done only when it survives a power cut, `NORMAL` where it need only survive this process. */
  constructor(db: Database, synchronous: 'FULL' | 'NORMAL') {
    this.#db = db;
    this.#sync = synchronous === 'FULL' ? new WalSync(db, () => this.#proceed()) : undefined;
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#rollback = db.prepare('ROLLBACK');
  }

  /** Resolves when the job is durable. Jobs are written in the order they came. */
  submit(job: Job): Promise<void> {
    if (this.#queue.entries + job.entries > limits.appendQueueMax) {
      return Promise.reject(new McprecError('journal_behind', `more than ${limits.appendQueueMax} entries wait to be written to the journal`));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      this.#schedule();
    });
  }

  /** To be called by a job for the log that it writes to; true for the first one in the transaction. */
  touch(participant: Participant): boolean {
    const before = this.#touched.size;
    return this.#touched.add(participant).size > before;
  }

  /** Writes what waits, blocking; what cannot be written is rejected. */
  flush(): void {
    while (this.#queue.length > 0) if (!this.#commitGroup()) pauseBriefly();
    this.#sync?.flush();
  }

  /** Lets go of the file; call `flush` before. */
  close(): void {
    this.#sync?.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Not a microtask: what the other sockets brought in this turn of the event loop joins the group.
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#waitsForDisk()) return;
      if (this.#isGathering()) this.#schedule();
      else this.#turn();
    });
  }

  /**
   * While the disk syncs, a commit would be durable no sooner: what waits is joined by what comes. A full group has nothing to wait for and
   * is written meanwhile, but no second one: no more than that may be written and unsynced on a disk that hangs.
   */
  #waitsForDisk(): boolean {
    if (this.#sync === undefined || !this.#sync.isRunning) return false;
    return this.#queue.entries < limits.commitEntriesMax || this.#sync.isBehind;
  }

  /** The disk has synced what was committed before. */
  #proceed(): void {
    if (this.#queue.length > 0) this.#schedule();
  }

  /** True while a busy journal's queue still grows: one larger transaction costs less than two, and nobody waits who could go on. */
  #isGathering(): boolean {
    const busy = this.#lastGroup > 1 || this.#queue.length > 1;
    const grew = this.#queue.length > this.#gathered;
    this.#gathered = this.#queue.length;
    if (busy && grew && this.#turnsGathered < GATHER_TURNS_MAX) {
      this.#turnsGathered++;
      return true;
    }
    this.#gathered = 0;
    this.#turnsGathered = 0;
    return false;
  }

  #turn(): void {
    for (let tries = 1; this.#queue.length > 0; tries++) {
      if (this.#commitGroup() || tries >= BUSY_TRIES_A_TURN) break;
      pauseBriefly();
    }
    if (this.#queue.length > 0) this.#schedule();
  }

  /** Writes what stands first in the queue. False where the journal is locked and it is to be tried again. */
  #commitGroup(): boolean {
    let group = this.#queue.group();
    while (group.length > 0) {
      const attempt = this.#attempt(group);
      switch (attempt.kind) {
        case 'busy':
          return this.#giveUpWhenLate();
        case 'done':
          this.#queue.take(group.length);
          this.#lastGroup = group.length;
          this.#settle(group);
          return true;
        case 'job':
          this.#queue.remove(attempt.at);
          attempt.at.reject(attempt.error);
          group = group.filter((waiting) => waiting !== attempt.at);
          break;
        case 'all':
          this.#rejectAll(attempt.error);
          return true;
        default:
          attempt satisfies never;
      }
    }
    return true;
  }

  /** Resolves when every job that was written is durable. */
  synced(): Promise<void> {
    return new Promise((resolve, reject) => this.#settle([{ resolve, reject }]));
  }

  #settle(group: readonly Pick<Waiting, 'resolve' | 'reject'>[]): void {
    if (this.#sync === undefined) {
      for (const { resolve } of group) resolve();
      return;
    }
    const done = (error: unknown): void => {
      if (error === undefined) for (const { resolve } of group) resolve();
      else {
        const known = new McprecError('journal_unwritable', `the journal ${this.#db.name} cannot be synced to disk`, { cause: error });
        for (const { reject } of group) reject(known);
      }
    };
    this.#sync.add(done, group.length === 1 && this.#queue.length === 0);
  }

  #attempt(group: readonly Waiting[]): Attempt {
    let at: Waiting | undefined;
    try {
      this.#begin.run();
      this.#busySince = undefined;
      for (const waiting of group) {
        at = waiting;
        waiting.job.write();
      }
      at = undefined;
      for (const participant of this.#touched) participant.writeHead();
      this.#commit.run();
      for (const participant of this.#touched) participant.committed();
      this.#touched.clear();
      return { kind: 'done' };
    } catch (error) {
      if (this.#db.inTransaction) this.#undo();
      for (const participant of this.#touched) participant.rolledBack();
      this.#touched.clear();
      if (isBusy(error)) return { kind: 'busy' };
      const known = journalError(error, this.#db.name);
      return at !== undefined && isCallersFault(error) ? { kind: 'job', at, error: known } : { kind: 'all', error: known };
    }
  }

  // A full disk or a damaged file can make the roll-back fail as well; SQLite then drops the transaction by itself.
  #undo(): void {
    try {
      this.#rollback.run();
    } catch {}
  }

  #giveUpWhenLate(): boolean {
    this.#busySince ??= performance.now();
    if (performance.now() - this.#busySince < limits.journalBusyMsMax) return false;
    this.#busySince = undefined;
    this.#rejectAll(new McprecError('journal_locked', `the journal ${this.#db.name} was locked by another process for ${limits.journalBusyMsMax / 1000} s`));
    return true;
  }

  #rejectAll(error: McprecError): void {
    for (const { reject } of this.#queue.take(this.#queue.length)) reject(error);
  }
}

// Brings what was committed to the disk, without holding up the process meanwhile. SQLite's own `synchronous=FULL` syncs the write-ahead
// log within the commit, on the thread that commits; this does the same sync just behind it, on a thread of the pool, for all commits at once.
import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { limits } from '../base/limits.ts';

/** Told once whether what was committed before the call is on the disk. */
type Settle = (error: unknown) => void;

export class WalSync {
  readonly #db: Database;
  /** Of the log, one for the thread and one for here: a write that failed is told once to each that is open. */
  #files: { readonly thread: number; readonly here: number } | undefined;
  #waiting: Settle[] = [];
  /** Whom the sync that runs is for; undefined while none runs. */
  #running: Settle[] | undefined;
  #closed = false;
  /** How long the last sync took, thread and all. */
  #lastMs = Number.POSITIVE_INFINITY;
  /** A sync failed: what it should have written may never be written by a later one, which then succeeds all the same. */
  #doubtful = false;

  readonly #ended: () => void;
  readonly #inlineMsMax: number;

  /**
   * `db` is open in WAL mode with `synchronous=NORMAL`, and stays open longer than this. `ended` is called when a thread's sync has ended, before
   * or after the next one begins. A disk that takes less than `inlineMsMax` milliseconds is fast.
   */
  constructor(db: Database, ended: () => void, inlineMsMax: number = limits.syncInlineMsMax) {
    this.#db = db;
    this.#ended = ended;
    this.#inlineMsMax = inlineMsMax;
  }

  /** True while a thread syncs. What is committed meanwhile is durable no sooner than what is committed when it has ended, in one transaction. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** True where the sync that runs began before what was committed last. */
  get isBehind(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Calls `settle` when all that is committed by now is on the disk, or with the error that prevents it. `alone`: nobody else waits, so that
   * on a fast disk the sync is made here: the hand-over to a thread and back would take longer than it does.
   */
  add(settle: Settle, alone: boolean): void {
    this.#waiting.push(settle);
    if (this.#running !== undefined) return;
    if (alone && this.#lastMs < this.#inlineMsMax) this.flush();
    else this.#run();
  }

  /** The same, blocking, for all that wait. */
  flush(): void {
    const settled = [...(this.#running?.splice(0) ?? []), ...this.#waiting.splice(0)];
    if (settled.length === 0) return;
    const startedMs = performance.now();
    try {
      fdatasyncSync(this.#open().here);
      this.#lastMs = performance.now() - startedMs;
      this.#settle(settled, undefined);
    } catch (error) {
      this.#settle(settled, error);
    }
  }

  /** Call `flush` before. */
  close(): void {
    this.#closed = true;
    if (this.#running === undefined) this.#closeFiles();
  }

  #run(): void {
    const settled = this.#waiting;
    this.#running = settled;
    this.#waiting = [];
    const startedMs = performance.now();
    const done = (error: unknown): void => {
      this.#running = undefined;
      this.#lastMs = performance.now() - startedMs;
      this.#settle(settled, error);
      if (this.#closed) {
        this.#closeFiles();
        return;
      }
      // Who was told may have had it synced again.
      if (this.#running === undefined && this.#waiting.length > 0) this.#run();
      this.#ended();
    };
    try {
      fdatasync(this.#open().thread, done);
    } catch (error) {
      done(error);
    }
  }

  #closeFiles(): void {
    for (const file of Object.values(this.#files ?? {})) closeSync(file);
    this.#files = undefined;
  }

  // The file stays the same as long as a connection is open: SQLite starts it anew from its beginning.
  #open(): { readonly thread: number; readonly here: number } {
    const path = `${this.#db.name}-wal`;
    this.#files ??= { here: openSync(path, 'r'), thread: openSync(path, 'r') };
    return this.#files;
  }

  #settle(settled: readonly Settle[], error: unknown): void {
    if (settled.length === 0) return;
    let fault = error ?? undefined;
    this.#doubtful ||= fault !== undefined;
    if (this.#doubtful && this.#db.open) {
      fault = this.#moveToDatabase() ? undefined : (fault ?? new Error('an earlier sync to disk failed'));
      this.#doubtful = fault !== undefined;
    }
    for (const settle of settled) settle(fault);
  }

  /** A checkpoint syncs the database file itself: then nothing depends on the log that could not be synced. */
  #moveToDatabase(): boolean {
    try {
      const [result] = this.#db.pragma('wal_checkpoint(TRUNCATE)') as { readonly busy: number }[];
      return result?.busy === 0;
    } catch {
      return false;
    }
  }
}

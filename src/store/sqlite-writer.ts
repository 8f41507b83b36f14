// Commits to SQLite in groups: what was asked for in one turn of the event loop shares a transaction. A write is done when it is on the disk;
// meanwhile the gateway goes on.
import type Database from 'better-sqlite3';
import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { extend, type LogTail } from '../evidence/tail.ts';
import { WalSync } from '../journal/wal-sync.ts';
import { type EntryStatements, entryStatements } from './rows.ts';
import type { Tables } from './schema.ts';
import { storeError } from './sqlite-errors.ts';
import type { OwnedLog, Write, Writer } from './writer.ts';

interface Waiting {
  readonly write: Write;
  readonly entries: number;
  readonly resolve: (done: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** What a write came to; an error is one of that write alone. */
type Outcome = { readonly done: boolean } | { readonly error: unknown };
/** Thrown to undo a write whose guard did not hold. */
const guardFailed = new Error('a guard did not hold');
type Tails = Map<OwnedLog, LogTail>;

export interface SqliteWriterParts {
  readonly sqlite: Database.Database;
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Called with the new tail of each log of the gateway's that a commit has added to. */
  readonly advanced?: ((tail: LogTail) => void) | undefined;
}

export class SqliteWriter implements Writer {
  readonly #parts: SqliteWriterParts;
  readonly #entries: EntryStatements;
  readonly #prepared = new Map<string, Database.Statement>();
  /** Both made once: making one costs more than a small write. Inside a transaction the second is a savepoint. */
  readonly #inTransaction: (group: readonly Waiting[], tails: Tails) => readonly Outcome[];
  readonly #inSavepoint: (write: Write, tails: Tails) => void;
  readonly #sync: WalSync;
  #queue: Waiting[] = [];
  /** Groups that are committed and not on the disk yet. */
  #syncing = 0;
  #queuedEntries = 0;
  #idle: (() => void)[] = [];

  constructor(parts: SqliteWriterParts) {
    this.#parts = parts;
    this.#sync = new WalSync(parts.sqlite, () => this.#proceed());
    this.#entries = entryStatements(parts.db);
    this.#inTransaction = parts.sqlite.transaction((group: readonly Waiting[], tails: Tails) => this.#applyAll(group, tails));
    this.#inSavepoint = parts.sqlite.transaction((write: Write, tails: Tails) => this.#apply(write, tails));
  }

  commit(write: Write): Promise<boolean> {
    const entries = Math.max(1, write.append?.drafts.length ?? 0);
    if (this.#queuedEntries + entries > limits.appendQueueMax) {
      return Promise.reject(new McprecError('journal_behind', `more than ${limits.appendQueueMax} entries wait to be written`));
    }
    return new Promise((resolve, reject) => {
      if (this.#queue.length === 0) this.#schedule();
      this.#queue.push({ write, entries, resolve, reject });
      this.#queuedEntries += entries;
    });
  }

  async drain(): Promise<void> {
    if (this.#queue.length > 0 || this.#syncing > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Lets go of the file; call `drain` before. */
  close(): void {
    this.#sync.close();
  }

  #schedule(): void {
    setImmediate(() => {
      // A commit now would be durable no sooner: it joins those that come until the disk is done.
      if (this.#queue.length > 0 && !this.#sync.isRunning) this.#flush();
    });
  }

  /** The disk has synced what was committed before. */
  #proceed(): void {
    if (this.#queue.length > 0) this.#schedule();
  }

  #flush(): void {
    const group = this.#takeGroup();
    try {
      this.#settle(group, this.#commitGroup(group));
    } catch (error) {
      // One bad write must not take the others with it.
      if (group.length > 1) for (const one of group) this.#commitAlone(one);
      else for (const one of group) one.reject(storeError(error));
    }
    if (this.#queue.length > 0) this.#schedule();
    else this.#tellIdle();
  }

  #settle(group: readonly Waiting[], outcomes: readonly Outcome[]): void {
    this.#syncing++;
    const done = (error: unknown): void => {
      this.#syncing--;
      if (error === undefined) settle(group, outcomes);
      else for (const one of group) one.reject(new McprecError('journal_unwritable', 'the gateway’s store cannot be synced to disk', { cause: error }));
      this.#tellIdle();
    };
    this.#sync.add(done, group.length === 1 && this.#queue.length === 0);
  }

  #tellIdle(): void {
    if (this.#queue.length === 0 && this.#syncing === 0) for (const done of this.#idle.splice(0)) done();
  }

  #takeGroup(): Waiting[] {
    let entries = 0;
    let count = 0;
    for (const one of this.#queue) {
      if (count > 0 && entries + one.entries > limits.commitEntriesMax) break;
      entries += one.entries;
      count++;
    }
    this.#queuedEntries -= entries;
    return this.#queue.splice(0, count);
  }

  #commitAlone(one: Waiting): void {
    try {
      this.#settle([one], this.#commitGroup([one]));
    } catch (error) {
      one.reject(storeError(error));
    }
  }

  #commitGroup(group: readonly Waiting[]): readonly Outcome[] {
    const tails: Tails = new Map();
    let outcomes: readonly Outcome[];
    try {
      outcomes = this.#inTransaction(group, tails);
    } catch (error) {
      // Of one that was alone: the transaction was its own.
      if (error === guardFailed) return [{ done: false }];
      throw error;
    }
    for (const [log, tail] of tails) {
      log.tail = tail;
      log.resumed = false;
      this.#parts.advanced?.(tail);
    }
    return outcomes;
  }

  #applyAll(group: readonly Waiting[], tails: Tails): readonly Outcome[] {
    const [first, ...others] = group;
    const outcomes = first === undefined || others.length > 0 ? group.map(({ write }) => this.#tryApply(write, tails)) : [this.#applyAlone(first, tails)];
    for (const [log, tail] of tails) this.#moveHead(log.tail, tail);
    return outcomes;
  }

  #applyAlone({ write }: Waiting, tails: Tails): Outcome {
    this.#apply(write, tails);
    return { done: true };
  }

  /** One write in a savepoint of its own: what it did is undone where it fails, and the others of its group go on. */
  #tryApply(write: Write, tails: Tails): Outcome {
    const { sqlite } = this.#parts;
    try {
      this.#inSavepoint(write, tails);
      return { done: true };
    } catch (error) {
      if (error === guardFailed) return { done: false };
      // A full disk ends the outer transaction too: then nothing of the group is written.
      if (!sqlite.inTransaction) throw error;
      return { error: storeError(error) };
    }
  }

  #apply({ guards, statements, append, index }: Write, tails: Tails): void {
    for (const guard of guards ?? []) if (this.#run(guard) !== 1) throw guardFailed;
    for (const statement of statements ?? []) this.#run(statement);
    const appended = append && this.#append(append, tails);
    if (index === undefined) return;
    const first = (tails.get(index.log) ?? index.log.tail).frontier.size;
    this.#append({ log: index.log, drafts: index.drafts(appended) }, tails);
    for (const statement of index.noted?.(first) ?? []) this.#run(statement);
  }

  #append(append: NonNullable<Write['append']>, tails: Tails): LogTail {
    const { entries, tail } = extend(tails.get(append.log) ?? append.log.tail, withGap(append, tails), this.#parts.random);
    const receivedMs = this.#parts.clock.wallMs();
    for (const entry of entries) this.#run(this.#entries.sealed(tail.logId, entry, receivedMs));
    tails.set(append.log, tail);
    return tail;
  }

  #moveHead(before: LogTail, after: LogTail): void {
    const moved = this.#run(this.#entries.moveHead(before, after));
    // Another process that writes this log would fork it.
    if (moved !== 1) throw new McprecError('journal_locked', `another process wrote to ${after.logId}`, { remedy: 'run one gateway on one SQLite store' });
  }

  #run(statement: Compilable): number {
    const query: CompiledQuery = statement.compile();
    let prepared = this.#prepared.get(query.sql);
    if (prepared === undefined) {
      prepared = this.#parts.sqlite.prepare(query.sql);
      this.#prepared.set(query.sql, prepared);
    }
    return prepared.run(...query.parameters).changes;
  }
}

function withGap({ log, drafts }: NonNullable<Write['append']>, tails: Tails): readonly EntryDraft[] {
  const [first] = drafts;
  if (!log.resumed || tails.has(log) || first === undefined) return drafts;
  return [{ kind: 'restart', wallMs: first.wallMs, monoUs: first.monoUs, wireBytes: 0 }, ...drafts];
}

function settle(group: readonly Waiting[], outcomes: readonly Outcome[]): void {
  group.forEach((one, i) => {
    const outcome = outcomes[i];
    if (outcome === undefined || 'error' in outcome) one.reject(outcome?.error);
    else one.resolve(outcome.done);
  });
}

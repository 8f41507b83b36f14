// The laptop's journal: one SQLite file that several processes write (DESIGN §8). Opens it, opens sessions in it, hands out the rest.
import type { Database } from 'better-sqlite3';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import type { LogId, SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { readOpening } from '../evidence/opening.ts';
import type { StoredEntry } from '../evidence/seal.ts';
import { emptyTail, extend, type LogTail } from '../evidence/tail.ts';
import type { LogUpload } from '../protocol/control.ts';
import { whenFree } from './busy.ts';
import { Committer } from './committer.ts';
import { type DatabaseOptions, openDatabase } from './database.ts';
import { Eraser } from './eraser.ts';
import { exportSession } from './exporter.ts';
import { IndexLogs } from './index-logs.ts';
import { closeDeadSessions, takeLease } from './janitor.ts';
import { LogWriter } from './log-writer.ts';
import { Notary } from './notary.ts';
import { type BatchBounds, Outbox, type PendingLog, type SyncLag } from './outbox.ts';
import { thisOwner } from './owner.ts';
import { JournalReader, type Sent, type SessionQuery } from './reader.ts';
import type { SentKind } from './schema.ts';
import { SessionLog } from './session-log.ts';
import type { SessionSummary } from './session-rows.ts';
import { type Found, findText, type TextQuery } from './text-search.ts';
import { JournalVerifier } from './verify.ts';

export interface JournalOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** `write` creates the file where it is missing and closes the sessions of dead processes. Default: `write`. */
  readonly mode?: DatabaseOptions['mode'];
  /** `FULL` (the default): what is recorded survives a power cut; `NORMAL`: the end of the process. */
  readonly synchronous?: DatabaseOptions['synchronous'];
  readonly bytesMax?: number;
}

export interface SessionOpening {
  readonly logId: LogId;
  /** Of kind `open`; its payload is a JSON object as `evidence/opening.ts` reads it, from which session, connection and identity are taken. */
  readonly open: EntryDraft;
}

/** Opens the journal. Throws `journal_unwritable`, `_full`, `_locked`, `_corrupt`, `_newer`, `_network`; `not_found` where there is nothing to read. */
export function openJournal(options: JournalOptions): Journal {
  const { path, mode = 'write', bytesMax } = options;
  // For `FULL` the committer syncs, beside the thread and not within the commit.
  const db = openDatabase({ path, mode, synchronous: 'NORMAL', ...(bytesMax !== undefined && { bytesMax }) });
  try {
    return new Journal(db, options);
  } catch (error) {
    db.close();
    throw error;
  }
}

export class Journal implements Disposable {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #committer: Committer;
  readonly #writer: LogWriter;
  readonly #reader: JournalReader;
  readonly #outbox: Outbox;
  readonly #indexes: IndexLogs;
  /** Its checkpoints, receipts, and what it has seen of gateways' trees. */
  readonly notary: Notary;
  /** Takes contents out for good. */
  readonly eraser: Eraser;
  readonly #owner = thisOwner();

  /** Made by `openJournal` only. */
  constructor(db: Database, { clock, random, mode, synchronous = 'FULL' }: JournalOptions) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
    [this.#committer, this.#writer, this.#reader] = this.#read(() => [new Committer(db, synchronous), new LogWriter(db), new JournalReader(db, clock)]);
    this.#outbox = this.#read(() => new Outbox(db, this.#committer, (logId) => this.#reader.logNo(logId)));
    this.#indexes = this.#read(() => new IndexLogs(db, this.#writer, { clock, random }));
    this.notary = this.#read(() => new Notary(db, this.#committer, this.#indexes));
    this.eraser = new Eraser({ db, committer: this.#committer, indexes: this.#indexes, notary: this.notary });
    if (mode !== 'read') closeDeadSessions(db, { writer: this.#writer, indexes: this.#indexes }, { clock, random });
  }

  /** Records the opening of a session; resolves when it is durable. Rejects with `journal_*`, or `leaf_invalid` where the payload is no opening. */
  async openSession({ logId, open }: SessionOpening): Promise<SessionLog> {
    const opening = readOpening(open.payload);
    const ended = (tail: LogTail) => this.#indexes.ended(opening.gateway, logId, tail);
    const parts = { committer: this.#committer, writer: this.#writer, random: this.#random, ended };
    let log: SessionLog | undefined;
    await this.#committer.submit({
      entries: 1,
      bytes: open.payload?.length ?? 0,
      write: () => {
        this.#indexes.opened(opening.gateway, logId);
        const logNo = this.#writer.createSession(opening, logId, open.wallMs, this.#owner);
        const { entries, tail } = extend(emptyTail(logId), [open], this.#random);
        for (const entry of entries) this.#writer.insert(logNo, entry);
        this.#writer.advance(logNo, tail);
        log = new SessionLog(opening.session, logNo, tail, parts);
      },
    });
    if (log === undefined) throw new McprecError('bug', 'a session was committed without having been written');
    return log;
  }

  /** The id of the index log of that gateway (undefined: solo), begun where there is none. */
  async indexLog(gateway: string | undefined): Promise<LogId> {
    const found = this.#read(() => this.#indexes.find(gateway));
    if (found !== undefined) return found;
    await this.#committer.submit({ entries: 1, bytes: 0, write: () => void this.#indexes.ensure(gateway) });
    return this.indexLog(gateway);
  }

  /** Begins another index log, whose first leaf says that a witness has seen `witnessed` entries of the one before, more than are here. */
  restartIndex(gateway: string | undefined, witnessed: number): Promise<void> {
    return this.#committer.submit({ entries: 1, bytes: 0, write: () => void this.#indexes.restart(gateway, witnessed) });
  }

  /** Newest first. */
  sessions(query: SessionQuery): SessionSummary[] {
    return this.#read(() => this.#reader.sessions(query));
  }

  /** The session with that id, or the only one whose id begins so (`ses_` may be left out). Throws `not_found`, `id_ambiguous`. */
  findSession(idOrPrefix: string): SessionSummary {
    return this.#read(() => this.#reader.findSession(idOrPrefix));
  }

  /**
   * Entries of a log from index `from` on: at most `limit` and `limits.readEntriesMax`, fewer where payloads reach
   * `limits.readBytesMax`; none only at the end. Throws `not_found`, `leaf_invalid`, `journal_corrupt`.
   */
  entries(logId: LogId, from: number, limit: number): StoredEntry[] {
    return this.#read(() => this.#reader.entries(logId, from, limit));
  }

  /** The same without payloads, for lists. */
  outline(logId: LogId, from: number, limit: number): StoredEntry[] {
    return this.#read(() => this.#reader.outline(logId, from, limit));
  }

  /** Every entry of a log from `from` on, read in batches; writers may add to it meanwhile. */
  *walk(logId: LogId, from = 0): Generator<StoredEntry, void, undefined> {
    for (let next = from; ; ) {
      const batch = this.entries(logId, next, limits.readEntriesMax);
      const last = batch.at(-1);
      if (last === undefined) return;
      yield* batch;
      next = last.index + 1;
    }
  }

  /** The batches that named this metric, check or event, newest first. */
  whoSent(kind: SentKind, name: string, limit: number): Sent[] {
    return this.#read(() => this.#reader.whoSent(kind, name, limit));
  }

  /** The entries that have all words of the query. Builds the index of words beside the journal, or what it lacks, first. */
  findText(query: TextQuery): Found[] {
    return findText(this.#db, query);
  }

  /** Logs of that gateway (its origin) with entries that it lacks, the oldest first. */
  pendingLogs(gateway: string): PendingLog[] {
    return this.#read(() => this.#outbox.pending(gateway));
  }

  /** The next upload from index `from` on: at least one entry where there is one, at most `entriesMax`, ending where stored bytes reach `bytesMax`. */
  uploadBatch(logId: LogId, from: number, bounds: BatchBounds): LogUpload {
    return this.#read(() => this.#outbox.upload(logId, from, bounds));
  }

  /** Resolves when all that can be read now is durable: what leaves this machine must not be more than what stays on it. */
  synced(): Promise<void> {
    return this.#committer.synced();
  }

  /** Notes durably that the gateway has the first `size` entries. */
  markReceived(logId: LogId, size: number): Promise<void> {
    return this.#outbox.markReceived(logId, size);
  }

  syncLag(): SyncLag {
    return this.#read(() => this.#outbox.lag());
  }

  /** A session's bundle as JSON text, in pieces. Throws `not_found`, `journal_corrupt`. */
  exportSession(sessionId: SessionId): Generator<string> {
    return exportSession(this.#db, sessionId, this.#clock.wallMs());
  }

  /** What checks the journal's evidence. */
  verifier(): JournalVerifier {
    return this.#read(() => new JournalVerifier(this.#db));
  }

  /** The lease of the one process that syncs; disposing gives it back. Undefined where a live process has it. */
  takeSyncLease(): Disposable | undefined {
    return takeLease(this.#db, 'sync', this.#owner, this.#clock.wallMs());
  }

  /** Writes what waits, and closes the file. Sessions that are still open stay so while this process runs. */
  [Symbol.dispose](): void {
    if (!this.#db.open) return;
    this.#committer.flush();
    this.#committer.close();
    this.#db.close();
  }

  #read<T>(work: () => T): T {
    return whenFree(this.#db.name, work);
  }
}

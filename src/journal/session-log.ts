// One session's log in the journal: seals drafts behind its tail and writes entries and tail in the same transaction.
import type { LogId, SessionId } from '../base/ids.ts';
import type { RandomBytes } from '../base/random.ts';
import type { EntryDraft, EntrySink } from '../evidence/entry.ts';
import { type Counts, extend, type LogTail } from '../evidence/tail.ts';
import type { Committer, Participant } from './committer.ts';
import type { LogWriter } from './log-writer.ts';

export interface SessionLogParts {
  readonly committer: Pick<Committer, 'submit' | 'touch'>;
  readonly writer: LogWriter;
  readonly random: RandomBytes;
}

export class SessionLog implements EntrySink, Participant {
  readonly sessionId: SessionId;
  readonly logId: LogId;
  readonly #logNo: number;
  readonly #parts: SessionLogParts;
  /** As committed. */
  #tail: LogTail;
  /** As written in the transaction that runs. */
  #next: LogTail;
  /** What a failed transaction wrote: where its commit broke half-way, the file may hold it all the same. */
  #uncertain: LogTail | undefined;

  /** Made by `Journal.openSession` only. */
  constructor(sessionId: SessionId, logNo: number, tail: LogTail, parts: SessionLogParts) {
    this.sessionId = sessionId;
    this.logId = tail.logId;
    this.#logNo = logNo;
    this.#tail = tail;
    this.#next = tail;
    this.#parts = parts;
  }

  /** Entries committed. */
  get size(): number {
    return this.#tail.frontier.size;
  }

  /** RFC 6962 root over them, 32 bytes. */
  get root(): Uint8Array {
    return this.#tail.frontier.root();
  }

  get counts(): Counts {
    const { calls, denied, masked } = this.#tail;
    return { calls, denied, masked };
  }

  /**
   * Resolves when the drafts are durable, in the order given. Rejects with a `journal_*` error: then none of them is recorded, and the
   * next append is tried as if they had never been. Rejects with `session_closed` behind `close`.
   */
  append(drafts: readonly EntryDraft[]): Promise<void> {
    if (drafts.length === 0) return Promise.resolve();
    let bytes = 0;
    for (const draft of drafts) bytes += draft.payload?.length ?? 0;
    return this.#parts.committer.submit({ entries: drafts.length, bytes, write: () => this.#write(drafts) });
  }

  /** Writes the last entry, with the log's totals. `draft` is of kind `close`. */
  close(draft: EntryDraft): Promise<void> {
    return this.append([draft]);
  }

  #write(drafts: readonly EntryDraft[]): void {
    const { committer, writer, random } = this.#parts;
    if (committer.touch(this)) this.#meetFile();
    const { entries, tail } = extend(this.#next, drafts, random);
    for (const entry of entries) writer.insert(this.#logNo, entry);
    this.#next = tail;
  }

  /** Once per transaction: the file must stand where this process left it. */
  #meetFile(): void {
    const { writer } = this.#parts;
    if (this.#uncertain !== undefined) {
      const stored = writer.readTail(this.#logNo).frontier.encode();
      if (Buffer.compare(stored, this.#uncertain.frontier.encode()) === 0) this.#tail = this.#uncertain;
      this.#next = this.#tail;
      this.#uncertain = undefined;
    }
    const closed = this.#tail.last?.kind === 'close';
    if (!closed) writer.expect(this.#logNo, this.#tail.frontier.size);
  }

  writeHead(): void {
    this.#parts.writer.advance(this.#logNo, this.#next);
  }

  committed(): void {
    this.#tail = this.#next;
  }

  rolledBack(): void {
    if (this.#next !== this.#tail) this.#uncertain = this.#next;
    this.#next = this.#tail;
  }
}

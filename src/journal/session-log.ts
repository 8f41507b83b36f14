// One session's log in the journal: seals drafts behind its tail and writes entries and tail in the same transaction.
import { asMcprecError, type ErrorCode } from '../base/errors.ts';
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
  /** Called within the transaction that ends the log. */
  readonly ended: (tail: LogTail) => void;
}

/** Called after each commit to the log. */
export type CommitWatcher = () => void;

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
  /** What the next entry must say in front: entries could not be recorded, and whether that is written now. */
  #lost: { readonly kind: 'gap' | 'overflow'; written: boolean } | undefined;
  #watcher: CommitWatcher | undefined;

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
    const done = this.#parts.committer.submit({ entries: drafts.length, bytes, write: () => this.#write(drafts) });
    done.catch((error: unknown) => this.#lose(asMcprecError(error).code));
    return done;
  }

  /** One watcher at a time. */
  watch(watcher: CommitWatcher | undefined): void {
    this.#watcher = watcher;
  }

  /** Writes the last entry, with the log's totals. `draft` is of kind `close`. */
  close(draft: EntryDraft): Promise<void> {
    return this.append([draft]);
  }

  #write(drafts: readonly EntryDraft[]): void {
    const { committer, writer, random } = this.#parts;
    if (committer.touch(this)) this.#meetFile();
    const { entries, tail } = extend(this.#next, this.#withLoss(drafts), random);
    for (const entry of entries) writer.insert(this.#logNo, entry);
    this.#next = tail;
  }

  #lose(code: ErrorCode): void {
    if (code === 'journal_behind') this.#lost ??= { kind: 'overflow', written: false };
    else if (code.startsWith('journal_')) this.#lost ??= { kind: 'gap', written: false };
  }

  #withLoss(drafts: readonly EntryDraft[]): readonly EntryDraft[] {
    const [first] = drafts;
    if (this.#lost === undefined || this.#lost.written || first === undefined) return drafts;
    this.#lost.written = true;
    return [{ kind: this.#lost.kind, wallMs: first.wallMs, monoUs: first.monoUs, wireBytes: 0 }, ...drafts];
  }

  /** Once per transaction: the file must stand where this process left it. */
  #meetFile(): void {
    const { writer } = this.#parts;
    if (this.#uncertain !== undefined) {
      const stored = writer.readTail(this.#logNo).frontier.encode();
      if (Buffer.compare(stored, this.#uncertain.frontier.encode()) === 0) {
        this.#tail = this.#uncertain;
        this.#lost = undefined;
      }
      this.#next = this.#tail;
      this.#uncertain = undefined;
    }
    const closed = this.#tail.last?.kind === 'close';
    if (!closed) writer.expect(this.#logNo, this.#tail.frontier.size);
  }

  writeHead(): void {
    this.#parts.writer.advance(this.#logNo, this.#next);
    if (this.#next.last?.kind === 'close' && this.#tail.last?.kind !== 'close') this.#parts.ended(this.#next);
  }

  committed(): void {
    this.#tail = this.#next;
    if (this.#lost?.written) this.#lost = undefined;
    this.#watcher?.();
  }

  rolledBack(): void {
    if (this.#lost !== undefined) this.#lost.written = false;
    if (this.#next !== this.#tail) this.#uncertain = this.#next;
    this.#next = this.#tail;
  }
}

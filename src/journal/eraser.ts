// Takes contents out of the journal for good, and says so in a signed entry: erasure by authority, and retention (RULES R15).
import type { Database } from 'better-sqlite3';
import { McprecError } from '../base/errors.ts';
import type { LogSigner } from '../evidence/checkpoint.ts';
import { whenFree } from './busy.ts';
import type { Committer } from './committer.ts';
import type { IndexLogs } from './index-logs.ts';
import type { Notary } from './notary.ts';
import { entriesPerLog } from './schema.ts';
import type { SessionSummary } from './session-rows.ts';
import { removeTextIndex } from './text-index.ts';

export interface Removal {
  readonly kind: 'erasure' | 'retention';
  readonly reason: string;
  /** Who asked for it. */
  readonly by?: string;
}

interface EraserParts {
  readonly db: Database;
  readonly committer: Pick<Committer, 'submit'>;
  readonly indexes: IndexLogs;
  readonly notary: Notary;
}

/** The opening stays: who had the session is what the log is for. */
const FIRST_REMOVED = 1;

export class Eraser {
  readonly #parts: EraserParts;

  constructor(parts: EraserParts) {
    this.#parts = parts;
  }

  /**
   * Removes payloads, names, their salts and index terms of an ended session. The entry that says so is signed when this resolves;
   * nothing of them is left in the file after `compact`. Throws `usage` where the session is open, or where it would be pruned although its gateway has not receipted all of it.
   */
  async remove(session: SessionSummary, { kind, reason, by }: Removal, signer: LogSigner): Promise<void> {
    const { db, committer, indexes, notary } = this.#parts;
    const { sessionId, logId, gateway, size, state, receipted } = session;
    if (state === 'open') throw new McprecError('usage', `session ${sessionId} is open`, { remedy: 'close it first' });
    if (kind === 'retention' && gateway !== undefined && receipted < size) {
      throw new McprecError('usage', `the gateway has receipted ${receipted} of the ${size} entries of session ${sessionId}`, { remedy: 'run: mcprec sync' });
    }
    const stated = { session: sessionId, from: FIRST_REMOVED, to: size, reason, ...(by !== undefined && { by }), ...(receipted > 0 && { receipted }) };
    const logNo = db.prepare<[string], number>('SELECT log_no FROM sessions WHERE session_id = ?').pluck().get(sessionId) ?? 0;
    const [from, to] = [logNo * entriesPerLog + FIRST_REMOVED, logNo * entriesPerLog + size];
    await committer.submit({
      // What it adds, not what it takes out: a session may hold more than may ever wait to be written.
      entries: 1,
      bytes: 0,
      write: () => {
        indexes.removed(gateway, kind, logId, stated);
        db.prepare(
          'UPDATE entries SET names_salt = NULL, names = NULL, payload_salt = NULL, payload_coding = NULL, payload = NULL WHERE entry_id >= ? AND entry_id < ?',
        ).run(from, to);
        db.prepare('DELETE FROM sent WHERE entry_id >= ? AND entry_id < ?').run(from, to);
      },
    });
    // Before it is signed that they are gone: words of them are in the index of texts, which is made anew when it is asked for.
    removeTextIndex(db.name);
    await notary.sign(logId, signer);
  }

  /** Bytes of the file, and those of them that removing the session's contents frees. */
  fileBytes(): number {
    const value = (name: string) => this.#parts.db.pragma(name, { simple: true }) as number;
    return value('page_count') * value('page_size');
  }

  removableBytes({ sessionId, size }: SessionSummary): number {
    const { db } = this.#parts;
    const logNo = db.prepare<[string], number>('SELECT log_no FROM sessions WHERE session_id = ?').pluck().get(sessionId) ?? 0;
    const sum = db.prepare<[number, number], number>(
      'SELECT coalesce(sum(coalesce(length(payload), 0) + coalesce(length(names), 0)), 0) FROM entries WHERE entry_id >= ? AND entry_id < ?',
    );
    return sum.pluck().get(logNo * entriesPerLog + FIRST_REMOVED, logNo * entriesPerLog + size) ?? 0;
  }

  /**
   * Writes the file anew, which gives freed room back to the disk. `secure_delete` overwrites what is removed where it stands, but SQLite
   * leaves copies behind when it moves rows from one page to the next. Throws `journal_locked` where another process uses the journal.
   */
  compact(): void {
    const { db } = this.#parts;
    whenFree(db.name, () => db.exec('VACUUM'));
    // Old copies of pages are in the write-ahead log until it is emptied.
    const [result] = whenFree(db.name, () => db.pragma('wal_checkpoint(TRUNCATE)')) as { readonly busy: number }[];
    if (result?.busy !== 0)
      throw new McprecError('journal_locked', 'the contents are removed, but another process keeps old pages in use', {
        remedy: 'end other mcprec processes and run the command again',
      });
  }
}

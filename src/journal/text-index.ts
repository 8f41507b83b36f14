// An index of the words in the journal's entries: a file of its own beside the journal, made from it when something is looked for, and made
// anew wherever it does not fit. Holds no text, only which entries have which words.
import { closeSync, openSync, rmSync } from 'node:fs';
import SqliteDatabase, { type Database, type Statement } from 'better-sqlite3';
import { limits } from '../base/limits.ts';
import { whenFree } from './busy.ts';
import { isDamaged } from './errors.ts';
import { entriesPerLog } from './schema.ts';
import { type EntryTexts, searchableText } from './searchable.ts';

const VERSION = 1;

// Without the places of words in their texts it is a third as large; whoever finds an entry looks at its text anyway.
const TABLES = `
CREATE VIRTUAL TABLE words USING fts5(text, content='', detail=none, columnsize=0, tokenize='unicode61');
CREATE TABLE indexed (log_no INTEGER PRIMARY KEY, log_id BLOB NOT NULL, size INTEGER NOT NULL) STRICT;
PRAGMA user_version = ${VERSION};
`;

interface LogRow {
  readonly log_no: number;
  readonly log_id: Buffer;
  readonly size: number;
}

/** The file of the index of a journal. */
export function textIndexPath(journalPath: string): string {
  return `${journalPath}-text`;
}

/** Removes the index, and with it every word of what was taken out of the journal. The next one is made of what is left. */
export function removeTextIndex(journalPath: string): void {
  for (const suffix of ['', '-journal']) rmSync(`${textIndexPath(journalPath)}${suffix}`, { force: true });
}

export class TextIndex implements Disposable {
  readonly #journal: Database;
  #db: Database;

  /** `journal` is the journal as it is open for reading. */
  constructor(journal: Database) {
    this.#journal = journal;
    this.#db = this.#open();
  }

  /** Adds what was recorded since the last time. `progress` is told how many entries are done, of how many. Throws `journal_*`. */
  catchUp(progress: (done: number, all: number) => void): void {
    try {
      this.#addNew(progress);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      this.#anew();
      this.#addNew(progress);
    }
  }

  /** The entries that have all of these words, of the newest log first. A word may end in `*`. */
  *having(words: readonly string[]): Generator<number, void, undefined> {
    const question = words.map((word) => (word.endsWith('*') ? `"${word.slice(0, -1)}"*` : `"${word}"`)).join(' ');
    yield* this.#db.prepare<[string], number>('SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC').pluck().iterate(question);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #addNew(progress: (done: number, all: number) => void): void {
    const logs = this.#journal.prepare<[], LogRow>('SELECT log_no, log_id, size FROM logs ORDER BY log_no').all();
    let known = this.#known();
    // Made of another journal, or of one that was put back.
    if (!fits(known, logs)) {
      this.#anew();
      known = new Map();
    }
    const all = logs.reduce((sum, { log_no: no, size }) => sum + size - (known.get(no)?.size ?? 0), 0);
    let done = 0;
    const entries = this.#journal.prepare<[number, number], EntryTexts & { readonly entry_id: number }>(
      'SELECT entry_id, names, payload_coding, payload FROM entries WHERE entry_id >= ? AND entry_id < ? ORDER BY entry_id',
    );
    for (const log of logs) {
      for (let from = known.get(log.log_no)?.size ?? 0; from < log.size; ) {
        const to = Math.min(log.size, from + limits.textIndexBatchEntries);
        this.#addBatch(log, entries, { from, to });
        done += to - from;
        from = to;
        progress(done, all);
      }
    }
  }

  #addBatch(log: LogRow, entries: Statement<[number, number], EntryTexts & { readonly entry_id: number }>, { from, to }: { from: number; to: number }): void {
    const base = log.log_no * entriesPerLog;
    const add = this.#db.prepare<[number, string]>('INSERT INTO words (rowid, text) VALUES (?, ?)');
    const note = this.#db.prepare('INSERT OR REPLACE INTO indexed (log_no, log_id, size) VALUES (?, ?, ?)');
    const known = this.#db.prepare<[number], number>('SELECT size FROM indexed WHERE log_no = ?').pluck();
    const write = this.#db.transaction(() => {
      // Another process may have added it meanwhile.
      const begin = Math.max(from, known.get(log.log_no) ?? 0);
      for (const row of entries.iterate(base + begin, base + to)) {
        const text = searchableText(row);
        if (text !== '') add.run(row.entry_id, text);
      }
      if (begin < to) note.run(log.log_no, log.log_id, to);
    });
    whenFree(this.#db.name, () => write.immediate());
  }

  #known(): ReadonlyMap<number, LogRow> {
    return new Map(
      this.#db
        .prepare<[], LogRow>('SELECT log_no, log_id, size FROM indexed')
        .all()
        .map((row) => [row.log_no, row]),
    );
  }

  #anew(): void {
    this.#db.close();
    removeTextIndex(this.#journal.name);
    this.#db = this.#open();
  }

  #open(): Database {
    const path = textIndexPath(this.#journal.name);
    try {
      return openIndex(path);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      removeTextIndex(this.#journal.name);
      return openIndex(path);
    }
  }
}

function openIndex(path: string): Database {
  closeSync(openSync(path, 'a', 0o600));
  const db = new SqliteDatabase(path, { timeout: 0 });
  try {
    return whenFree(path, () => {
      db.pragma('secure_delete = ON');
      // What is lost with the power is made again.
      db.pragma('synchronous = OFF');
      db.transaction(() => {
        const version = db.pragma('user_version', { simple: true }) as number;
        if (version === 0) db.exec(TABLES);
        else if (version !== VERSION) throw new SqliteDatabase.SqliteError('another version', 'SQLITE_NOTADB');
      }).immediate();
      return db;
    });
  } catch (error) {
    db.close();
    throw error;
  }
}

function fits(known: ReadonlyMap<number, LogRow>, logs: readonly LogRow[]): boolean {
  const byNo = new Map(logs.map((log) => [log.log_no, log]));
  return [...known.values()].every(({ log_no: no, log_id: id, size }) => {
    const log = byNo.get(no);
    return log !== undefined && log.size >= size && log.log_id.equals(id);
  });
}

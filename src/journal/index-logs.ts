// The index logs of a journal, one for each gateway and one for solo use: a leaf for each session that was opened, and for how its log ended.
import type { Database, Statement } from 'better-sqlite3';
import { asMcprecError } from '../base/errors.ts';
import type { IdSource, LogId } from '../base/ids.ts';
import { idFromBytes, newId } from '../base/ids.ts';
import type { TreeHead } from '../evidence/checkpoint.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import type { IndexPayload, IndexStatement } from '../evidence/statements.ts';
import { emptyTail, extend, type LogTail } from '../evidence/tail.ts';
import { ownStatement } from '../mask/value.ts';
import type { LogWriter } from './log-writer.ts';

/** The gateway of solo sessions, which have none. */
const SOLO = '';
// Nobody owns an index log: each process adds to it what it does.
const nobody = { pid: 0, start: '' };

interface IndexRow {
  readonly log_no: number;
  readonly log_id: Buffer;
  readonly key: Buffer | null;
}

type IndexDraft = Pick<EntryDraft, 'kind' | 'subject' | 'head'> & { readonly stated?: IndexPayload };

/** Every method that writes is to be called within a transaction. */
export class IndexLogs {
  readonly #writer: LogWriter;
  readonly #ids: IdSource;
  readonly #current: Statement<[string], IndexRow>;
  readonly #insert: Statement;
  readonly #retire: Statement;
  readonly #setKey: Statement;

  constructor(db: Database, writer: LogWriter, ids: IdSource) {
    this.#writer = writer;
    this.#ids = ids;
    this.#current = db.prepare('SELECT i.log_no, l.log_id, i.key FROM indexes i JOIN logs l USING (log_no) WHERE i.gateway = ? AND i.current = 1');
    this.#insert = db.prepare('INSERT INTO indexes (log_no, gateway, current) VALUES (?, ?, 1)');
    this.#retire = db.prepare('UPDATE indexes SET current = 0 WHERE log_no = ?');
    this.#setKey = db.prepare('UPDATE indexes SET key = ? WHERE log_no = ?');
  }

  /** The id of the index log of that gateway (undefined: solo); undefined where none was begun. */
  find(gateway: string | undefined): LogId | undefined {
    const row = this.#current.get(gateway ?? SOLO);
    return row && idFromBytes('log', row.log_id);
  }

  /** The same, begun where there is none yet. */
  ensure(gateway: string | undefined): LogId {
    return this.find(gateway) ?? this.#begin(gateway, { reason: 'new' });
  }

  opened(gateway: string | undefined, subject: LogId): void {
    this.ensure(gateway);
    this.#add(gateway, { kind: 'opened', subject });
  }

  ended(gateway: string | undefined, subject: LogId, { frontier }: LogTail): void {
    this.ensure(gateway);
    const head: TreeHead = { size: frontier.size, root: frontier.root() };
    this.#add(gateway, { kind: 'ended', subject, head });
  }

  /** States a removal of contents from a log (`erasure` or `retention`). */
  removed(gateway: string | undefined, kind: 'erasure' | 'retention', subject: LogId, stated: IndexPayload): void {
    this.ensure(gateway);
    this.#add(gateway, { kind, subject, stated });
  }

  /** States the key that signs from here on, where it is another than before. */
  stateKey(gateway: string | undefined, publicKey: Uint8Array): void {
    this.ensure(gateway);
    const row = this.#current.get(gateway ?? SOLO);
    if (row === undefined || (row.key !== null && Buffer.compare(row.key, publicKey) === 0)) return;
    this.#add(gateway, { kind: 'key-change', stated: { key: Buffer.from(publicKey).toString('base64') } });
    this.#setKey.run(publicKey, row.log_no);
  }

  /** Begins another index log, because a witness has seen more of this one than is here: the file is an older copy that was put back. */
  restart(gateway: string | undefined, witnessed: number): LogId {
    const log = this.find(gateway);
    const row = this.#current.get(gateway ?? SOLO);
    if (log === undefined || row === undefined) return this.ensure(gateway);
    this.#retire.run(row.log_no);
    return this.#begin(gateway, { reason: 'restored', previous: { log, witnessed } });
  }

  #begin(gateway: string | undefined, statement: IndexStatement): LogId {
    const logId = newId('log', this.#ids);
    const logNo = this.#writer.createLog(logId, nobody);
    this.#insert.run(logNo, gateway ?? SOLO);
    const stated = { ...statement, ...(gateway !== undefined && { gateway }) };
    this.#append(logNo, emptyTail(logId), { kind: 'index', stated });
    return logId;
  }

  #add(gateway: string | undefined, draft: IndexDraft): void {
    const row = this.#current.get(gateway ?? SOLO);
    if (row === undefined) return;
    const tail = this.#readTail(row.log_no);
    if (tail === undefined) {
      // A damaged index log must not keep anybody from recording: another one begins, and says so.
      this.#retire.run(row.log_no);
      this.#begin(gateway, { reason: 'damaged' });
      this.#add(gateway, draft);
    } else this.#append(row.log_no, tail, draft);
  }

  #readTail(logNo: number): LogTail | undefined {
    try {
      return this.#writer.readTail(logNo);
    } catch (error) {
      if (asMcprecError(error).code === 'leaf_invalid') return undefined;
      throw error;
    }
  }

  #append(logNo: number, before: LogTail, { stated, ...draft }: IndexDraft): void {
    const { clock, random } = this.#ids;
    const payload = stated === undefined ? {} : { payload: ownStatement(stated) };
    const { entries, tail } = extend(before, [{ ...draft, ...payload, wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0 }], random);
    for (const entry of entries) this.#writer.insert(logNo, entry);
    this.#writer.advance(logNo, tail);
  }
}

// The gateway's own index log: a leaf for each session that was opened, for how each of its logs ended, and for what was erased. So no session vanishes whole.
import type { Kysely } from 'kysely';
import type { Clock } from '../base/clock.ts';
import { type IdSource, idBytes, newId } from '../base/ids.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import type { IndexPayload } from '../evidence/statements.ts';
import { emptyTail } from '../evidence/tail.ts';
import { ownStatement } from '../mask/value.ts';
import { tailOf } from './logs.ts';
import { tailColumns } from './rows.ts';
import type { Tables } from './schema.ts';
import type { OwnedLog, Writer } from './writer.ts';

type IndexDraft = Pick<EntryDraft, 'kind' | 'subject' | 'head'> & { readonly stated?: IndexPayload };

export class GatewayIndex {
  readonly #db: Kysely<Tables>;
  readonly #writer: Writer;
  readonly #ids: IdSource;
  #log: Promise<OwnedLog> | undefined;

  constructor(db: Kysely<Tables>, writer: Writer, ids: IdSource) {
    this.#db = db;
    this.#writer = writer;
    this.#ids = ids;
  }

  /** The log, begun where there is none yet. */
  log(): Promise<OwnedLog> {
    this.#log ??= this.#open();
    this.#log.catch(() => {
      this.#log = undefined;
    });
    return this.#log;
  }

  /** An entry of it, at this moment. */
  draft({ stated, ...draft }: IndexDraft): EntryDraft {
    return { ...draft, ...(stated !== undefined && { payload: ownStatement(stated) }), ...now(this.#ids.clock), wireBytes: 0 };
  }

  async #open(): Promise<OwnedLog> {
    const row = await this.#db.selectFrom('logs').selectAll().where('vantage', '=', 'gateway-index').executeTakeFirst();
    if (row !== undefined) return { tail: tailOf(row), resumed: false };
    const logId = newId('log', this.#ids);
    const log: OwnedLog = { tail: emptyTail(logId), resumed: false };
    await this.#writer.commit({
      statements: [this.#db.insertInto('logs').values({ log: idBytes(logId), session_id: null, vantage: 'gateway-index', ...tailColumns(log.tail) })],
      append: { log, drafts: [this.draft({ kind: 'index', stated: { reason: 'new' } })] },
    });
    return log;
  }
}

function now(clock: Clock): Pick<EntryDraft, 'wallMs' | 'monoUs'> {
  return { wallMs: clock.wallMs(), monoUs: clock.monoUs() };
}

// Where in the whole record an entry stands: who had the session, on which connection, when. Questions over all sessions are answered with it.
import type { ExchangeId, SessionId } from '../base/ids.ts';
import type { OpeningIdentity } from '../evidence/opening.ts';
import { entriesPerLog } from './schema.ts';

export interface EntryPlace {
  readonly sessionId: SessionId;
  readonly connection: string;
  /** Left out of solo sessions. */
  readonly identity?: OpeningIdentity;
  readonly exchange: ExchangeId | undefined;
  /** In its log. */
  readonly index: number;
  readonly wallMs: number;
}

/** Columns of `sessions` and `entries`. */
export interface EntryPlaceRow {
  readonly session_id: string;
  readonly connection: string;
  readonly identity: string | null;
  readonly entry_id: number;
  readonly wall_ms: number;
}

/** The place of an entry by its row; the exchange stands in its leaf. */
export function placeOf(row: EntryPlaceRow, exchange: ExchangeId | undefined): EntryPlace {
  return {
    sessionId: row.session_id as SessionId,
    connection: row.connection,
    ...(row.identity !== null && { identity: JSON.parse(row.identity) as OpeningIdentity }),
    exchange,
    index: row.entry_id % entriesPerLog,
    wallMs: row.wall_ms,
  };
}

// Claims the exchanges of a session: each is executed once (RULES R4).
import type { Kysely } from 'kysely';
import { type ExchangeId, idBytes, type SessionId } from '../base/ids.ts';
import type { Tables } from './schema.ts';

/** Marks an exchange as begun; changes no row where it was before. */
export function claim(db: Kysely<Tables>, sessionId: SessionId, exchange: ExchangeId) {
  return db
    .insertInto('exchanges')
    .values({ session_id: sessionId, exchange: idBytes(exchange) })
    .onConflict((on) => on.doNothing());
}

// Claims the exchanges of a session: each is executed once (RULES R4).
import type { Compilable, Kysely } from 'kysely';
import { type ExchangeId, idBytes, type SessionId } from '../base/ids.ts';
import { refilled } from './rows.ts';
import type { Tables } from './schema.ts';

/** Makes the statement that marks an exchange as begun; it changes no row where the exchange was before. */
export function claimStatement(db: Kysely<Tables>): (sessionId: SessionId, exchange: ExchangeId) => Compilable {
  const blank = { session_id: '', exchange: Buffer.of() };
  const filled = refilled(
    db
      .insertInto('exchanges')
      .values(blank)
      .onConflict((on) => on.doNothing()),
  );
  return (sessionId, exchange) => filled([sessionId, idBytes(exchange)]);
}

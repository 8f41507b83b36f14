// Takes the contents of a session out of the store for good, and says so in the gateway's index log. Leaves, and who had the session, stay.
import type { Kysely } from 'kysely';
import { McprecError } from '../base/errors.ts';
import { idBytes } from '../base/ids.ts';
import type { GatewayIndex } from './gateway-index.ts';
import type { Tables } from './schema.ts';
import type { EraseStore, SessionWithLogs } from './store.ts';
import type { Writer } from './writer.ts';

interface EraseParts {
  readonly db: Kysely<Tables>;
  readonly writer: Writer;
  readonly index: GatewayIndex;
  /** Old copies of pages are in the write-ahead log until it is emptied. */
  readonly emptyWal: () => void;
}

/** The opening stays: who had the session is what the log is for. */
const FIRST_ERASED = 1;

export function eraseQueries({ db, writer, index, emptyWal }: EraseParts): EraseStore {
  return {
    async eraseSession({ sessionId, state, logs }: SessionWithLogs, { reason, by }) {
      if (state === 'open') throw new McprecError('usage', `session ${sessionId} is open`, { remedy: 'revoke its grant first' });
      const filled = logs.filter(({ size }) => size > FIRST_ERASED);
      await writer.commit({
        statements: [
          ...filled.flatMap(({ logId }) =>
            (['payloads', 'names'] as const).map((table) => db.deleteFrom(table).where('log', '=', idBytes(logId)).where('idx', '>=', FIRST_ERASED)),
          ),
          db.deleteFrom('approvals').where('session_id', '=', sessionId),
        ],
        index: {
          log: await index.log(),
          drafts: () =>
            filled.map(({ logId, size }) =>
              index.draft({ kind: 'erasure', subject: logId, stated: { session: sessionId, from: FIRST_ERASED, to: size, reason, by } }),
            ),
        },
      });
      emptyWal();
    },
  };
}

// What the store remembers to guard calls: proofs, upstream handles, how tools looked, what budgets have left.
import type { Kysely } from 'kysely';
import { limits } from '../base/limits.ts';
import type { GuardStore, SeenTool } from './guard-store.ts';
import type { Tables } from './schema.ts';
import type { Writer } from './writer.ts';

/** The part of a store that guards calls. Each method throws as `Writer.commit` does. */
export function guardQueries(db: Kysely<Tables>, writer: Writer): GuardStore {
  return {
    ...onceQueries(db, writer),
    ...toolQueries(db, writer),
    ...budgetQueries(db, writer),
    async sweep(nowMs) {
      await writer.commit({
        statements: (['proofs', 'handles', 'tokens', 'rounds'] as const).map((table) => db.deleteFrom(table).where('expires_ms', '<=', nowMs)),
      });
    },
  };
}

/** What works only once, or only for its owner. */
function onceQueries(db: Kysely<Tables>, writer: Writer): Pick<GuardStore, 'spendProof' | 'keepHandles' | 'handleExpiry'> {
  return {
    spendProof: (proof, expiresMs) =>
      writer.commit({
        guards: [
          db
            .insertInto('proofs')
            .values({ proof, expires_ms: expiresMs })
            .onConflict((on) => on.doNothing()),
        ],
      }),
    async keepHandles(macs, expiresMs) {
      if (macs.length === 0) return;
      await writer.commit({
        statements: macs.map((mac) =>
          db
            .insertInto('handles')
            .values({ mac, expires_ms: expiresMs })
            .onConflict((on) => on.column('mac').doUpdateSet({ expires_ms: expiresMs })),
        ),
      });
    },
    async handleExpiry(mac, nowMs) {
      const row = await db.selectFrom('handles').select('expires_ms').where('mac', '=', mac).where('expires_ms', '>', nowMs).executeTakeFirst();
      return row?.expires_ms;
    },
  };
}

function toolQueries(db: Kysely<Tables>, writer: Writer): Pick<GuardStore, 'tools' | 'keepTools'> {
  return {
    async tools() {
      const rows = await db.selectFrom('tools').selectAll().limit(limits.toolsMax).execute();
      return rows.map(({ tool, known, changed, definition }) => ({
        tool,
        known,
        changed: changed ?? undefined,
        definition: (definition ?? undefined) as SeenTool['definition'],
      }));
    },
    async keepTools(tools) {
      if (tools.length === 0) return;
      await writer.commit({
        statements: tools.map(({ tool, known, changed = null, definition = null }) =>
          db
            .insertInto('tools')
            .values({ tool, known, changed, definition })
            .onConflict((on) => on.column('tool').doUpdateSet({ known, changed, definition })),
        ),
      });
    },
  };
}

function budgetQueries(db: Kysely<Tables>, writer: Writer): Pick<GuardStore, 'keepBudget' | 'budgets'> {
  return {
    async keepBudget(sessionId, budget, calls) {
      await writer.commit({
        statements: [
          db
            .insertInto('budgets')
            .values({ session_id: sessionId, budget, calls })
            .onConflict((on) => on.columns(['session_id', 'budget']).doUpdateSet({ calls })),
        ],
      });
    },
    async budgets(sessionId) {
      const rows = await db.selectFrom('budgets').select(['budget', 'calls']).where('session_id', '=', sessionId).execute();
      return new Map(rows.map(({ budget, calls }) => [budget, calls]));
    },
  };
}

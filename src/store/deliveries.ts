// Calls of webhooks that wait to be made. They are written in the commit of what they tell of, so that none is lost.
import type { Kysely } from 'kysely';
import type { EventId } from '../base/ids.ts';
import type { Delivery, DeliveryStore } from './approval.ts';
import type { DeliveryTable, Tables } from './schema.ts';
import type { Writer } from './writer.ts';

/** The part of a store that keeps deliveries to webhooks until they are made. */
export function deliveryQueries(db: Kysely<Tables>, writer: Writer): DeliveryStore {
  return {
    async dueDeliveries(nowMs, limit) {
      const rows = await db.selectFrom('deliveries').selectAll().where('due_ms', '<=', nowMs).orderBy('due_ms').limit(limit).execute();
      return rows.map((row) => ({ eventId: row.event_id as EventId, hook: row.hook, body: row.body, dueMs: row.due_ms, tries: row.tries }));
    },
    async nextDeliveryMs() {
      const row = await db
        .selectFrom('deliveries')
        .select(({ fn }) => fn.min('due_ms').as('due_ms'))
        .executeTakeFirst();
      return row?.due_ms ?? undefined;
    },
    async dropDelivery({ eventId, hook }) {
      await writer.commit({ statements: [db.deleteFrom('deliveries').where('event_id', '=', eventId).where('hook', '=', hook)] });
    },
    async postponeDelivery({ eventId, hook }, dueMs) {
      const later = db
        .updateTable('deliveries')
        .set(({ eb }) => ({ due_ms: dueMs, tries: eb('tries', '+', 1) }))
        .where('event_id', '=', eventId)
        .where('hook', '=', hook);
      await writer.commit({ statements: [later] });
    },
  };
}

/** The row of a delivery that was not tried yet. */
export function deliveryRow({ eventId, hook, body, dueMs }: Delivery): DeliveryTable {
  return { event_id: eventId, hook, body, due_ms: dueMs, tries: 0 };
}

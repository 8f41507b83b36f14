// The gateway's tree in the store: which checkpoints of which logs were accepted, the nodes over them, the signed heads, and alarms.
import type { Kysely } from 'kysely';
import { type DeviceId, idBytes, idFromBytes, type LogId } from '../base/ids.ts';
import { emptyTail } from '../evidence/tail.ts';
import { tailColumns } from './rows.ts';
import type { Tables } from './schema.ts';
import type { Alarm, TreeStore } from './store.ts';
import type { Writer } from './writer.ts';

const ALARMS_MAX = 1_000;

/** The part of a store behind the witness: whose key signs a log, the gateway's tree with its heads, and what speaks against them. */
export function treeQueries(db: Kysely<Tables>, writer: Writer): TreeStore {
  return {
    async registerIndex(logId, deviceId) {
      await writer.commit({ statements: [insertIndex(db, logId, deviceId)] });
      const row = await db.selectFrom('logs').select('device_id').where('log', '=', idBytes(logId)).executeTakeFirst();
      return row?.device_id === deviceId;
    },
    async logKey(logId) {
      const row = await db
        .selectFrom('logs as l')
        .leftJoin('sessions as s', 's.session_id', 'l.session_id')
        .innerJoin('devices as d', (join) => join.on((eb) => eb('d.device_id', '=', eb.fn.coalesce('l.device_id', 's.device_id'))))
        .select('d.public_key')
        .where('l.log', '=', idBytes(logId))
        .where('l.vantage', 'in', ['forwarder', 'index'])
        .executeTakeFirst();
      return row?.public_key;
    },
    async logOwner(logId) {
      const row = await db
        .selectFrom('logs as l')
        .leftJoin('sessions as s', 's.session_id', 'l.session_id')
        .leftJoin('devices as d', 'd.device_id', 'l.device_id')
        .select(({ fn }) => [fn.coalesce('s.issuer', 'd.issuer').as('issuer'), fn.coalesce('s.subject', 'd.subject').as('subject')])
        .where('l.log', '=', idBytes(logId))
        .executeTakeFirst();
      return row == null || row.issuer === null || row.subject === null ? undefined : { issuer: row.issuer, subject: row.subject };
    },
    async witnessed(logId) {
      const row = await db.selectFrom('witnessed').selectAll().where('log', '=', idBytes(logId)).executeTakeFirst();
      return row && { size: row.size, root: row.root, note: row.note, treeIndex: row.tree_index };
    },
    async checkpointsOf(logId) {
      return db.selectFrom('tree_leaves').select(['idx as index', 'note']).where('log', '=', idBytes(logId)).orderBy('idx').execute();
    },
    async treeSize() {
      const last = await db.selectFrom('tree_leaves').select('idx').orderBy('idx', 'desc').limit(1).executeTakeFirst();
      return last === undefined ? 0 : last.idx + 1;
    },
    async treeNodes(nodes) {
      const found = new Map<string, Uint8Array>();
      for (const { level, n } of nodes) {
        const row = await db.selectFrom('tree_nodes').select('hash').where('level', '=', level).where('n', '=', n).executeTakeFirst();
        if (row !== undefined) found.set(`${level}/${n}`, row.hash);
      }
      return found;
    },
    async treeRange(level, from, count) {
      const rows = await db
        .selectFrom('tree_nodes')
        .select('hash')
        .where('level', '=', level)
        .where('n', '>=', from)
        .where('n', '<', from + count)
        .orderBy('n')
        .execute();
      return rows.map(({ hash }) => hash);
    },
    async treeLeaves(from, count) {
      const rows = await db
        .selectFrom('tree_leaves')
        .select('leaf')
        .where('idx', '>=', from)
        .where('idx', '<', from + count)
        .orderBy('idx')
        .execute();
      return rows.map(({ leaf }) => leaf);
    },
    async treeHead() {
      const row = await db.selectFrom('tree_heads').selectAll().orderBy('size', 'desc').limit(1).executeTakeFirst();
      return row && { size: row.size, note: row.note };
    },
    async keepTreeHead(size, note) {
      await writer.commit({ statements: [insertHead(db, size, note)] });
    },
    growTree: ({ leaves, nodes, head, atMs }) =>
      writer.commit({
        guards: leaves.map(({ index, logId, leaf, note }) =>
          db
            .insertInto('tree_leaves')
            .values({ idx: index, log: idBytes(logId), leaf, note, at_ms: atMs })
            .onConflict((on) => on.doNothing()),
        ),
        statements: [
          ...nodes.map((node) => db.insertInto('tree_nodes').values(node)),
          ...leaves.map(({ index, logId, size, root, note }) =>
            db
              .insertInto('witnessed')
              .values({ log: idBytes(logId), size, root, note, tree_index: index, at_ms: atMs })
              .onConflict((on) => on.column('log').doUpdateSet({ size, root, note, tree_index: index, at_ms: atMs })),
          ),
          insertHead(db, head.size, head.note),
        ],
      }),
    async raiseAlarm({ atMs, logId, what, known, shown }) {
      await writer.commit({ statements: [db.insertInto('alarms').values({ at_ms: atMs, log: idBytes(logId), what, known, shown })] });
    },
    async alarms() {
      const rows = await db.selectFrom('alarms').selectAll().orderBy('alarm_id', 'desc').limit(ALARMS_MAX).execute();
      return rows.map((row): Alarm => ({ atMs: row.at_ms, logId: idFromBytes('log', row.log), what: row.what, known: row.known, shown: row.shown }));
    },
  };
}

function insertIndex(db: Kysely<Tables>, logId: LogId, deviceId: DeviceId) {
  return db
    .insertInto('logs')
    .values({ log: idBytes(logId), session_id: null, device_id: deviceId, vantage: 'index', ...tailColumns(emptyTail(logId)) })
    .onConflict((on) => on.doNothing());
}

function insertHead(db: Kysely<Tables>, size: number, note: string) {
  return db
    .insertInto('tree_heads')
    .values({ size, note })
    .onConflict((on) => on.column('size').doUpdateSet({ note }));
}

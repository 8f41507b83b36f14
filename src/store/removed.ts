// What of an upload may come without its contents, because an index log says that they are gone; and what a laptop's own index log says of that.
import type { Compilable, Kysely, Selectable } from 'kysely';
import { idBytes, idFromBytes, type LogId } from '../base/ids.ts';
import { decodeLeaf } from '../evidence/leaf.ts';
import { type RemovalStatement, readRemoval } from '../evidence/statements.ts';
import { type Coded, decodePayload } from '../journal/coding.ts';
import type { UploadedEntry } from '../protocol/control.ts';
import { FIRST_REMOVED, noteRemoval } from './removals.ts';
import { codingOf } from './rows.ts';
import type { LogTable, Tables } from './schema.ts';

/** True for the entries of a log whose contents are gone. */
export type Gone = (index: number) => boolean;

/** The entries of the log whose contents are gone: all of them where the gateway removed them, else those that the laptop's index log names. */
export async function goneOf(db: Kysely<Tables>, { log, removal, vantage }: Selectable<LogTable>): Promise<Gone> {
  if (vantage !== 'forwarder') return () => false;
  if (removal !== null) return (index) => index >= FIRST_REMOVED;
  const rows = await db
    .selectFrom('removals as r')
    .innerJoin('entries as e', (join) => join.onRef('e.log', '=', 'r.index_log').onRef('e.idx', '=', 'r.index_idx'))
    .select(['e.payload as bytes', 'e.payload_coding as coding'])
    .where('r.log', '=', log)
    .execute();
  const ranges = rows.flatMap(({ bytes, coding }) => (bytes === null ? [] : (removalIn({ bytes, coding: codingOf(coding) }) ?? [])));
  return (index) => index >= FIRST_REMOVED && ranges.some(({ from, to }) => index >= from && index < to);
}

/** The entry without its contents. */
export function stripped({ leaf }: UploadedEntry): UploadedEntry {
  return { leaf };
}

/** Notes for the entries of a laptop's index log that say that it removed contents of its own. What they say of logs of others does not count. */
export async function ownRemovals(db: Kysely<Tables>, row: Selectable<LogTable>, entries: readonly UploadedEntry[]): Promise<Compilable[]> {
  if (row.vantage !== 'index') return [];
  const notes: Compilable[] = [];
  for (const { leaf: bytes, payload } of entries) {
    const leaf = decodeLeaf(bytes);
    if ((leaf.kind !== 'erasure' && leaf.kind !== 'retention') || leaf.subject === undefined || payload === undefined) continue;
    if (removalIn(payload) === undefined || !(await isOfDevice(db, leaf.subject, row.device_id))) continue;
    notes.push(noteRemoval(db, leaf.subject, { indexLog: idFromBytes('log', row.log), index: leaf.index }));
  }
  return notes;
}

async function isOfDevice(db: Kysely<Tables>, logId: LogId, deviceId: string | null): Promise<boolean> {
  const owner = await db
    .selectFrom('logs as l')
    .innerJoin('sessions as s', 's.session_id', 'l.session_id')
    .select('s.device_id')
    .where('l.log', '=', idBytes(logId))
    .where('l.vantage', '=', 'forwarder')
    .executeTakeFirst();
  return owner !== undefined && owner.device_id === deviceId;
}

/** Undefined where it says something else. */
function removalIn(payload: Coded): RemovalStatement | undefined {
  const bytes = decodePayload(payload);
  try {
    return bytes && readRemoval(bytes);
  } catch {
    return undefined;
  }
}

// What one process does for others: ends the sessions of the dead, and keeps the lease of who syncs.
import type { Database } from 'better-sqlite3';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import type { RandomBytes } from '../base/random.ts';
import { extend } from '../evidence/tail.ts';
import { whenFree } from './busy.ts';
import type { LogWriter } from './log-writer.ts';
import { isDead, type Owner } from './owner.ts';
import { logStates } from './schema.ts';

interface OpenRow {
  readonly log_no: number;
  readonly last_wall_ms: number;
  readonly owner_pid: number;
  readonly owner_start: string;
}

/** Appends a `crashed` entry to every open log whose owner does not run any more. */
export function closeDeadSessions(db: Database, writer: LogWriter, { clock, random }: { readonly clock: Clock; readonly random: RandomBytes }): void {
  const open = db.prepare<[], OpenRow>(`SELECT log_no, last_wall_ms, owner_pid, owner_start FROM logs WHERE state = ${logStates.open}`);
  const findDead = () => open.all().filter((row) => isDead({ pid: row.owner_pid, start: row.owner_start }, row.last_wall_ms, clock.wallMs()));
  const closeAll = db.transaction(() => {
    // Looked for again: another process may have closed them since.
    for (const { log_no: logNo } of findDead()) {
      const tail = readTail(writer, logNo);
      if (tail === undefined) continue;
      const crashed = extend(tail, [{ kind: 'crashed', wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0 }], random);
      for (const entry of crashed.entries) writer.insert(logNo, entry);
      writer.advance(logNo, crashed.tail);
    }
  });
  whenFree(db.name, () => {
    if (findDead().length > 0) closeAll.immediate();
  });
}

// A log whose head is damaged stays as it is: `mcprec verify` tells, and the other sessions must go on.
function readTail(writer: LogWriter, logNo: number) {
  try {
    return writer.readTail(logNo);
  } catch (error) {
    if (error instanceof McprecError) return undefined;
    throw error;
  }
}

interface LeaseRow {
  readonly owner_pid: number;
  readonly owner_start: string;
  readonly taken_ms: number;
}

/** The lease `name`; undefined where a live process has it. A lease of this very process counts as held, too. */
export function takeLease(db: Database, name: string, owner: Owner, nowMs: number): Disposable | undefined {
  const held = db.prepare<[string], LeaseRow>('SELECT owner_pid, owner_start, taken_ms FROM leases WHERE name = ?');
  const put = db.prepare('INSERT OR REPLACE INTO leases (name, owner_pid, owner_start, taken_ms) VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM leases WHERE name = ? AND owner_pid = ? AND owner_start = ?');
  const take = db.transaction(() => {
    const holder = held.get(name);
    if (holder !== undefined && !isDead({ pid: holder.owner_pid, start: holder.owner_start }, holder.taken_ms, nowMs)) return false;
    put.run(name, owner.pid, owner.start, nowMs);
    return true;
  });
  if (!whenFree(db.name, () => take.immediate())) return undefined;
  return {
    [Symbol.dispose]: () => {
      if (db.open) whenFree(db.name, () => remove.run(name, owner.pid, owner.start));
    },
  };
}

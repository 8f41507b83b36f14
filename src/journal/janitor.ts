// What one process does for others: ends the sessions of the dead, and keeps the lease of who syncs.
import type { Database } from 'better-sqlite3';
import type { Clock } from '../base/clock.ts';
import type { RandomBytes } from '../base/random.ts';
import { extend } from '../evidence/tail.ts';
import { whenFree } from './busy.ts';
import { isCallersFault } from './errors.ts';
import type { IndexLogs } from './index-logs.ts';
import type { LogWriter } from './log-writer.ts';
import { isDead, type Owner } from './owner.ts';
import { logStates } from './schema.ts';

interface OpenRow {
  readonly log_no: number;
  readonly last_wall_ms: number;
  readonly owner_pid: number;
  readonly owner_start: string;
  readonly gateway: string | null;
}

interface Writers {
  readonly writer: LogWriter;
  readonly indexes: IndexLogs;
}

interface Sources {
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** Appends a `crashed` entry to every open log whose owner does not run any more. */
export function closeDeadSessions(db: Database, writers: Writers, sources: Sources): void {
  whenFree(db.name, () => {
    const open = db.prepare<[], OpenRow>(
      `SELECT l.log_no, l.last_wall_ms, l.owner_pid, l.owner_start, s.gateway FROM logs l LEFT JOIN sessions s USING (log_no) WHERE l.state = ${logStates.open}`,
    );
    const findDead = () => open.all().filter((row) => isDead({ pid: row.owner_pid, start: row.owner_start }, row.last_wall_ms, sources.clock.wallMs()));
    if (findDead().length === 0) return;
    const closeAll = db.transaction(() => {
      // Looked for again: another process may have closed them since.
      for (const row of findDead()) closeDead(writers, row, sources);
    });
    closeAll.immediate();
  });
}

function closeDead({ writer, indexes }: Writers, { log_no: logNo, gateway }: OpenRow, { clock, random }: Sources): void {
  try {
    const { entries, tail } = extend(writer.readTail(logNo), [{ kind: 'crashed', wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0 }], random);
    for (const entry of entries) writer.insert(logNo, entry);
    writer.advance(logNo, tail);
    indexes.ended(gateway ?? undefined, tail.logId, tail);
  } catch (error) {
    // A log that was tampered with stays as it is: `mcprec verify` tells, and the other sessions must go on.
    if (!isCallersFault(error)) throw error;
  }
}

interface LeaseRow {
  readonly owner_pid: number;
  readonly owner_start: string;
  readonly taken_ms: number;
}

/** The lease `name`; undefined where a live process has it. A lease of this very process counts as held, too. */
export function takeLease(db: Database, name: string, owner: Owner, nowMs: number): Disposable | undefined {
  const taken = whenFree(db.name, () => {
    const held = db.prepare<[string], LeaseRow>('SELECT owner_pid, owner_start, taken_ms FROM leases WHERE name = ?');
    const put = db.prepare('INSERT OR REPLACE INTO leases (name, owner_pid, owner_start, taken_ms) VALUES (?, ?, ?, ?)');
    const take = db.transaction(() => {
      const holder = held.get(name);
      if (holder !== undefined && !isDead({ pid: holder.owner_pid, start: holder.owner_start }, holder.taken_ms, nowMs)) return false;
      put.run(name, owner.pid, owner.start, nowMs);
      return true;
    });
    return take.immediate();
  });
  return taken ? { [Symbol.dispose]: () => giveBack(db, name, owner) } : undefined;
}

function giveBack(db: Database, name: string, owner: Owner): void {
  if (!db.open) return;
  whenFree(db.name, () => db.prepare('DELETE FROM leases WHERE name = ? AND owner_pid = ? AND owner_start = ?').run(name, owner.pid, owner.start));
}

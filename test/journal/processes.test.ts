import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { SessionId } from '../../src/base/ids.ts';
import { limits } from '../../src/base/limits.ts';
import { isDead, thisOwner } from '../../src/journal/owner.ts';
import { requestDraft } from '../evidence/samples.ts';
import { findingsOf, journalPath, open, openSession, tamper } from './support.ts';

const script = fileURLToPath(new URL('writer-child.ts', import.meta.url));

interface Writer {
  readonly child: ChildProcess;
  /** What it printed, in order: the session's id and the numbers that it was told are durable. */
  readonly lines: string[];
  readonly ended: Promise<number | null>;
}

/** Starts a writer; `onLine` sees each line as it comes. */
function startWriter(path: string, entries: number, onLine: (lines: readonly string[], child: ChildProcess) => void = () => {}): Writer {
  const child = spawn(process.execPath, [script, path, String(entries)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => {
    lines.push(line);
    onLine(lines, child);
  });
  const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]).then(([[code]]) => code as number | null);
  return { child, lines, ended };
}

test('four processes write one journal and lose nothing', async () => {
  const path = journalPath();
  const writers = [1, 2, 3, 4].map(() => startWriter(path, 150));
  expect(await Promise.all(writers.map((writer) => writer.ended))).toEqual([0, 0, 0, 0]);
  expect(findingsOf(path)).toEqual([]);
  using journal = open(path, { mode: 'read' });
  expect(journal.sessions({ limit: 10 }).map(({ state, size, calls }) => ({ state, size, calls }))).toEqual(
    Array(4).fill({ state: 'closed', size: 152, calls: 150 }),
  );
});

test('what a killed writer was told is durable is there, and its session is closed as crashed once', async () => {
  const path = journalPath();
  for (const killAfter of [1, 40, 97]) {
    const writer = startWriter(path, 100_000, (lines, child) => {
      if (lines.length === killAfter + 1) child.kill('SIGKILL');
    });
    expect(await writer.ended).toBeNull();
    const [session = '', ...acknowledged] = writer.lines;
    {
      using reader = open(path, { mode: 'read' });
      // Not written yet, but already known to be dead.
      expect(reader.findSession(session).state).toBe('crashed');
    }
    using journal = open(path);
    const summary = journal.findSession(session);
    const entries = [...journal.walk(summary.logId)];
    expect(summary).toMatchObject({ state: 'crashed', size: entries.length });
    const recorded = new Set(entries.map((entry) => entry.leaf.messageNumber));
    expect(acknowledged.filter((n) => !recorded.has(Number(n)))).toEqual([]);
    expect(entries.at(-1)?.leaf).toMatchObject({ kind: 'crashed', totals: { entries: entries.length, calls: entries.length - 2 } });
  }
  open(path)[Symbol.dispose]();
  expect(findingsOf(path)).toEqual([]);
  using journal = open(path);
  const kinds = journal.sessions({ limit: 10 }).map((session) => journal.outline(session.logId, session.size - 2, 2).map((entry) => entry.leaf.kind));
  expect(kinds).toEqual(Array(3).fill(['message', 'crashed']));
});

test('a session whose process runs is left alone by the next one that opens the journal', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  const other = startWriter(path, 1);
  expect(await other.ended).toBe(0);
  await log.append([requestDraft(systemClock, 1)]);
  expect(journal.findSession(log.sessionId)).toMatchObject({ state: 'open', size: 2 });
});

test('a process that was taken for dead learns that its session is closed', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  tamper(path, (db) => db.exec(`UPDATE logs SET owner_start = 'another boot/ns/1'`));
  open(path)[Symbol.dispose]();
  await expect(log.append([requestDraft(systemClock, 1)])).rejects.toMatchObject({ code: 'session_closed' });
  expect(findingsOf(path)).toEqual([]);
});

test('a log that another process wrote to is not written on', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  await log.append([requestDraft(systemClock, 1)]);
  tamper(path, (db) => db.exec('UPDATE logs SET size = 1'));
  await expect(log.append([requestDraft(systemClock, 2)])).rejects.toMatchObject({ code: 'journal_forked' });
});

test('a damaged log of a dead process does not keep others from recording', async () => {
  const path = journalPath();
  const writer = startWriter(path, 100_000, (lines, child) => {
    if (lines.length === 5) child.kill('SIGKILL');
  });
  await writer.ended;
  const [session = ''] = writer.lines;
  tamper(path, (db) => db.exec(`UPDATE logs SET frontier = x'00'`));
  using journal = open(path);
  const log = await openSession(journal);
  await log.append([requestDraft(systemClock, 1)]);
  expect(journal.verifier().verifySession(session as SessionId).findings).toMatchObject([{ code: 'store_damaged' }]);
});

test('one process at a time has the sync lease, and a dead one’s is taken over', () => {
  const path = journalPath();
  using journal = open(path);
  const lease = journal.takeSyncLease();
  expect(lease).toBeDefined();
  using other = open(path);
  expect(other.takeSyncLease()).toBeUndefined();
  lease?.[Symbol.dispose]();
  const next = other.takeSyncLease();
  expect(next).toBeDefined();
  tamper(path, (db) => db.exec(`UPDATE leases SET owner_start = 'another boot/ns/1'`));
  expect(journal.takeSyncLease()).toBeDefined();
});

test('a lock that another process holds for a moment is waited for, also where nothing can be awaited', async () => {
  const path = journalPath();
  using journal = open(path);
  const locker = spawn(process.execPath, [fileURLToPath(new URL('locker-child.ts', import.meta.url)), path, '300'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(locker.stdout, 'data');
  expect(journal.takeSyncLease()).toBeDefined();
  await once(locker, 'exit');
});

test.skipIf(process.platform !== 'linux')('a process that has ended but was not waited for is dead', async () => {
  // The shell becomes a `sleep`, which never waits for the shell's child; that one ends only then, or the shell might still reap it.
  const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: parent.stdout }), 'line');
  const pid = Number(line);
  let stat: string;
  do {
    await setImmediate();
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } while (!stat.includes(') Z '));
  const [boot, namespace] = thisOwner().start.split('/');
  const ticks = stat.split(') ')[1]?.split(' ')[19];
  expect(isDead({ pid, start: `${boot}/${namespace}/${ticks}` }, 0, 0)).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
});

test.skipIf(process.platform !== 'linux')('an owner is told from a later process with its number', () => {
  const me = thisOwner();
  const [boot, namespace, ticks] = me.start.split('/');
  const dead = (start: string, silentMs = 0) => isDead({ pid: me.pid, start }, 0, silentMs);
  expect(dead(me.start)).toBe(false);
  expect(dead(`${boot}/${namespace}/${Number(ticks) + 1}`)).toBe(true);
  expect(dead(`another/${namespace}/${ticks}`)).toBe(true);
  expect(isDead({ pid: 2 ** 22 + 1, start: me.start }, 0, 0)).toBe(true);
  // In another container nothing can be seen of it.
  expect(dead(`${boot}/pid:[1]/${ticks}`, limits.foreignOwnerMsMax)).toBe(false);
  expect(dead(`${boot}/pid:[1]/${ticks}`, limits.foreignOwnerMsMax + 1)).toBe(true);
});

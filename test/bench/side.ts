// What the bench measures beside throughput and delay: long streams, memory, the size of the journal, waits of several writers, and whether anything was lost.
import { fork } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { textIndexPath } from '../../src/journal/text-index.ts';
import { atMost, type Measure } from '../eval/report.ts';
import { startMcprec, type TestProcess } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';
import { keptCalls } from './kept.ts';
import { isDenied, type LoadKind } from './load.ts';
import { residentMb } from './resident.ts';
import { CouldNotMeasure, median, placeNames, type Rounds } from './rounds.ts';
import type { ForwarderTarget, Stage } from './stage.ts';

/** Where load can be sent: `on`, `off` and `normal` are forwarders on their own, `behind` is one with a gateway behind it. */
export type Place = 'direct' | 'hop' | 'hops' | 'on' | 'off' | 'normal' | 'behind';

const STREAMS = 100;

/** A hundred streams at once, each with an event every 50 ms: all of them come, in order. */
export async function longStreams(rounds: Rounds, places: readonly Place[]): Promise<{ readonly table: string; readonly measures: readonly Measure[] }> {
  const ms = rounds.quick ? 600 : 5_000;
  const lines: string[] = [`${STREAMS} long streams, 20 events a second each`];
  let outOfOrder = 0;
  for (const place of places) {
    const report = await rounds.load(place, { kind: 'streams', connections: STREAMS }, ms);
    outOfOrder += report.outOfOrder;
    lines.push(
      `  ${placeNames[place].padEnd(24)}${String(report.events).padStart(9)} events  delay p50 ${report.p50.toFixed(2)} ms  p99 ${report.p99.toFixed(2)} ms`,
    );
  }
  return { table: lines.join('\n'), measures: [atMost(`${STREAMS} long streams, events lost or out of order`, outOfOrder, '', 0)] };
}

const SAMPLE_MS = 1_000;
const SOAK_CONNECTIONS = 64;
/** Calls a second: a busy day's, not the machine's utmost, which would write tens of gigabytes in ten minutes. */
const SOAK_PACE = 500;

/** Resident memory of three processes under load: the highest, and whether it grows. */
export async function soak(
  rounds: Rounds,
  processes: { readonly on: ForwarderTarget; readonly behind: ForwarderTarget; readonly gateway: TestProcess },
  minutes: number,
): Promise<Measure[]> {
  const watched = [
    { name: 'forwarder', pid: processes.on.process.child.pid, mb: [] as number[] },
    { name: 'forwarder with a gateway', pid: processes.behind.process.child.pid, mb: [] as number[] },
    { name: 'gateway', pid: processes.gateway.child.pid, mb: [] as number[] },
  ];
  const timer = setInterval(() => {
    for (const one of watched) one.mb.push(residentMb(one.pid));
  }, SAMPLE_MS);
  const end = performance.now() + minutes * 60_000;
  for (let turn = 0; performance.now() < end; turn++) {
    const kind = turn % 5 === 4 ? '64k' : '1k';
    for (const place of ['on', 'behind'] as const) await rounds.load(place, { kind, connections: SOAK_CONNECTIONS, pace: SOAK_PACE }, 2_500);
  }
  clearInterval(timer);
  const perMinute = 60_000 / SAMPLE_MS;
  return watched.flatMap(({ name, mb }) => [
    atMost(`resident memory under ${minutes} minutes of load, ${name}, highest`, Math.max(...mb), 'MB', 200),
    atMost(`  last minute / third minute`, median(mb.slice(-perMinute)) / median(mb.slice(2 * perMinute, 3 * perMinute)), 'x', 1.1),
  ]);
}

/** A journal of its own that takes nothing but 64 KB answers. */
export async function journalSize(stage: Stage, quick: boolean): Promise<Measure[]> {
  const forwarder = await stage.forwarder({ masking: 'on', synchronous: 'full' });
  const report = await stage.load(forwarder, { kind: '64k', connections: 16, ms: quick ? 500 : 5_000 });
  await forwarder.process.stop();
  const path = join(forwarder.home, 'journal.db');
  const { size } = statSync(path);
  await using find = startMcprec(['sessions', 'find', 'nothing', 'has', 'these', 'words'], forwarder.home, { waitMs: 10 * 60_000 });
  if ((await find.end()).code !== 0) throw new CouldNotMeasure('the text index was not built');
  const withIndex = size + statSync(textIndexPath(path)).size;
  return [
    atMost('journal bytes / wire bytes, 64 KB answers', size / report.wireBytes, 'x', 0.35),
    atMost('  with the text index', withIndex / report.wireBytes, 'x', 0.7),
  ];
}

/** The longest that a process waited for a commit, where several write one journal as fast as they can. */
export async function commitWait(quick: boolean): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const writers of [4, 8]) {
    using dir = tempDir();
    const ms = quick ? 600 : 10_000;
    const script = new URL('writers-child.ts', import.meta.url);
    const children = Array.from({ length: writers }, () => fork(script, [join(dir.path, 'journal.db'), String(ms)]));
    const next = (): Promise<unknown[]> =>
      Promise.all(
        children.map(
          (child) =>
            new Promise((resolve, reject) => {
              child.once('message', resolve);
              child.once('exit', (code) => reject(new CouldNotMeasure(`a writer ended with ${code}`)));
            }),
        ),
      );
    await next();
    for (const child of children) child.send('go');
    const reports = (await next()) as { readonly commits: number; readonly worstMs: number }[];
    measures.push(atMost(`${writers} processes writing one journal, worst wait for a commit`, Math.max(...reports.map(({ worstMs }) => worstMs)), 'ms', 100));
  }
  return measures;
}

/** Ends the forwarders and the gateway, looks for every answered call in what they kept, and lets `mcprec verify` check each journal. */
export async function verified(
  rounds: Rounds,
  forwarders: Readonly<Partial<Record<Place, ForwarderTarget>>>,
  behind: { readonly gateway: TestProcess; readonly store: string },
): Promise<Measure[]> {
  let lost = 0;
  const check = async ([place, forwarder]: [Place, ForwarderTarget]): Promise<boolean> => {
    await forwarder.process.stop();
    lost += missing(rounds, place, keptCalls({ kind: 'journal', path: join(forwarder.home, 'journal.db') }));
    await using verify = startMcprec(['verify'], forwarder.home, { waitMs: 10 * 60_000 });
    return (await verify.end()).code === 0;
  };
  const valid = await Promise.all((Object.entries(forwarders) as [Place, ForwarderTarget][]).map(check));
  const invalid = valid.filter((ok) => !ok).length;
  await behind.gateway.stop();
  // What the forwarder denies does not reach the gateway.
  lost += missing(rounds, 'behind', keptCalls({ kind: 'store', path: behind.store }), (id, kind) => !isDenied(id, kind));
  return [atMost('lost: answered calls that are not recorded', lost, '', 0), atMost('journals that do not verify', invalid, '', 0)];
}

function missing(rounds: Rounds, place: Place, kept: ReadonlySet<number>, expected: (id: number, kind: LoadKind) => boolean = () => true): number {
  let count = 0;
  for (const { firstId, endId, kind } of rounds.answered.get(place) ?? []) {
    for (let id = firstId; id < endId; id++) if (expected(id, kind) && !kept.has(id)) count++;
  }
  return count;
}

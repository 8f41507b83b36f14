// `npm run bench:journal`: what a record costs: appending with log and commitments, verifying, taking an upload in, and all of it at a million entries.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { encode } from 'cborg';
import { limits } from '../../src/base/limits.ts';
import { readUpload } from '../../src/gateway/uploads.ts';
import { openDatabase } from '../../src/journal/database.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { opening } from '../contract/fixtures.ts';
import { atLeast, atMost, type Measure, print } from '../eval/report.ts';
import { appendInGroups, draftsOf, ids, openSession } from './journal-entries.ts';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const ROUNDS = quick ? 5 : 9;
const ROUND_ENTRIES = quick ? 20_000 : 40_000;
const MANY_ENTRIES = quick ? 200_000 : 1_000_000;
const CHILD_MS_MAX = 120_000;

interface Verified {
  readonly openMs: number;
  readonly entries: number;
  readonly findings: number;
  readonly seconds: number;
  readonly peakMb: number;
}

const directory = mkdtempSync(join(tmpdir(), 'mcprec-bench-'));
try {
  print([...(await append()), await ingest('sent'), await ingest('held'), ...(await atScale())], args);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** The journal and a bare table take turns, so that a busy moment of the machine or its disk meets both; the ratio is that of neighbours. */
async function append(): Promise<Measure[]> {
  const rates: number[] = [];
  const ratios: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const path = join(directory, `append-${round}.db`);
    const seconds = await timeAppend(path);
    const plainSeconds = timePlainInsert(path, join(directory, `plain-${round}.db`));
    // The first round is for the compiler.
    if (round < 0) continue;
    rates.push(ROUND_ENTRIES / seconds);
    ratios.push(plainSeconds / seconds);
  }
  const groups = `groups of ${limits.commitEntriesMax}, synchronous=FULL`;
  say(`append, best and median of ${ROUNDS}: ${Math.max(...rates).toFixed(0)} and ${median(rates).toFixed(0)} entries/s`);
  return [
    atLeast(`append with log and commitments, ${groups}`, Math.max(...rates), 'entries/s', 40_000),
    atLeast('append / plain insert of the same rows', median(ratios), 'x', 0.5),
  ];
}

async function timeAppend(path: string): Promise<number> {
  using journal = openJournal({ path, ...ids });
  const log = await openSession(journal);
  const drafts = draftsOf(ROUND_ENTRIES);
  const start = performance.now();
  await appendInGroups(log, drafts);
  return (performance.now() - start) / 1000;
}

/** Inserts the rows of the journal at `from` into a file with the same tables and settings, in groups of the same size, and does nothing else. */
function timePlainInsert(from: string, path: string): number {
  const source = new Database(from, { readonly: true });
  const rows = source.prepare('SELECT * FROM entries').raw().all() as unknown[][];
  source.close();
  const plain = openDatabase({ path, mode: 'write', synchronous: 'FULL' });
  try {
    const insert = plain.prepare(`INSERT INTO entries VALUES (${rows[0]?.map(() => '?').join(', ')})`);
    const insertGroup = plain.transaction((group: unknown[][]) => {
      for (const row of group) insert.run(row);
    });
    const start = performance.now();
    for (let at = 0; at < rows.length; at += limits.commitEntriesMax) insertGroup.immediate(rows.slice(at, at + limits.commitEntriesMax));
    return (performance.now() - start) / 1000;
  } finally {
    plain.close();
  }
}

/**
 * What a gateway does with uploads: unpack, read, check every leaf, commitment and the root, and write; from one laptop, one after the other.
 * `held`: answers are left out, because the gateway recorded them itself and finds them there.
 */
async function ingest(answers: 'sent' | 'held'): Promise<Measure> {
  const drafts = draftsOf(quick ? 20_000 : 50_000);
  const grant = opening({ openedMs: Date.now() });
  using journal = openJournal({ path: join(directory, `laptop-${answers}.db`), ...ids });
  const log = await openSession(journal, grant.forwarderLog, 'https://mcprec.example.com');
  await appendInGroups(log, drafts);
  const bodies: Uint8Array[] = [];
  for (let from = 0; from < log.size; ) {
    const batch = journal.uploadBatch(log.logId, from, { entriesMax: limits.syncEntriesMax, bytesMax: limits.syncBytesMax, answers });
    bodies.push(zstdCompressSync(encode(batch)));
    from += batch.entries.length;
  }
  const store = openSqliteStore(join(directory, `gateway-${answers}.db`), ids);
  await store.openSession(grant);
  const own = answers === 'held' ? await store.openLog(grant.session.sessionId) : undefined;
  for (let at = 0; own !== undefined && at < drafts.length; at += limits.commitEntriesMax) await own.append(drafts.slice(at, at + limits.commitEntriesMax));
  const start = performance.now();
  for (const body of bodies) await store.ingest(log.logId, await readUpload(body, 'zstd'), Date.now());
  const seconds = (performance.now() - start) / 1000;
  const held = await store.log(log.logId);
  await store.close();
  if (held?.size !== log.size) throw new Error(`the store took ${held?.size} of ${log.size} entries`);
  return atLeast(
    `sync into a gateway’s SQLite store, answers ${answers === 'sent' ? 'sent' : 'that it recorded itself left out'}`,
    log.size / seconds,
    'entries/s',
    10_000,
  );
}

/** One session of many entries: verified and opened by a process of its own, its memory held against that for a tenth of the entries. */
async function atScale(): Promise<Measure[]> {
  const small = await verifyInChild(MANY_ENTRIES / 10);
  const large = await verifyInChild(MANY_ENTRIES);
  const many = `${MANY_ENTRIES.toLocaleString('en')} entries`;
  say(`resident memory of verifying, highest: ${small.peakMb.toFixed(0)} MB for a tenth, ${large.peakMb.toFixed(0)} MB for all`);
  return [
    atLeast(`verify ${many}`, large.entries / large.seconds, 'entries/s', 100_000),
    atMost(`open a journal of ${many}`, large.openMs, 'ms', 100),
    atMost(`memory of verifying ${many}, over that of a tenth`, Math.max(0, large.peakMb - small.peakMb), 'MB', 24),
  ];
}

async function verifyInChild(entries: number): Promise<Verified> {
  const path = join(directory, `${entries}.db`);
  {
    using journal = openJournal({ path, ...ids });
    const log = await openSession(journal);
    for (let done = 0; done < entries; done += ROUND_ENTRIES) await appendInGroups(log, draftsOf(ROUND_ENTRIES));
  }
  const child = fileURLToPath(new URL('journal-child.ts', import.meta.url));
  const runs = Array.from({ length: 3 }, () => runChild(child, path));
  for (const run of runs) if (run.findings > 0 || run.entries <= entries) throw new Error(`verifying found ${run.findings} faults in ${run.entries} entries`);
  // The best of three, because the machine has other things to do, too.
  const best = (figure: (run: Verified) => number) => Math.min(...runs.map(figure));
  return {
    entries: runs[0]?.entries ?? 0,
    findings: 0,
    openMs: best((run) => run.openMs),
    seconds: best((run) => run.seconds),
    peakMb: best((run) => run.peakMb),
  };
}

function runChild(child: string, path: string): Verified {
  const { stdout, stderr, status } = spawnSync(process.execPath, [child, path], { encoding: 'utf8', timeout: CHILD_MS_MAX });
  if (status !== 0) throw new Error(`verifying ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Verified;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function say(text: string): void {
  if (!args.includes('--json')) console.log(text);
}

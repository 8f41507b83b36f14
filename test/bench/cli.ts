// `npm run bench:cli`: what mcprec costs before it does anything: start-up as ratios to an empty Node, memory of a forwarder at rest.
import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { Laptop } from '../e2e/harness.ts';
import { atMost, type Measure, print } from '../eval/report.ts';
import { pressButtons } from '../support/press.ts';
import { LAUNCHER, startMcprec } from '../support/process.ts';
import { residentMb, startOnTerminal } from './resident.ts';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const ROUNDS = quick ? 7 : 21;
const IDLE_MS = quick ? 12_000 : 30_000;
const RUN_MS_MAX = 20_000;

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

using encrypted = new Laptop();
using plain = new Laptop();
await using dev = startMcprec(['dev', '--port', '0', '--json'], plain.home, { waitMs: RUN_MS_MAX });
const { gateway } = await dev.event<{ gateway: string }>('ready');
await logIn(encrypted);
await logIn(plain, '--insecure-storage');

const measures = [...startUp(), ...(await memory())];
print(measures, args);
await dev.stop();

async function logIn(laptop: Laptop, ...flags: string[]): Promise<void> {
  await using login = laptop.start('login', '--gateway', gateway, '--json', ...flags);
  const { verificationUriComplete } = await login.event<{ verificationUriComplete: string }>('device_code');
  await pressButtons(verificationUriComplete, { account: 'maya.okafor' });
  const { code } = await login.end();
  if (code !== 0) throw new Error(`the login failed: ${login.stderr}`);
}

/** Medians of runs that take turns, so that a busy moment of the machine meets all of them. */
function startUp(): Measure[] {
  const exec = [LAUNCHER, 'exec', 'datadog', '--', 'true'];
  const baseline: Case = { name: 'node -e 0', args: ['-e', '0'] };
  const version: Case = { name: 'mcprec --version / node -e 0', args: [LAUNCHER, '--version'] };
  const plainExec: Case = { name: 'mcprec exec -- true / node -e 0, login in a plain file', args: exec, env: environmentOf(plain) };
  const encryptedExec: Case = { name: 'mcprec exec -- true / node -e 0, login in an encrypted file', args: exec, env: environmentOf(encrypted) };
  const cases = [baseline, version, plainExec, encryptedExec];
  const times = new Map(cases.map((one) => [one, [] as number[]]));
  // The first run of each fills caches, and is what nobody meets twice.
  for (let round = -1; round < ROUNDS; round++) {
    for (const one of cases) {
      const ms = timeMs(one);
      if (round >= 0) times.get(one)?.push(ms);
    }
  }
  const ratio = (one: Case): number => median(times.get(one) ?? []) / median(times.get(baseline) ?? []);
  if (!args.includes('--json')) console.log(`node -e 0: ${median(times.get(baseline) ?? []).toFixed(1)} ms, median of ${ROUNDS}`);
  return [
    atMost(version.name, ratio(version), 'x', 1.5),
    atMost(plainExec.name, ratio(plainExec), 'x', 15),
    atMost(encryptedExec.name, ratio(encryptedExec), 'x', 15),
  ];
}

function environmentOf(laptop: Laptop): Record<string, string> {
  return { ...laptop.env, MCPREC_HOME: laptop.home };
}

function timeMs({ name, args, env }: Case): number {
  const { PATH = '', HOME = '' } = process.env;
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env: { PATH, HOME, ...env }, encoding: 'utf8', timeout: RUN_MS_MAX });
  const ms = performance.now() - start;
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return ms;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Two forwarders at rest at the same time, each with a grant: one that prints JSON, one with its status line on a terminal. */
async function memory(): Promise<Measure[]> {
  await using json = await plain.connect('datadog');
  await using screen = await startOnTerminal([LAUNCHER, 'connect', 'datadog'], environmentOf(encrypted));
  await pause(IDLE_MS);
  const idle = `forwarder idle for ${IDLE_MS / 1000} s`;
  return [
    atMost(`${idle}, --json`, residentMb(json.process.child.pid), 'MB', 110),
    atMost(`${idle}, status line on a terminal`, residentMb(screen.pid), 'MB', 140),
  ];
}

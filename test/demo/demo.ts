// `npm run demo`: the main job from login to verification, on real processes, each printed fact checked against somebody else's word.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { TestProcess } from '../support/process.ts';
import { filesBelow, findValues } from './leaks.ts';
import { logIn } from './login.ts';
import { Machine } from './machine.ts';
import { readRecords, showExchange, showSessions, showSync, showVerify } from './record.ts';
import { Stage } from './stage.ts';
import { type Connected, connect, letAgentsWork, sendMetrics, unmaskedValues } from './work.ts';

const ACCOUNT = 'maya.okafor';
const OVERALL_MS_MAX = 120_000;
const ROOT = new URL('../..', import.meta.url).pathname;

interface Dev {
  readonly process: TestProcess;
  readonly gateway: string;
  readonly sandbox: string;
}

const startedAtMs = performance.now();
const stage = new Stage(process.stdout);
build();
const machine = new Machine(stage);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => {
    machine.abandon();
    process.exit(code);
  });
}
setTimeout(() => {
  console.error(`the demo did not end within ${OVERALL_MS_MAX / 1000} s`);
  machine.abandon();
  process.exit(1);
}, OVERALL_MS_MAX).unref();

let failure: unknown;
try {
  await play();
} catch (error) {
  failure = error;
  console.error(`\nthe demo broke off: ${error instanceof Error ? error.stack : String(error)}`);
}
const killed = await machine.close();
if (failure === undefined)
  stage.fact('no process had to be killed, and the temporary directory is gone', 'system', { killed, remains: machine.remains() }, { killed: 0, remains: [] });
const good = stage.finish(performance.now() - startedAtMs);
process.exitCode = good && failure === undefined ? 0 : 1;

function build(): void {
  const { status } = spawnSync(process.execPath, ['node_modules/tsdown/dist/run.mjs', '-c', '.config/tsdown.config.ts', '--log-level', 'error'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the build failed');
  stage.tell(`built in ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`);
}

async function play(): Promise<void> {
  stage.heading('A gateway, an identity provider and a made-up Datadog, all on this machine');
  const dev = await startDev();
  const { gateway, sandbox } = dev;

  stage.heading('Log in with a device code');
  await logIn(stage, machine, gateway, ACCOUNT);

  stage.heading('Connect: one listener, two connections');
  const connected = await connect(stage, machine, { sandbox, account: ACCOUNT });

  stage.heading('Agents work through it; one call is denied');
  const modern = await letAgentsWork(stage, connected, sandbox);
  const secrets = unmaskedValues(modern);

  stage.heading('Metrics go the same way');
  await sendMetrics(stage, machine, connected, sandbox);

  stage.heading('Ctrl-C, and what was recorded');
  await disconnect(connected);
  await showSessions(stage, machine, connected, sandbox);

  stage.heading('One exchange, with its personal data masked');
  await showExchange(stage, machine, connected, secrets);

  stage.heading('The gateway has it, too');
  await showSync(stage, machine);

  stage.heading('Verify');
  await showVerify(stage, machine);

  stage.heading('Log out, stop, and look for what must not be there');
  await stopAll(dev);
  lookForLeaks(connected, secrets);
}

async function startDev(): Promise<Dev> {
  const process = machine.start(['dev', '--port', '0', '--data', machine.gatewayDir]);
  // The last line of the introduction.
  await process.line((line) => line.includes('--client-credentials'));
  const text = process.stdout.join('\n');
  stage.output(text);
  const said = (label: string) => new RegExp(`^ {2}${label} +([^\\s,]+)`, 'm').exec(text)?.[1] ?? '';
  const dev = { process, gateway: said('gateway'), sandbox: said('sandbox') };
  const wellKnown = (await (await fetch(`${dev.gateway}/.well-known/mcprec`)).json()) as { gateway: string; issuer: string };
  stage.fact('the gateway answers, and names itself and this provider', 'gateway API', [wellKnown.gateway, wellKnown.issuer], [dev.gateway, said('provider')]);
  return dev;
}

async function disconnect({ process }: Connected): Promise<void> {
  const banner = process.stdout.length;
  const { code } = await process.stop('SIGINT');
  stage.output([...process.stdout.slice(banner), process.stderr].join('\n'));
  const closing = process.stdout.slice(banner).map((line) => /^(\d+) calls?, (\d+) denied, (\d+) values? masked/.exec(line)?.slice(1).map(Number));
  const { journal } = readRecords(machine);
  const recounted = ['datadog', 'datadog-intake']
    .map((name) => journal.filter((log) => log.connection === name).at(-1))
    .map((log) => [log?.calls, log?.denied, log?.masked]);
  stage.fact('connect ends with 0 and the totals that the journal has', 'journal', { code, closing }, { code: 0, closing: recounted });
}

async function stopAll(dev: Dev): Promise<void> {
  const out = await machine.run(['logout']);
  stage.fact('logged out, and the provider has revoked the login', 'command', [out.code, /revoked/.test(out.stderr)], [0, true]);
  const { code } = await dev.process.stop('SIGINT');
  stage.output(dev.process.stderr);
  const open = await fetch(`${dev.gateway}/healthz`).then(
    (answer) => answer.status,
    () => 'nobody listens',
  );
  stage.fact('mcprec dev has ended, and nobody listens at the gateway’s port', 'system', [code, open], [0, 'nobody listens']);
}

/** Searches every file of both sides, and every payload and name in both stores after decompression. */
function lookForLeaks({ mcpEndpoint, intake }: Connected, secrets: readonly string[]): void {
  const { journal, store } = readRecords(machine);
  const decoded = [...journal, ...store].flatMap(({ vantage, logId, entries }) =>
    entries.map(({ names, payload }, index) => ({ where: `entry ${index} of ${logId} (${vantage})`, text: `${names}\n${payload}` })),
  );
  const files = [...filesBelow(machine.home), ...filesBelow(machine.gatewayDir)];
  const bytes = files.reduce((sum, { text }) => sum + text.length, 0);
  const control = new Set(findValues(['Double charges on checkout'], decoded).map((finding) => /\((\w+)\)$/.exec(finding)?.[1]));
  stage.fact('the search finds, on both sides, a text that is meant to be there', 'both stores', [...control].sort(), ['forwarder', 'gateway']);
  stage.fact(`none of the ${secrets.length} values stands in one of the ${decoded.length} recorded entries`, 'both stores', findValues(secrets, decoded), []);
  stage.fact(`nor anywhere in the ${files.length} files of laptop and gateway, ${bytes} bytes`, 'files', findValues(secrets, files), []);

  const keys = ['dd_api_key', 'dd_application_key'].map((name) => readFileSync(join(machine.gatewayDir, name), 'utf8').trim());
  const [, mcpToken = ''] = new URL(mcpEndpoint).pathname.split('/');
  const databases = files.filter(({ where }) => /\.db(-wal)?$/.test(where));
  stage.fact(
    'nor do the upstream’s keys and the local tokens stand in a record',
    'both stores',
    findValues([...keys, mcpToken, intake.key], [...decoded, ...databases]),
    [],
  );
  stage.fact('nothing was written to the home directory', 'files', readdirSync(machine.userHome), []);
}

// Steps: agents and a metrics script work through one `mcprec connect`, another under `mcprec exec`; the upstream says what arrived.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Incident } from '../../src/dev/incidents.ts';
import type { IntakeRecord } from '../../src/dev/intake.ts';
import { defaultSeed } from '../../src/dev/sandbox.ts';
import { everySensitiveValue, makeSensitive } from '../../src/dev/sensitive.ts';
import type { TestProcess } from '../support/process.ts';
import { DENIED_TOOL, INCIDENT, legacyAgent, type ModernWork, modernAgent } from './agents.ts';
import { CUSTOMER_EMAIL, type Intake, sendTelemetry } from './datadog.ts';
import { findValues } from './leaks.ts';
import type { Machine } from './machine.ts';
import type { Stage } from './stage.ts';
import { readSessions } from './stores.ts';
import { askUpstream, calledTools, mcpRequests, type UpstreamView } from './upstream.ts';

export const CONNECTIONS = ['datadog', 'datadog-intake'] as const;
const REASON = 'IR-4103: double charges on checkout';

/** A running `mcprec connect`, as its banner describes it. */
export interface Connected {
  readonly process: TestProcess;
  readonly mcpEndpoint: string;
  readonly intake: Intake;
  /** By connection. */
  readonly sessions: Readonly<Record<string, string>>;
}

/** Starts `connect` and checks its two sessions at the gateway, and that the listener lets no stranger in. */
export async function connect(stage: Stage, machine: Machine, { sandbox, account }: { sandbox: string; account: string }): Promise<Connected> {
  const process = machine.start(['connect', ...CONNECTIONS, '--reason', REASON]);
  // The last line of the banner; every line is looked at anew each time one comes.
  await process.line(() => process.stdout.filter((line) => / {2}session /.test(line)).length === CONNECTIONS.length);
  const banner = process.stdout.join('\n');
  stage.output(banner);
  const all = (label: string) => [...banner.matchAll(new RegExp(`^ {2}${label} +(\\S+)`, 'gm'))].map(([, value]) => value ?? '');
  const [mcpEndpoint = '', url = ''] = all('endpoint');
  const [mcpSession = '', intakeSession = ''] = all('session');
  const sessions = { datadog: mcpSession, 'datadog-intake': intakeSession };

  const open = CONNECTIONS.map((connection) => ({ session_id: sessions[connection], connection, subject: account, state: 'open', reason: REASON }));
  stage.fact('the gateway has both sessions open, with who and why', 'gateway store', readSessions(machine.storeFile), open);
  const before = (await askUpstream(sandbox)).requests.length;
  const stranger = await fetch(new URL('/guessed-token/mcp', mcpEndpoint), { method: 'POST', body: '{}' });
  const arrived = (await askUpstream(sandbox)).requests.length - before;
  stage.fact('a local process without the token in the endpoint is turned away, and nothing is sent', 'upstream log', [stranger.status, arrived], [401, 0]);
  return { process, mcpEndpoint, intake: { url, key: all('key')[0] ?? '' }, sessions };
}

/** Lets both generations of MCP clients work. Returns what the modern one saw. */
export async function letAgentsWork(stage: Stage, { mcpEndpoint }: Connected, sandbox: string): Promise<ModernWork> {
  const modern = await modernAgent(stage, mcpEndpoint);
  const legacy = await legacyAgent(stage, mcpEndpoint);
  stage.fact('both eras of the protocol were spoken', 'client', [modern.revision, legacy.revision], ['2026-07-28', '2025-11-25']);
  stage.fact('both clients are offered the same tools', 'client', legacy.tools, modern.tools);
  stage.fact('the slow tool told its progress five times while it ran', 'client', modern.progress, 5);

  const upstream = await askUpstream(sandbox);
  const called = [...modern.called, ...legacy.called];
  stage.fact(
    `of the ${called.length} tool calls all but the denied one arrived, in that order`,
    'upstream log',
    calledTools(upstream),
    called.filter((n) => n !== DENIED_TOOL),
  );
  checkDenial(stage, modern, upstream);
  const monitor = upstream.monitors.find(({ id }) => id === modern.monitor);
  stage.fact('the allowed change was made: the monitor is muted', 'upstream log', monitor?.muted, true);
  checkWhatUpstreamSaw(stage, upstream, mcpEndpoint);

  const { text = '' } = modern.answers.get('get_datadog_incident') ?? {};
  stage.tell(`what the agent reads there: “${incidentOf(text).timeline[1]?.message}”`);
  const sensitive = Object.entries(makeSensitive(defaultSeed));
  const read = sensitive.filter(([, values]) => findValues(values, [{ where: INCIDENT, text }]).length > 0).map(([kind]) => kind);
  const kinds = sensitive.map(([kind]) => kind);
  stage.fact(`the agent got it as it is: ${kinds.join(', ')} included`, 'client', read, kinds);
  return modern;
}

function checkDenial(stage: Stage, modern: ModernWork, upstream: UpstreamView): void {
  const answer = modern.answers.get(DENIED_TOOL);
  const told = { isError: answer?.isError, rule: /rule "([^"]+)"/.exec(answer?.text ?? '')?.[1] };
  stage.fact('the denied call came back as an error that names the rule', 'client', told, { isError: true, rule: 'no-delete' });
  const sent = upstream.requests.filter(({ body }) => body.includes(DENIED_TOOL)).length;
  const there = upstream.monitors.some(({ id }) => id === modern.monitor);
  stage.fact('it never reached the upstream, and the monitor is still there', 'upstream log', { sent, there }, { sent: 0, there: true });
}

function checkWhatUpstreamSaw(stage: Stage, upstream: UpstreamView, mcpEndpoint: string): void {
  const requests = mcpRequests(upstream);
  const credentials = [...new Set(requests.map((request) => [...request.credentials].sort().join(' ')))];
  stage.fact(`each of the ${requests.length} MCP requests carried the upstream’s own keys and no login`, 'upstream log', credentials, [
    'dd_api_key dd_application_key',
  ]);
  const [, localToken = ''] = new URL(mcpEndpoint).pathname.split('/');
  const ours = requests.filter(({ path, headers }) => path.includes(localToken) || Object.keys(headers).some((name) => name.startsWith('mcprec-')));
  const widened = requests.filter(({ path }) => new URL(path, 'http://sandbox').searchParams.get('toolsets') !== 'core');
  const counts = { ours: ours.length, widened: widened.length };
  stage.fact('none carried a token or header of mcprec, all had the toolsets that the gateway forces', 'upstream log', counts, { ours: 0, widened: 0 });
}

/** Lets Datadog's library send, through `connect` and under `exec`. */
export async function sendMetrics(stage: Stage, machine: Machine, { intake }: Connected, sandbox: string): Promise<void> {
  stage.tell('@datadog/datadog-api-client sends through the endpoint and key of the banner');
  const answers = await sendTelemetry(intake);
  stage.output(answers.join('\n'));
  const ran = await machine.run(['exec', 'datadog-intake', '--', 'node', 'test/demo/report.ts']);
  stage.fact('exec hands on the exit code of its command', 'command', ran.code, 0);

  const upstream = await askUpstream(sandbox);
  const got = upstream.intake.map(({ path, names, encoding }) => [path, names.join(' '), encoding]);
  stage.fact('five batches arrived, compressed as they were sent', 'upstream log', got, [
    ['/api/v2/series', 'checkout.orders', 'gzip'],
    ['/api/v1/distribution_points', 'checkout.latency.dist', 'deflate'],
    ['/api/v1/check_run', 'payments.gateway.reachable', 'identity'],
    ['/api/v1/events', 'Deployed checkout', 'identity'],
    ['/api/v2/series', 'report.nightly.rows', 'identity'],
  ]);
  stage.fact('the values are those that were sent', 'upstream log', [firstValue(upstream.intake[0]), firstValue(upstream.intake[4])], [412.5, 1284]);
  const key = readFileSync(join(machine.gatewayDir, 'dd_api_key'), 'utf8').trim();
  const shown = findValues(
    [key],
    [
      { where: 'the output of exec', text: `${ran.stdout}${ran.stderr}` },
      { where: 'the key of the banner', text: intake.key },
    ],
  );
  stage.fact('the upstream’s real key was not given to the laptop', 'files', shown, []);
}

function firstValue(record: IntakeRecord | undefined): unknown {
  const body = record?.body as { series?: readonly { points?: readonly { value?: number }[] }[] } | undefined;
  return body?.series?.[0]?.points?.[0]?.value;
}

/** Every value that must not be found in a record. */
export function unmaskedValues(modern: ModernWork): string[] {
  const { pagerKey } = incidentOf(modern.answers.get('get_datadog_incident')?.text ?? '').attributes;
  return [...everySensitiveValue(makeSensitive(defaultSeed)), CUSTOMER_EMAIL, pagerKey];
}

function incidentOf(text: string): Incident {
  return (JSON.parse(text) as { incident: Incident }).incident;
}

// What a client of Datadog's intake meets where policy has a word: held, denied, let in by nobody. Always in the intake's own form.
import { readFileSync, writeFileSync } from 'node:fs';
import { client as datadog, v2 } from '@datadog/datadog-api-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApprovalSummary } from '../../src/protocol/approvals.ts';
import { post } from './clients.ts';
import { type Connected, Laptop } from './harness.ts';
import { brief } from './records.ts';
import { World } from './world.ts';

const rules = `rules:
  - { id: no-payroll, deny: true, connections: [datadog-intake], metrics: ["payroll.*"], message: Payroll is nobody's metric. }
  - { id: released, hold: { approvers: [sre-leads] }, connections: [datadog-intake], metrics: ["release.*"], message: Releases are marked by two. }
`;
let world: World;
let connected: Connected;
const maya = new Laptop();
const priya = new Laptop();

beforeAll(async () => {
  world = await World.start({}, (yaml) => yaml.replace('rules:\n', rules).concat('hold_wait: 20s\n'));
  await maya.login(world.url, 'maya.okafor');
  await priya.login(world.url, 'priya.raman');
  connected = await maya.connect('datadog-intake');
});
afterAll(async () => {
  await connected?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  for (const laptop of [maya, priya]) laptop[Symbol.dispose]();
});

const at = Math.floor(Date.now() / 1000);
const seriesOf = (...names: readonly string[]) => ({ series: names.map((metric) => ({ metric, type: 3 as const, points: [{ timestamp: at, value: 1 }] })) });

/** What Datadog's own client makes of the answer. */
async function submit(names: readonly string[], key = connected.session().localToken): Promise<unknown> {
  const configuration = datadog.createConfiguration({ serverIndex: 1, authMethods: { apiKeyAuth: key }, enableRetry: false });
  configuration.setServerVariables({ protocol: 'http', name: new URL(connected.endpoint).host });
  return new v2.MetricsApi(configuration).submitMetrics({ body: seriesOf(...names), contentEncoding: 'deflate' });
}

const arrived = () => world.sandbox.received().filter(({ path }) => path === '/api/v2/series').length;

async function waiting(): Promise<ApprovalSummary> {
  const find = async () => (await priya.json<{ approvals: ApprovalSummary[] }>('approvals', 'list')).approvals[0];
  await expect.poll(find, { timeout: 15_000 }).toMatchObject({ state: 'pending' });
  return (await find()) as ApprovalSummary;
}

test('a series that a rule holds waits, and is sent on once when somebody approves meanwhile', async () => {
  const before = arrived();
  const sending = submit(['release.checkout', 'checkout.orders']);
  const approval = await waiting();
  expect(approval).toMatchObject({ rule: 'released', connection: 'datadog-intake', shown: { method: 'POST /api/v2/series' } });
  expect(approval.shown.arguments?.text).toContain('"release.checkout"');
  expect(arrived()).toBe(before);
  await priya.answer('approvals', 'approve', approval.approvalId);
  expect(await sending).toMatchObject({ errors: [] });
  expect(arrived()).toBe(before + 1);
});

test('refused, it is a 403 with the reason in its errors, and nothing of the batch is sent', async () => {
  const before = arrived();
  const sending = submit(['release.checkout']).catch((error: unknown) => error);
  await priya.answer('approvals', 'deny', (await waiting()).approvalId, '--reason', 'not before Monday');
  expect(await sending).toMatchObject({
    code: 403,
    body: { errors: [expect.stringMatching(/^denied by rule "released": priya.raman@.* refused it: not before Monday/)] },
  });
  expect(arrived()).toBe(before);
});

test('approved by nobody, it is a 403 after hold_wait, and an approval after that is worth nothing', async () => {
  writeFileSync(world.config, readFileSync(world.config, 'utf8').replace('hold_wait: 20s', 'hold_wait: 300ms'));
  await world.gateway.says('a new configuration is in force');
  const before = arrived();
  const { endpoint, localToken, sessionId } = connected.session();
  const send = () => post(`${endpoint}/api/v2/series`, seriesOf('release.checkout', 'checkout.orders'), { 'dd-api-key': localToken });
  const answer = await send();
  const [approvalId = ''] = /apr_[0-9a-f]{32}/.exec(answer.text) ?? [];
  expect([answer.status, JSON.parse(answer.text)]).toEqual([
    403,
    { errors: [`held by rule "released" and not approved in time: Releases are marked by two. (${approvalId})`] },
  ]);
  expect((await priya.run('approvals', 'approve', approvalId)).code).toBe(5);
  // The same bytes once more: they are asked about anew.
  expect(await send()).toMatchObject({ status: 403, text: expect.not.stringContaining(approvalId) });
  expect(arrived()).toBe(before);
  expect(maya.entries(sessionId).map(brief).at(-1)).toContain('403');
});

test('denied, it is a 403 with the rule and its message', async () => {
  expect(await submit(['checkout.orders', 'payroll.total']).catch((error: unknown) => error)).toMatchObject({
    code: 403,
    body: { errors: [expect.stringMatching(/^denied by rule "no-payroll": Payroll is nobody's metric\./)] },
  });
});

test.each([
  ['no local token', ''],
  ['another', 'c'.repeat(32)],
])('with %s it is a 401 in the same form, and not the error of a protocol that the client does not speak', async (_, key) => {
  expect(await submit(['checkout.orders'], key).catch((error: unknown) => error)).toMatchObject({ code: 401 });
  const { status, text } = await post(`${new URL(connected.endpoint).origin}/api/v2/series`, seriesOf('checkout.orders'), { 'dd-api-key': key });
  expect([status, JSON.parse(text)]).toEqual([401, { errors: [expect.stringContaining('the local token is missing or wrong')] }]);
});

test('the gateway itself says so to whoever comes without a grant', async () => {
  const { status, text, headers } = await post(`${world.url}/c/datadog-intake/api/v2/series`, seriesOf('checkout.orders'));
  expect([status, JSON.parse(text)]).toEqual([401, { errors: [expect.any(String)] }]);
  expect(headers.get('www-authenticate')).toContain('resource_metadata=');
});

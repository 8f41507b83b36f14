// Approvals on real processes: SDK clients that wait, people who decide on the command line, grants that need somebody's word.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApprovalDetail, ApprovalSummary } from '../../src/protocol/approvals.ts';
import { callMessage, legacyClient, modernClient, post } from './clients.ts';
import { type Connected, Laptop } from './harness.ts';
import { World } from './world.ts';

const TOOL = 'mute_datadog_monitor';
let world: World;
let connected: Connected;
const maya = new Laptop();
const priya = new Laptop();
const tomas = new Laptop();

beforeAll(async () => {
  world = await World.start({}, (yaml) =>
    yaml
      .replace('rules:\n', `rules:\n  - { id: mutes, hold: { approvers: [sre-leads] }, tools: [${TOOL}], message: Somebody else looks at it first. }\n`)
      .replace('access:\n', 'access:\n  - { groups: [contractors], connections: [datadog], approval: { approvers: [sre-leads] } }\n')
      .concat('hold_wait: 600ms\n'),
  );
  await maya.login(world.url, 'maya.okafor');
  await priya.login(world.url, 'priya.raman');
  await tomas.login(world.url, 'tomas.lind');
  connected = await maya.connect('datadog', '--reason', 'incident 7');
});
afterAll(async () => {
  await connected?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  for (const laptop of [maya, priya, tomas]) laptop[Symbol.dispose]();
});

/** Of a monitor that there is. */
function monitorId(): number {
  const [id = 0] = world.sandbox.world.monitors.keys();
  return Number(id);
}

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

async function waiting(laptop: Laptop): Promise<ApprovalSummary> {
  const { approvals } = await laptop.json<{ approvals: ApprovalSummary[] }>('approvals', 'list');
  const [first] = approvals;
  if (first === undefined) throw new Error('nothing waits');
  return first;
}

describe.each([
  ['SDK v1', legacyClient],
  ['SDK v2', modernClient],
] as const)('a held call of %s', (_, open) => {
  test('is told what to do, and goes through once after the approval', async () => {
    await using client = await open(connected.endpoint);
    const before = world.callsOf(TOOL);
    const call = (args: object, options?: object) =>
      client.callTool({ name: TOOL, arguments: { monitor_id: monitorId(), ...args } }, ...([options] as never[]));
    const held = await call({});
    expect(held).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('Held by rule "mutes": Somebody else looks at it first.') }] });
    const { link } = await waiting(priya);
    expect(JSON.stringify(held)).toContain(link);
    const approved = connected.process.event<{ approvalId: string; state: string }>('approval');
    expect(await priya.answer('approvals', 'approve', link)).toContain('approved: mute_datadog_monitor on datadog for maya.okafor@harborshop.example');
    expect((await approved).state).toMatch(/pending|approved/);
    expect(await call({ scope: 'env:dev' })).toMatchObject({ isError: true });
    expect(world.callsOf(TOOL)).toBe(before);
    expect((await call({})).isError).toBeFalsy();
    expect(await call({})).toMatchObject({ isError: true });
    expect(world.callsOf(TOOL)).toBe(before + 1);
    // Those that the last two calls asked for.
    for (let left = 2; left > 0; left--) await maya.answer('approvals', 'cancel', (await waiting(maya)).approvalId);
  });
});

test('a client that asks for progress gets it while it waits, and its own answer when somebody approves', async () => {
  const progress: string[] = [];
  await using client = await legacyClient(connected.endpoint);
  const answer = client.callTool({ name: TOOL, arguments: { monitor_id: monitorId() } }, undefined, {
    onprogress: ({ message }) => progress.push(message ?? ''),
  });
  await expect.poll(() => progress.length).toBeGreaterThan(0);
  expect(progress[0]).toContain('waiting for an approval by somebody of sre-leads');
  await answer;
  await priya.answer('approvals', 'approve', (await waiting(priya)).approvalId);
  expect((await client.callTool({ name: TOOL, arguments: { monitor_id: monitorId() } })).isError).toBeFalsy();
});

test('both ends record the same messages of a call that waited', async () => {
  const { sessionId } = connected.session();
  const noted = maya.entries(sessionId).filter(({ names }) => names?.method === 'notifications/progress');
  expect(noted.length).toBeGreaterThan(0);
});

test('a raw client is kept alive by comments, which are no messages', async () => {
  const { text, headers, status } = await post(connected.endpoint, callMessage(5, TOOL, { monitor_id: 3 }));
  expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  expect(text).toMatch(/^:\n\n/);
  const entries = maya.entries(connected.session().sessionId).slice(-2);
  expect(entries.map(({ leaf }) => leaf.message)).toEqual(['request', 'response']);
  expect(Buffer.from(entries[1]?.payload ?? []).toString()).toContain('Held by rule');
});

test('the command line shows it whole, by the start of its id, and says with its exit code how it stands', async () => {
  const { approvalId } = await waiting(priya);
  const short = approvalId.slice(0, 20);
  const shown = await priya.run('approvals', 'show', short);
  expect(shown.code).toBe(8);
  for (const text of [
    'maya.okafor@harborshop.example',
    'incident 7',
    'mutes: Somebody else looks at it first.',
    '"monitor_id": 3',
    'in this session since',
    'you may: approve, deny',
  ])
    expect(shown.stdout).toContain(text);
  expect((await maya.run('approvals', 'approve', short)).code).toBe(5);
  expect(await priya.answer('approvals', 'deny', short, '--reason', 'not now')).toContain('refused');
  const after = await maya.run('approvals', 'show', approvalId, '--json');
  expect(after.code).toBe(5);
  expect(JSON.parse(after.stdout) as ApprovalDetail).toMatchObject({ state: 'refused', refusal: 'not now' });
  expect((await maya.run('approvals', 'show', 'apr_ffff')).code).toBe(2);
  for (const mistyped of ['apr_zz', `${short}x`, 'apr_', 'x']) {
    expect(await priya.run('approvals', 'approve', mistyped)).toMatchObject({ code: 2, stderr: expect.stringContaining('is no id of an approval') });
  }
  expect(await priya.run('approvals', 'aprove')).toMatchObject({ code: 2, stderr: expect.stringContaining('approvals has no command aprove') });
});

describe('a grant that needs an approval', () => {
  test('is asked for, and picked up once it is given; --no-wait ends with 8', async () => {
    const asked = await tomas.run('connect', 'datadog', '--no-wait', '--json');
    expect(asked.code).toBe(8);
    expect(JSON.parse(asked.stdout)).toMatchObject({
      event: 'approval_pending',
      connection: 'datadog',
      approvers: ['sre-leads'],
      link: expect.stringContaining('/approvals/apr_'),
    });
    await using connect = tomas.start('connect', 'datadog', '--json');
    const { approvalId } = await connect.event<{ approvalId: string }>('approval_pending');
    expect((await tomas.run('approvals', 'approve', approvalId)).code).toBe(5);
    await priya.answer('approvals', 'approve', approvalId);
    const { sessions } = await connect.event<{ sessions: { endpoint: string }[] }>('connected');
    expect((await post(sessions[0]?.endpoint ?? '', initialize)).status).toBe(200);
    await connect.stop();
    expect((await priya.json<ApprovalDetail>('approvals', 'show', approvalId)).state).toBe('used');
  });

  test('is refused with a reason, and ends exec with 5 before the command runs', async () => {
    const exec = tomas.run('exec', 'datadog', '--reason', 'just looking', '--', process.execPath, '-e', 'console.log("it ran")');
    await expect.poll(async () => (await waiting(priya).catch(() => undefined))?.kind).toBe('grant');
    await priya.answer('approvals', 'deny', (await waiting(priya)).approvalId, '--reason', 'ask for a ticket');
    const { code, stdout, stderr } = await exec;
    expect([code, stdout]).toEqual([5, '']);
    expect(stderr).toContain('ask for a ticket');
  });

  test('waits no longer than it is told to', async () => {
    const { code, stderr } = await tomas.run('connect', 'datadog', '--reason', 'other', '--wait', '200ms');
    expect(code).toBe(8);
    expect(stderr).toContain('run the command again with the same flags');
  });
});

// The two records of one session. Honest: whatever happens to its calls, nothing differs and nothing is missing. Dishonest: what was changed shows.
import { copyFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fault } from '../../src/dev/faults.ts';
import type { Leaf } from '../../src/evidence/leaf.ts';
import { approvalPaths, approvalsResponseSchema } from '../../src/protocol/approvals.ts';
import { rewrite, tamper } from '../journal/support.ts';
import { callMessage, legacyClient, post } from './clients.ts';
import { type Connected, Laptop } from './harness.ts';
import { World } from './world.ts';

const SEARCH = 'search_datadog_logs';
const SLOW = 'analyze_datadog_logs';
const HELD = 'mute_datadog_monitor';
let world: World;
const maya = new Laptop();
const priya = new Laptop();
const streamed = { onprogress: () => undefined };

beforeAll(async () => {
  world = await World.start({}, (yaml) =>
    yaml
      .replace('rules:\n', `rules:\n  - { id: mutes, hold: { approvers: [sre-leads] }, tools: [${HELD}] }\n`)
      .replace('apply: [record]', 'apply: [record, client]')
      .replace('  datadog-intake:', (intake) => `  web:\n    kind: http\n    upstream: ${sandboxIn(yaml)}\n    paths: ["/**"]\n    record: full\n${intake}`)
      .concat('hold_wait: 3s\n'),
  );
  await maya.login(world.url, 'maya.okafor');
  await priya.login(world.url, 'priya.raman');
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  for (const laptop of [maya, priya]) laptop[Symbol.dispose]();
});

/** The sandbox's address, as the file has it. */
function sandboxIn(yaml: string): string {
  return /kind: datadog-intake\n +upstream: (\S+)/.exec(yaml)?.[1] ?? '';
}

interface Verified {
  readonly verified: boolean;
  readonly sessions: readonly { readonly entries: number; readonly signed: number; readonly receipted: number }[];
  readonly reconciled: readonly {
    readonly sessionId: string;
    readonly counts: Readonly<Record<string, number>>;
    readonly exchanges: readonly { readonly state: string; readonly why: string }[];
  }[];
}

/** What `verify --reconcile` says of one session; it may find what it finds. */
async function reconciled(sessionId: string) {
  const { stdout } = await maya.run('verify', '--session', sessionId, '--reconcile', '--json');
  const verified = JSON.parse(stdout) as Verified;
  const [one] = verified.reconciled;
  if (one === undefined) throw new Error('it was not reconciled');
  return { ...one, verified };
}

/** Nothing differs, nothing is missing, the laptop has receipts; returns the counts. */
async function expectHonest(sessionId: string) {
  const { counts, exchanges, verified } = await reconciled(sessionId);
  expect(exchanges.filter(({ state }) => state !== 'truncated')).toEqual([]);
  expect(verified.verified).toBe(true);
  for (const { entries, signed, receipted } of verified.sessions) expect([signed, receipted]).toEqual([entries, entries]);
  return counts;
}

/** Does `work` in a session that is over, and synced, when this resolves. */
async function session(connection: string, work: (connected: Connected) => Promise<void>): Promise<string> {
  await using connected = await maya.connect(connection);
  await work(connected);
  return connected.session().sessionId;
}

const fail = (fault: Fault) => fetch(`${world.sandbox.url}/__fault`, { method: 'POST', body: JSON.stringify(fault) });
const monitorId = () => Number([...world.sandbox.world.monitors.keys()][0]);

test('answers, masked ones, streams, denials, notifications', async () => {
  const id = await session('datadog', async ({ endpoint }) => {
    await using client = await legacyClient(endpoint);
    await client.listTools();
    await client.callTool({ name: SEARCH, arguments: { query: 'service:checkout' } });
    await client.callTool({ name: SLOW, arguments: { query: 'service:checkout' } }, undefined, streamed);
    await client.callTool({ name: 'delete_datadog_monitor', arguments: { monitor_id: 1 } });
    expect((await post(endpoint, '{not JSON')).status).toBe(400);
  });
  const counts = await expectHonest(id);
  expect(counts.matched).toBeGreaterThan(5);
});

test('calls that were given up, by the client and by whoever sees that it is gone', async () => {
  const id = await session('datadog', async ({ endpoint }) => {
    await using client = await legacyClient(endpoint);
    const gaveUp = new AbortController();
    const call = client.callTool({ name: SLOW, arguments: { query: 'x' } }, undefined, { signal: gaveUp.signal, onprogress: () => gaveUp.abort() });
    await expect(call).rejects.toThrow();
    await fail({ kind: 'stall', on: SEARCH });
    const cut = new AbortController();
    const before = world.callsOf(SEARCH);
    const stalled = fetch(endpoint, { method: 'POST', body: JSON.stringify(callMessage(7, SEARCH)), headers: mcpHeaders, signal: cut.signal });
    await expect.poll(() => world.callsOf(SEARCH)).toBeGreaterThan(before);
    cut.abort();
    await expect(stalled).rejects.toThrow();
  });
  await expectHonest(id);
});

const mcpHeaders = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

test('held calls with keep-alives: approved, never decided, refused, and answered with a page', async () => {
  await using decider = await priya.identity();
  const waiting = async () => approvalsResponseSchema.parse((await decider.request('GET', approvalPaths.approvals)).json()).approvals;
  const id = await session('datadog', async ({ endpoint }) => {
    await using client = await legacyClient(endpoint);
    const call = (minutes: number) => client.callTool({ name: HELD, arguments: { monitor_id: monitorId(), duration_minutes: minutes } }, undefined, streamed);
    const decide = async (verb: 'approve' | 'refuse', minutes: number) => {
      const over = call(minutes);
      await expect.poll(async () => (await waiting()).length).toBe(1);
      const [{ approvalId } = { approvalId: '' }] = await waiting();
      await decider.request('POST', approvalPaths[verb](approvalId), { json: verb === 'refuse' ? { reason: 'no' } : {} });
      return over;
    };
    expect((await decide('approve', 10)).isError).toBeFalsy();
    expect((await decide('refuse', 20)).isError).toBe(true);
    await fail({ kind: 'status', on: HELD, status: 500, body: '<html>broken</html>', headers: { 'content-type': 'text/html' } });
    await expect(decide('approve', 30)).rejects.toThrow('HTTP 500');
    expect((await call(40)).isError).toBe(true);
  });
  await expectHonest(id);
});

test('upstreams that fail: another status, an answer cut short, none at all', async () => {
  const id = await session('datadog', async ({ endpoint }) => {
    await fail({ kind: 'status', on: SEARCH, status: 500, body: 'down' });
    await post(endpoint, callMessage(1, SEARCH));
    await fail({ kind: 'cut', on: SEARCH, afterBytes: 40 });
    await post(endpoint, callMessage(2, SEARCH)).catch(() => undefined);
    await fail({ kind: 'cut', on: SEARCH, afterBytes: 0 });
    await post(endpoint, callMessage(3, SEARCH)).catch(() => undefined);
  });
  await expectHonest(id);
});

test('masked answers of intake and HTTP connections', async () => {
  const fault = { kind: 'status', status: 202, body: '{"by":"ana@example.com"}', headers: { 'content-type': 'application/json' } } as const;
  for (const [connection, path] of [
    ['datadog-intake', '/api/v2/series'],
    ['web', '/api/v1/anything'],
  ] as const) {
    const id = await session(connection, async (connected) => {
      const { endpoint, localToken } = connected.session();
      await fail(fault);
      const series = JSON.stringify({ series: [{ metric: 'checkout.latency', type: 3, points: [{ timestamp: 1_763_800_000, value: 1 }] }] });
      const headers = { 'content-type': 'application/json', 'dd-api-key': localToken };
      const answer = await fetch(`${endpoint}${path}`, { method: 'POST', body: series, headers });
      expect([answer.status, await answer.text()]).toEqual([202, expect.not.stringContaining('ana@example.com')]);
    });
    expect(await expectHonest(id)).toMatchObject({ matched: 1 });
  }
});

test.each<[string, (leaves: Leaf[]) => Leaf[], string, string]>([
  [
    'an answer changed',
    (leaves) => edit(leaves, isAnswer, (leaf) => ({ ...leaf, mac: new Uint8Array(16) })),
    'differs',
    'is not the one that the gateway passed on',
  ],
  [
    'a request changed',
    (leaves) => edit(leaves, isCall, (leaf) => ({ ...leaf, mac: new Uint8Array(16) })),
    'differs',
    'is not the one that the laptop recorded',
  ],
  ['a message of a stream dropped', (leaves) => leaves.filter((leaf) => leaf !== leaves.find(isProgress)), 'differs', 'another message than number 0'],
  [
    'a call dropped',
    (leaves) => leaves.filter(({ exchange }) => exchange !== leaves.findLast(isCall)?.exchange),
    'missing',
    'the laptop’s whole log does not have it',
  ],
  ['a message inserted', (leaves) => inserted(leaves), 'missing', 'the gateway does not have'],
])('a laptop that lies, with all hashes recomputed: %s', async (_what, change, state, why) => {
  const id = await session('datadog', async ({ endpoint }) => {
    await using client = await legacyClient(endpoint);
    await client.callTool({ name: SLOW, arguments: { query: 'service:checkout' } }, undefined, streamed);
  });
  copyFileSync(maya.journal, `${maya.home}/honest.db`);
  tamper(maya.journal, (db) => rewrite(db, db.prepare('SELECT log_no FROM sessions WHERE session_id = ?').pluck().get(id) as number, change));
  const { exchanges, counts, verified } = await reconciled(id);
  expect(exchanges).toContainEqual(expect.objectContaining({ state, why: expect.stringContaining(why) }));
  expect([counts[state], verified.verified]).toEqual([1, false]);
  const said = await maya.run('verify', '--session', id, '--reconcile');
  expect([said.code, said.stdout]).toEqual([
    7,
    expect.stringMatching(new RegExp(`exc_[0-9a-f]+: ${state}: .*${why}[^]*\n1 session not what the gateway recorded: not verified\n$`)),
  ]);
  copyFileSync(`${maya.home}/honest.db`, maya.journal);
});

const isCall = ({ message, direction }: Leaf): boolean => message === 'request' && direction === 'up';
const isAnswer = ({ message, direction }: Leaf): boolean => message === 'response' && direction === 'down';
const isProgress = ({ message, direction }: Leaf): boolean => message === 'notification' && direction === 'down';

function edit(leaves: Leaf[], which: (leaf: Leaf) => boolean, change: (leaf: Leaf) => Leaf): Leaf[] {
  const last = leaves.findLast(which);
  return leaves.map((leaf) => (leaf === last ? change(leaf) : leaf));
}

/** Behind the last answer another one, counted on. */
function inserted(leaves: Leaf[]): Leaf[] {
  const last = leaves.findLastIndex(isAnswer);
  const answer = leaves[last] as Leaf;
  return leaves.toSpliced(last + 1, 0, { ...answer, messageNumber: (answer.messageNumber ?? 0) + 1, failed: true });
}

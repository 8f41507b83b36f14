// kill -9 of forwarder, gateway and sync at moments that matter: what a client was answered is on the record, and everything goes on.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callMessage, post } from './clients.ts';
import { Laptop } from './harness.ts';
import { brief, gatewayEntries, gatewaySession } from './records.ts';
import { World } from './world.ts';

let world: World;
const maya = new Laptop();
beforeAll(async () => {
  world = await World.start();
  await maya.login(world.url, 'maya.okafor');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
});

const tool = 'search_datadog_services';
const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': tool };
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

/** A call of `tool` whose arguments say which one it is. True where it was answered with a result. */
async function call(endpoint: string, id: number): Promise<boolean> {
  const params = { name: tool, arguments: { query: `call-${id}` }, _meta: meta };
  const { text } = await post(endpoint, { ...callMessage(id, tool), params }, modern);
  return JSON.parse(text).result?.content !== undefined;
}

/** Calls without a pause, four at a time, until `stopped`; returns the ids of those that were answered. */
async function callUntil(endpoint: string, stopped: AbortSignal, answered: number[]): Promise<void> {
  let next = answered.length + 1;
  const worker = async (): Promise<void> => {
    while (!stopped.aborted) {
      const id = next++;
      try {
        if (await call(endpoint, id)) answered.push(id);
      } catch {
        return;
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

/** The ids of the calls whose request and answer stand in these entries. */
function answeredIn(entries: ReturnType<Laptop['entries']>): ReadonlySet<number> {
  const final = new Set(entries.filter(({ leaf }) => leaf.final && leaf.message === 'response').map(({ leaf }) => leaf.exchange));
  const ids = entries
    .filter(({ leaf }) => leaf.direction === 'up' && final.has(leaf.exchange))
    .map(({ payload }) => Number(/"call-(\d+)"/.exec(Buffer.from(payload ?? []).toString())?.[1]));
  return new Set(ids);
}

test('of the forwarder: what was answered is recorded; the next connect closes the session as crashed and syncs it', async () => {
  const sessions: string[] = [];
  let lacking = 0;
  world.relay.rewrite = (chunk) => {
    if (chunk.includes('"lacking":true')) lacking++;
    return chunk;
  };
  for (let round = 0; round < 2; round++) {
    const connected = await maya.connect('datadog');
    const { endpoint, sessionId } = connected.session();
    sessions.push(sessionId);
    const answered: number[] = [];
    const calling = callUntil(endpoint, new AbortController().signal, answered);
    await expect.poll(() => answered.length, { interval: 5 }).toBeGreaterThan(5 + (round % 4) * 10);
    await connected.process.stop('SIGKILL');
    await calling;
    const recorded = answeredIn(maya.entries(sessionId));
    expect(answered.filter((id) => !recorded.has(id))).toEqual([]);
    const atGateway = answeredIn(await gatewayEntries(world.file('database'), sessionId));
    expect(answered.filter((id) => !atGateway.has(id))).toEqual([]);
  }
  await using next = await maya.connect('datadog');
  for (const sessionId of sessions) expect(maya.entries(sessionId).map(brief).at(-1)).toBe('crashed');
  expect((await next.process.stop()).code).toBe(0);
  expect(await maya.json('sync', '--status')).toMatchObject({ entries: 0 });
  // The gateway recorded the same answers itself, so that none was sent.
  expect(lacking).toBe(0);
  expect(await maya.json('verify')).toMatchObject({ verified: true });
  const { sessions: listed } = await maya.json<{ sessions: { state: string }[] }>('sessions', 'list');
  expect(listed.map(({ state }) => state).sort()).toEqual(['closed', ...sessions.map(() => 'crashed')]);
});

test('of the gateway: calls under way end with an error that is true; the same session goes on after a restart', async () => {
  await using connected = await maya.connect('datadog');
  const { endpoint, sessionId } = connected.session();
  const answered: number[] = [];
  for (let round = 0; round < 1; round++) {
    const stop = new AbortController();
    const before = answered.length;
    const calling = callUntil(endpoint, stop.signal, answered);
    await expect.poll(() => answered.length, { interval: 5 }).toBeGreaterThan(before + 5);
    world.sandbox.failNext({ kind: 'stall', on: 'search_datadog_incidents' });
    const { 'mcp-name': _, ...headers } = modern;
    const underWay = post(
      endpoint,
      { ...callMessage(-1, 'search_datadog_incidents'), params: { name: 'search_datadog_incidents', arguments: {}, _meta: meta } },
      { ...headers, 'mcp-name': 'search_datadog_incidents' },
    );
    await expect.poll(() => world.callsOf('search_datadog_incidents')).toBe(round + 1);
    await world.gateway.stop('SIGKILL');
    const answer = await underWay;
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      200,
      {
        jsonrpc: '2.0',
        id: -1,
        error: { code: 5020, message: expect.stringMatching(/^the upstream broke off before it answered .*; it may have been executed$/) },
      },
    ]);
    stop.abort();
    await calling;
    await world.startGateway();
    await expect.poll(() => call(endpoint, 9_000 + round)).toBe(true);
  }
  expect((await gatewaySession(world.file('database'), sessionId)).state).toBe('open');
  expect((await connected.process.stop()).code).toBe(0);
  const recorded = answeredIn(maya.entries(sessionId));
  expect(answered.filter((id) => !recorded.has(id))).toEqual([]);
  expect(await maya.json('sync', '--status')).toMatchObject({ entries: 0 });
  expect(await maya.json('verify')).toMatchObject({ verified: true });
  expect((await gatewaySession(world.file('database'), sessionId)).state).toBe('closed');
});

test('of sync, at any moment: the next one goes on, and in the end the gateway has each entry once', async () => {
  // Recorded while the gateway is away, so that there is something to send.
  const connected = await maya.connect('datadog');
  const { endpoint, sessionId } = connected.session();
  await world.gateway.stop('SIGKILL');
  for (let id = 1; id <= 150; id++) await call(endpoint, id);
  await connected.process.stop('SIGKILL');
  await world.startGateway();
  const { entries: pending } = await maya.json<{ entries: number }>('sync', '--status');
  expect(pending).toBeGreaterThan(250);
  const connections = () => world.relay.sent.length;
  const uploads = () => world.relay.sent.filter((text) => text.includes('POST /v1/logs/')).length;
  const before = { connections: connections(), uploads: uploads() };
  const moments: readonly (() => boolean)[] = [() => true, () => connections() > before.connections, () => uploads() > before.uploads];
  for (const moment of moments) {
    const sync = maya.start('sync');
    await expect.poll(moment, { interval: 1 }).toBe(true);
    await sync.stop('SIGKILL');
    expect(await maya.json('verify')).toMatchObject({ verified: true });
  }
  // The gateway has taken an upload, and whoever sent it never learns.
  const last = maya.start('sync');
  world.relay.rewrite = (chunk) => {
    if (chunk.includes('"size"')) last.child.kill('SIGKILL');
    return chunk;
  };
  const { signal } = await last.end();
  world.relay.rewrite = (chunk) => chunk;
  expect(signal).toBe('SIGKILL');
  expect((await maya.run('sync')).code).toBe(0);
  expect(await maya.json('sync', '--status')).toMatchObject({ entries: 0 });
  const own = maya.entries(sessionId).map(({ leafBytes }) => Buffer.from(leafBytes).toString('hex'));
  const theirs = (await gatewayEntries(world.file('database'), sessionId, 'forwarder')).map(({ leafBytes }) => Buffer.from(leafBytes).toString('hex'));
  expect(theirs).toEqual(own);
});

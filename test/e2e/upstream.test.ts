// An upstream that is slow, dies in the middle of an answer, refuses the gateway's credential or is gone: what clients are told and both sides record.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { callMessage, legacyClient, modernClient, post } from './clients.ts';
import { type Connected, Laptop } from './harness.ts';
import { brief, gatewayEntries } from './records.ts';
import { World } from './world.ts';

let world: World;
const maya = new Laptop();
let connected: Connected;
let mcp: Connected['sessions'][number];
let intake: Connected['sessions'][number];
beforeAll(async () => {
  world = await World.start();
  await maya.login(world.url, 'maya.okafor');
  connected = await maya.connect('datadog', 'datadog-intake');
  mcp = connected.session('datadog');
  intake = connected.session('datadog-intake');
});
afterEach(async () => {
  expect(await maya.json('verify')).toMatchObject({ verified: true });
});
afterAll(async () => {
  await connected[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
});

const tool = 'search_datadog_services';
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': tool };
const search = { ...callMessage(1, tool), params: { name: tool, arguments: {}, _meta: meta } };

/** Runs `work`; returns how the exchanges of `tool` that it began stand in both records, laptop first. */
async function recordedIn(sessionId: string, work: () => Promise<unknown>, what = tool): Promise<readonly (readonly string[])[]> {
  const read = async () => [maya.entries(sessionId), await gatewayEntries(world.file('database'), sessionId)];
  const sizes = (await read()).map(({ length }) => length);
  await work();
  const chosen = async () =>
    (await read()).map((entries, side) => {
      const fresh = entries.slice(sizes[side]);
      const exchanges = new Set(fresh.filter(({ names }) => names?.tool === what || names?.uri === what).map(({ leaf }) => leaf.exchange));
      return fresh.filter(({ leaf }) => exchanges.has(leaf.exchange));
    });
  await expect.poll(async () => (await chosen()).every((entries) => entries.at(-1)?.leaf.final)).toBe(true);
  return (await chosen()).map((entries) => entries.map(brief));
}

const asked = `message up request ${tool}`;
const givenUp = [
  [asked, 'message down end client_gone'],
  [asked, 'message down end client_gone'],
];

test('slow: who gives up takes the call along, and the record says so', async () => {
  await using client = await modernClient(mcp.endpoint);
  const raw = await recordedIn(mcp.sessionId, async () => {
    world.sandbox.failNext({ kind: 'stall', on: tool });
    const gone = new AbortController();
    const answer = fetch(mcp.endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...modern },
      body: JSON.stringify(search),
      signal: gone.signal,
    });
    const calls = world.callsOf(tool);
    await expect.poll(() => world.callsOf(tool)).toBe(calls + 1);
    gone.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => world.sandbox.received().at(-1)?.ended).toBe('aborted');
  });
  expect(raw).toEqual(givenUp);
  const v2 = await recordedIn(mcp.sessionId, async () => {
    world.sandbox.failNext({ kind: 'stall', on: tool });
    await expect(client.callTool({ name: tool, arguments: {} }, { timeout: 300 })).rejects.toThrow(/timed out/);
    await expect.poll(() => world.sandbox.received().filter(({ ended }) => ended === 'aborted').length).toBe(2);
  });
  expect(v2).toEqual(givenUp);
});

test('slow, in the legacy era: the call is cancelled by a notification, and ends with its connection', async () => {
  const v1 = await recordedIn(mcp.sessionId, async () => {
    await using client = await legacyClient(mcp.endpoint);
    world.sandbox.failNext({ kind: 'stall', on: tool });
    await expect(client.callTool({ name: tool, arguments: {} }, undefined, { timeout: 300 })).rejects.toMatchObject({ code: -32001 });
    await expect.poll(() => world.sandbox.received().some(({ messages }) => messages[0]?.method === 'notifications/cancelled')).toBe(true);
  });
  expect(v1).toEqual(givenUp);
});

test('dying in the middle of an answer: an error that says that the call may have been executed, and both records hold it', async () => {
  await using v2 = await modernClient(mcp.endpoint);
  const cut = () => world.sandbox.failNext({ kind: 'cut', on: tool, afterBytes: 100 });
  const told = 'the upstream broke off before it answered (UND_ERR_SOCKET); it may have been executed';
  const recorded = await recordedIn(mcp.sessionId, async () => {
    cut();
    const answer = await post(mcp.endpoint, search, modern);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { jsonrpc: '2.0', id: 1, error: { code: 5020, message: told } }]);
    cut();
    await expect(v2.callTool({ name: tool, arguments: {} })).rejects.toMatchObject({ code: 5020, message: expect.stringContaining(told) });
  });
  expect(recorded).toEqual([
    [asked, 'message down response 200 failed', asked, 'message down response 200 failed'],
    [asked, 'message down end failed upstream_lost', asked, 'message down end failed upstream_lost'],
  ]);
});

test('dying in the middle of a resumable answer: SDK v1 gets the rest', async () => {
  await using v1 = await legacyClient(mcp.endpoint);
  world.sandbox.failNext({ kind: 'cut', on: 'analyze_datadog_logs', afterBytes: 250 });
  const found = await v1.callTool({ name: 'analyze_datadog_logs', arguments: { query: '*' } }, undefined, { onprogress: () => undefined, timeout: 10_000 });
  expect(found.isError).toBeFalsy();
  expect(world.callsOf('analyze_datadog_logs')).toBe(1);
  expect(world.sandbox.received().some(({ verb, headers }) => verb === 'GET' && headers['last-event-id'] !== undefined)).toBe(true);
});

test('refusing the gateway’s credential: an error of ours, never the upstream’s challenge', async () => {
  await using v1 = await legacyClient(mcp.endpoint);
  await using v2 = await modernClient(mcp.endpoint);
  for (const client of [v1, v2]) {
    world.sandbox.failNext({ kind: 'status', on: tool, status: 401, headers: { 'www-authenticate': 'Bearer resource_metadata="http://evil.example/"' } });
    await expect(client.callTool({ name: tool, arguments: {} })).rejects.toMatchObject({
      code: 5020,
      message: expect.stringContaining('the upstream turned the call away (it refused the gateway’s credential (HTTP 401))'),
    });
  }
  world.sandbox.failNext({ kind: 'status', on: '/api/v2/series', status: 403 });
  const refused = await post(`${intake.endpoint}/api/v2/series`, { series: [] }, { 'dd-api-key': intake.localToken });
  expect([refused.status, refused.headers.get('www-authenticate'), JSON.parse(refused.text)]).toEqual([
    502,
    null,
    { errors: ['the upstream turned the call away (it refused the gateway’s credential (HTTP 403)); it was not executed'] },
  ]);
});

test('gone: each client is told that nothing was executed', async () => {
  await using v1 = await legacyClient(mcp.endpoint);
  await using v2 = await modernClient(mcp.endpoint);
  await world.sandbox.close();
  const recorded = await recordedIn(mcp.sessionId, async () => {
    for (const client of [v1, v2]) {
      await expect(client.callTool({ name: tool, arguments: {} })).rejects.toMatchObject({
        code: 5020,
        message: expect.stringContaining('the upstream cannot be reached (ECONNREFUSED); it was not executed'),
      });
    }
  });
  expect(recorded).toEqual([
    [asked, 'message down response 200 failed', asked, 'message down response 200 failed'],
    [asked, 'message down end failed upstream_unreachable', asked, 'message down end failed upstream_unreachable'],
  ]);
  const answer = await post(mcp.endpoint, search, modern);
  expect([answer.status, JSON.parse(answer.text)]).toMatchObject([200, { id: 1, error: { code: 5020 } }]);
  const series = await post(`${intake.endpoint}/api/v2/series`, { series: [] }, { 'dd-api-key': intake.localToken });
  expect([series.status, JSON.parse(series.text)]).toEqual([502, { errors: ['the upstream cannot be reached (ECONNREFUSED); it was not executed'] }]);
});

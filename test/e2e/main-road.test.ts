// The main job on real parts: mcprec dev, logins, one connect with an MCP connection and the intake, clients of both SDKs and Datadog's own.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { client as datadog, v1, v2 } from '@datadog/datadog-api-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UpstreamRequest } from '../../src/dev/upstream-log.ts';
import { callMessage, legacyClient, modernClient, post } from './clients.ts';
import { type Connected, DevProcess, Laptop } from './harness.ts';
import { brief, gatewayEntries, gatewaySession, recordedText } from './records.ts';

let dev: DevProcess;
const maya = new Laptop();
const jonas = new Laptop();
let connected: Connected;
let ofJonas: Connected;
let gatewayDb: string;
let mcp: Connected['sessions'][number];
let intake: Connected['sessions'][number];

beforeAll(async () => {
  dev = await DevProcess.start();
  gatewayDb = join(dirname(dev.config), 'gateway.db');
  await maya.login(dev.gateway, 'maya.okafor');
  await jonas.login(dev.gateway, 'jonas.weber');
  connected = await maya.connect('datadog', 'datadog-intake', '--reason', 'a late order of jane.roe@example.com');
  ofJonas = await jonas.connect('datadog', 'datadog-intake');
  mcp = connected.session('datadog');
  intake = connected.session('datadog-intake');
});
afterAll(async () => {
  await connected[Symbol.asyncDispose]();
  await ofJonas[Symbol.asyncDispose]();
  await dev[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
  jonas[Symbol.dispose]();
});

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

async function last(): Promise<UpstreamRequest> {
  const request = (await dev.received()).at(-1);
  if (request === undefined) throw new Error('nothing reached the sandbox');
  return request;
}

test('SDK v1 works in a session of the legacy era, with a stream of its own and progress', async () => {
  await dev.forget();
  await using client = await legacyClient(mcp.endpoint);
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['search_datadog_logs', 'mute_datadog_monitor', 'delete_datadog_monitor']));
  const found = await client.callTool({ name: 'search_datadog_logs', arguments: { query: 'service:checkout' } });
  expect(found.isError).toBeFalsy();
  let progress = 0;
  await client.callTool({ name: 'analyze_datadog_logs', arguments: { query: 'service:checkout' } }, undefined, { onprogress: () => progress++ });
  expect(progress).toBeGreaterThan(1);
  await expect.poll(async () => (await dev.received()).filter(({ verb }) => verb === 'GET').length).toBe(1);
  const sessions = new Set((await dev.received()).slice(1).map(({ headers }) => headers['mcp-session-id']));
  expect([...sessions]).toEqual([expect.any(String)]);
});

test('SDK v2 works in the modern era', async () => {
  await using client = await modernClient(mcp.endpoint);
  expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
  expect((await client.listTools()).tools.length).toBeGreaterThan(5);
  const found = await client.callTool({ name: 'get_datadog_incident', arguments: { incident_id: 'IR-4103' } });
  expect(found.isError).toBeFalsy();
  // The client gets what the upstream said; only the record is masked.
  expect(JSON.stringify(found)).toContain('4111111111111111');
});

test('a group sees its own tools only; another one is unknown to it and reaches nobody', async () => {
  await using client = await legacyClient(ofJonas.session('datadog').endpoint);
  const names = (await client.listTools()).tools.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(5);
  expect(names.filter((name) => !/^(search|get|analyze)_/.test(name))).toEqual([]);
  await expect(client.callTool({ name: 'mute_datadog_monitor', arguments: { monitor_id: 1 } })).rejects.toMatchObject({
    code: -32602,
    message: expect.stringContaining('Unknown tool: mute_datadog_monitor'),
  });
  expect(await dev.callsOf('mute_datadog_monitor')).toBe(0);
});

test('a tool that a rule denies is refused by name, and reaches nobody', async () => {
  await using legacy = await legacyClient(mcp.endpoint);
  await using modern = await modernClient(mcp.endpoint);
  for (const client of [legacy, modern]) {
    const denied = await client.callTool({ name: 'delete_datadog_monitor', arguments: { monitor_id: 1 } });
    expect(denied).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/^Denied by rule "no-delete": Nothing is deleted through an agent/) }],
    });
  }
  expect(await dev.callsOf('delete_datadog_monitor')).toBe(0);
});

test('Datadog’s own client sends metrics, logs and events; one bad name refuses a batch', async () => {
  await dev.forget();
  const configuration = datadog.createConfiguration({ serverIndex: 1, authMethods: { apiKeyAuth: intake.localToken } });
  const server = { protocol: 'http', name: new URL(intake.endpoint).host };
  configuration.setServerVariables(server);
  for (const servers of Object.values(configuration.operationServers)) for (const each of servers) each.setVariables(server);
  const at = Math.floor(Date.now() / 1000);
  const series = { series: [{ metric: 'checkout.orders', type: 1 as const, points: [{ timestamp: at, value: 3 }], tags: ['buyer:jane.roe@example.com'] }] };
  expect((await new v2.MetricsApi(configuration).submitMetrics({ body: series, contentEncoding: 'deflate' })).errors).toEqual([]);
  await new v2.LogsApi(configuration).submitLog({ body: [{ message: 'paid with 4111 1111 1111 1111', service: 'checkout' }], contentEncoding: 'gzip' });
  await new v1.EventsApi(configuration).createEvent({ body: { title: 'Deployed', text: 'by jane.roe@example.com' } });
  const received = await dev.received();
  expect(received.map(({ verb, path, status }) => [verb, path, status])).toEqual([
    ['POST', '/api/v2/series', 202],
    ['POST', '/api/v2/logs', 202],
    ['POST', '/api/v1/events', 202],
  ]);
  expect(received.map(({ credentials }) => credentials)).toEqual([['dd-api-key'], ['dd-api-key'], ['dd-api-key']]);

  const narrow = ofJonas.session('datadog-intake');
  const batch = { series: ['checkout.orders', 'payments.queue.depth'].map((metric) => ({ metric, type: 3, points: [{ timestamp: at, value: 1 }] })) };
  const refused = await post(`${narrow.endpoint}/api/v2/series`, batch, { 'dd-api-key': narrow.localToken });
  expect([refused.status, refused.text]).toEqual([403, expect.stringMatching(/^\{"errors":\["denied by rule .*payments\.queue\.depth/)]);
  expect(await dev.received()).toHaveLength(3);
});

test('R1: the upstream sees its own credential and query, and nothing that is the client’s or ours', async () => {
  await dev.forget();
  const { status } = await post(`${mcp.endpoint}?toolsets=all&omit_tools=search_datadog_logs&keep=1`, callMessage(7, 'search_datadog_logs', { query: '*' }), {
    authorization: `Bearer ${mcp.localToken}`,
    cookie: 'session=mine',
    'dd-api-key': 'mine',
    dd_application_key: 'mine',
    'x-datadog-mcp-toolsets': 'all',
    'mcprec-session': 'ses_forged',
    'x-of-the-client': 'kept',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'search_datadog_logs',
  });
  expect(status).toBeLessThan(500);
  const { path, credentials, headers } = await last();
  expect(path).toBe('/v1/mcp?keep=1&toolsets=core');
  expect([...credentials].sort()).toEqual(['dd_api_key', 'dd_application_key']);
  expect(headers.host).toBe(new URL(dev.sandbox).host);
  expect(headers['x-of-the-client']).toBe('kept');
  expect(Object.keys(headers).filter((name) => /^mcprec-|^x-datadog|^signature|^dpop|^via|^forwarded|^x-forwarded/.test(name))).toEqual([]);
});

test('R2: another person’s MCP session is unknown, to the protocol and on the record', async () => {
  const opened = await post(mcp.endpoint, initialize);
  const mcpSessionId = opened.headers.get('mcp-session-id') ?? '';
  expect(mcpSessionId).not.toBe('');
  await dev.forget();
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
  const own = await post(mcp.endpoint, ping, { 'mcp-session-id': mcpSessionId });
  expect(own.status).toBe(200);
  const foreign = await post(ofJonas.session('datadog').endpoint, ping, { 'mcp-session-id': mcpSessionId });
  expect([foreign.status, JSON.parse(foreign.text)]).toEqual([404, { jsonrpc: '2.0', id: 1, error: { code: -32001, message: 'Session not found' } }]);
  expect(await dev.received()).toHaveLength(1);
  const { sessionId } = ofJonas.session('datadog');
  expect((await gatewayEntries(gatewayDb, sessionId)).map(brief).at(-1)).toMatch(/^decision up .*404 failed deny:foreign-session refused: /);
  expect(maya.entries(mcp.sessionId).every(({ leaf }) => leaf.decision?.rule !== 'foreign-session')).toBe(true);
});

test('a clean end syncs everything; both sides hold the calls, masked, and verify', async () => {
  const ended = await connected.process.stop('SIGTERM');
  expect(ended).toEqual({ code: 0, signal: null });
  const closed = await connected.process.event<{ unsynced: number }>('closed');
  expect(closed).toMatchObject({ unsynced: 0, sessions: [{ sessionId: mcp.sessionId, denied: 2 }, { sessionId: intake.sessionId }] });
  expect(await maya.json('sync', '--status')).toEqual({ entries: 0, sessions: 0, seconds: 0 });
  expect(await maya.json('verify')).toMatchObject({ verified: true, findings: [] });

  for (const { sessionId } of [mcp, intake]) {
    const own = maya.entries(sessionId);
    expect((await gatewayEntries(gatewayDb, sessionId, 'forwarder')).map(({ leafBytes }) => Buffer.from(leafBytes).toString('hex'))).toEqual(
      own.map(({ leafBytes }) => Buffer.from(leafBytes).toString('hex')),
    );
    expect(await gatewaySession(gatewayDb, sessionId)).toMatchObject({ state: 'closed' });
    const text = recordedText(own) + recordedText(await gatewayEntries(gatewayDb, sessionId));
    for (const secret of ['jane.roe@example.com', '4111111111111111', '4111 1111 1111 1111', mcp.localToken, intake.localToken])
      expect(text).not.toContain(secret);
    expect(text).toContain(sessionId === mcp.sessionId ? 'Double charges on checkout' : 'checkout.orders');
  }
  const calls = (entries: ReturnType<Laptop['entries']>) =>
    entries.map(brief).filter((line) => line.startsWith('message up') && line.includes('get_datadog_incident'));
  expect(calls(maya.entries(mcp.sessionId))).toHaveLength(1);
  expect(calls(await gatewayEntries(gatewayDb, mcp.sessionId))).toHaveLength(1);
  for (const file of [maya.journal, `${maya.journal}-wal`, gatewayDb, `${gatewayDb}-wal`].filter(existing)) {
    expect(readFileSync(file).includes('jane.roe@example.com')).toBe(false);
  }
});

test('sessions list and show read it back', async () => {
  const { sessions } = await maya.json<{ sessions: { sessionId: string; state: string }[] }>('sessions', 'list');
  expect(sessions.map(({ sessionId, state }) => [sessionId, state]).sort()).toEqual(
    [
      [mcp.sessionId, 'closed'],
      [intake.sessionId, 'closed'],
    ].sort(),
  );
  const shown = await maya.json<{ session: { denied: number; reason: string }; log: { verified: boolean }; exchanges: { exchange: string; tool?: string }[] }>(
    'sessions',
    'show',
    mcp.sessionId.slice(0, 18),
  );
  expect(shown).toMatchObject({ session: { denied: 2 }, log: { verified: true } });
  expect(shown.session.reason).toMatch(/^a late order of (?!jane)/);
});

function existing(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

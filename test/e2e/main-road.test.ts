// The main job on real parts: mcprec dev, a login, one connect with an MCP connection and the intake, clients of both SDKs and Datadog's own.
import { dirname, join } from 'node:path';
import { client as datadog, v1, v2 } from '@datadog/datadog-api-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brief, callMessage, type Connected, DevProcess, gatewayEntries, Laptop, legacyClient, modernClient, post } from './harness.ts';

let dev: DevProcess;
const maya = new Laptop();
let connected: Connected;
let gatewayDb: string;
beforeAll(async () => {
  dev = await DevProcess.start();
  gatewayDb = join(dirname(dev.config), 'gateway.db');
  await maya.login(dev.gateway, 'maya.okafor');
  connected = await maya.connect('datadog', 'datadog-intake', '--reason', 'a late order of jane.roe@example.com');
});
afterAll(async () => {
  await connected[Symbol.asyncDispose]();
  await dev[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
});

const briefs = (entries: Parameters<typeof brief>[0][]) => entries.map(brief);

test('SDK v1 works in a session of the legacy era, with a stream of its own and progress', async () => {
  await dev.forget();
  await using client = await legacyClient(connected.session('datadog').endpoint);
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['search_datadog_logs', 'delete_datadog_monitor']));
  const found = await client.callTool({ name: 'search_datadog_logs', arguments: { query: 'service:checkout' } });
  expect(found.isError).toBeFalsy();
  let progress = 0;
  await client.callTool({ name: 'analyze_datadog_logs', arguments: { query: 'service:checkout' } }, undefined, { onprogress: () => progress++ });
  expect(progress).toBeGreaterThan(1);
  await expect.poll(async () => (await dev.received()).filter(({ verb }) => verb === 'GET').length).toBe(1);
  const sessions = new Set((await dev.received()).slice(1).map(({ headers }) => headers['mcp-session-id']));
  expect(sessions.size).toBe(1);
});

test('SDK v2 works in the modern era', async () => {
  await using client = await modernClient(connected.session('datadog').endpoint);
  expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
  const { tools } = await client.listTools();
  expect(tools.length).toBeGreaterThan(5);
  const found = await client.callTool({ name: 'search_datadog_incidents', arguments: { query: '' } });
  expect(found.isError).toBeFalsy();
});

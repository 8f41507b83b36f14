// A policy that changes under real processes: by the file itself and by SIGHUP, with a session open all the while.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { policyHash } from '../../src/policy/hash.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { callMessage, post } from './clients.ts';
import { type Connected, Laptop } from './harness.ts';
import { World } from './world.ts';

const NO_READING = '  - { id: no-reading, deny: true, tools: ["search_datadog_services"], message: "Not today." }\n';
const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'search_datadog_services' };
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

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

/** Writes the file anew, and waits until the gateway says that it is in force. */
async function write(yaml: string, signal?: 'SIGHUP'): Promise<void> {
  const { config } = parseConfig(yaml, { file: world.config });
  writeFileSync(world.config, yaml);
  if (signal !== undefined) world.gateway.child.kill(signal);
  await world.gateway.says(`"policy":"${Buffer.from(policyHash(config)).toString('hex')}"`);
}

let id = 0;
async function search({ endpoint }: { readonly endpoint: string }): Promise<string> {
  const message = { ...callMessage(++id, 'search_datadog_services'), params: { name: 'search_datadog_services', arguments: {}, _meta: meta } };
  return (await post(endpoint, message, modern)).text;
}

test('a rule holds as soon as the gateway has it, is lifted as soon, and a bad file changes nothing', async () => {
  const open = readFileSync(world.config, 'utf8');
  const closed = open.replace(/^rules:\n/m, `rules:\n${NO_READING}`);
  expect(closed).not.toBe(open);
  await using connected: Connected = await maya.connect('datadog');
  const session = connected.session();
  expect(await search(session)).toContain('checkout');

  await write(closed, 'SIGHUP');
  expect(await search(session)).toContain('Denied by rule \\"no-reading\\": Not today.');

  // Found without a signal; the forwarder, which denies by itself by now, asks before it does.
  await write(open);
  expect(await search(session)).toContain('checkout');

  writeFileSync(world.config, 'connections: {');
  await world.gateway.says('the old one stays in force');
  expect(await search(session)).toContain('checkout');
  expect(world.gateway.stderr).not.toContain('"level":60');
  expect(connected.session().sessionId).toBe(session.sessionId);
});

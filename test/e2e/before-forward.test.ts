// `witness: before-forward` from the laptop's side: a call leaves only with the gateway's receipt for its entry in the journal.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callMessage, post } from './clients.ts';
import { Laptop } from './harness.ts';
import { World } from './world.ts';

const TOOL = 'search_datadog_logs';
let world: World;
const maya = new Laptop();

beforeAll(async () => {
  world = await World.start({}, (yaml) => yaml.replace('kind: mcp\n', 'kind: mcp\n    witness: before-forward\n'));
  await maya.login(world.url, 'maya.okafor');
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
});

test('a call is not forwarded while the gateway’s receipts do not hold, and is again when they do', async () => {
  await using connected = await maya.connect('datadog');
  const call = async () => (await post(connected.endpoint, callMessage(7, TOOL, { query: 'service:checkout' }))).text;
  expect(await call()).not.toMatch(/"isError":true|not co-signed/);
  expect(world.callsOf(TOOL)).toBe(1);
  // Somebody on the way spoils the tree's head in each receipt.
  world.relay.rewrite = (chunk) => chunk.replace(/"treeNote":"./, '"treeNote":"X');
  const refused = await call();
  expect(refused).toMatch(/"isError":true/);
  expect(refused).toMatch(/was not co-signed.*the receipt does not hold.*not executed/);
  expect(world.callsOf(TOOL)).toBe(1);
  world.relay.rewrite = (chunk) => chunk;
  expect(await call()).not.toMatch(/"isError":true/);
  expect(world.callsOf(TOOL)).toBe(2);
});

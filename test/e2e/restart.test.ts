// A gateway that is killed with a call in flight and started again: the client learns what became of its call and goes on as it was.
import { afterEach, expect, test } from 'vitest';
import { Closers } from '../../src/base/closers.ts';
import { TOOLS } from './bad-bodies.ts';
import { post } from './clients.ts';
import { Laptop } from './harness.ts';
import { KeepingUpstream } from './roads.ts';
import { World } from './world.ts';

let closers = new Closers();
afterEach(async () => {
  const opened = closers;
  closers = new Closers();
  await opened[Symbol.asyncDispose]();
});

const call = (id: number, region = 'eu') => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'put', arguments: { region } } });

test('the session, its handles and what is known of its tools hold; ids of lost calls are free again', async () => {
  const upstream = closers.use(await KeepingUpstream.open());
  const world = closers.use(
    await World.start({}, (yaml) => yaml.replace('\naccess:', `\n  raw: { kind: mcp, upstream: "${upstream.url}", record: full }\n\naccess:`)),
  );
  const maya = closers.use(new Laptop());
  await maya.login(world.url, 'maya.okafor');
  const { endpoint } = closers.use(await maya.connect('raw'));
  await post(endpoint, { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} });
  const known = { 'mcp-session-id': 'the-session' };
  expect((await post(endpoint, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, known)).text).toBe(TOOLS);

  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.wait = promise;
  const lost = post(endpoint, call(5), known);
  await expect.poll(() => upstream.heard.length).toBe(3);
  expect((await post(endpoint, call(5), known)).text).toContain('-32600');
  await world.gateway.stop('SIGKILL');
  expect((await lost).text).toMatch(/"id":5,"error":\{"code":5020,.*it may have been executed/);
  resolve();
  await world.startGateway();

  const again = await post(endpoint, call(5), { ...known, 'mcp-param-region': 'eu' });
  expect([again.status, upstream.heard.length]).toEqual([200, 4]);
  const differs = await post(endpoint, call(6), { ...known, 'mcp-param-region': 'us' });
  expect([differs.status, JSON.parse(differs.text).error.code, upstream.heard.length]).toEqual([400, -32020, 4]);
  expect((await post(endpoint, call(7), { 'mcp-session-id': 'another' })).status).toBe(404);
});

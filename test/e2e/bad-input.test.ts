// Bad input: the protocol's own error, an entry in the journal, and nothing of it at the upstream. On each way, with the same table.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { badRequests, call } from './bad-bodies.ts';
import { type Road, roads } from './roads.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe.each(Object.keys(roads))('%s', (name) => {
  let road: Road;
  beforeAll(async () => {
    const open = roads[name];
    if (open === undefined) throw new Error(`no road ${name}`);
    road = await open();
    const { status } = await road.post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}', JSON_TYPE);
    expect(status).toBe(200);
  });
  afterAll(() => road[Symbol.asyncDispose]());

  test.each(badRequests)('$name', async ({ headers, body, status, code }) => {
    const before = road.upstream.heard.length;
    const answer = await road.post(body, headers);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([status, { jsonrpc: '2.0', error: { code } }]);
    expect((await road.recorded()).at(-1)).toMatch(new RegExp(`^decision up .*${status} failed deny:protocol refused: `));
    expect(road.upstream.heard.length).toBe(before);
  });

  test.each([
    ['as they are', { 'mcp-param-region': 'eu', 'mcp-param-count': '42', 'mcp-param-dry': 'false' }],
    ['in base64', { 'mcp-param-region': '=?base64?ZXU=?=' }],
    ['that no list of tools speaks of', { 'mcp-param-unheard-of': 'x' }],
    ['where only some are repeated', { 'mcp-param-count': '42' }],
  ])('arguments that headers repeat pass %s', async (_how, headers) => {
    const body = call('{"region":"eu","count":42,"dry":false}');
    expect((await road.post(body, { ...JSON_TYPE, ...headers })).status).toBe(200);
    expect(road.upstream.heard.at(-1)).toMatchObject({ body, headers });
  });

  test('an id that is in flight in the same MCP session is refused; in another session, or answered, it is not', async () => {
    const before = road.upstream.heard.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    road.upstream.wait = promise;
    const inSession = { ...JSON_TYPE, 'mcp-session-id': 'the-session' };
    const first = road.post(call(), inSession);
    await expect.poll(() => road.upstream.heard.length).toBe(before + 1);
    const again = await road.post(call().replace('"id":1', '"id":1.0'), inSession);
    expect([again.status, JSON.parse(again.text)]).toMatchObject([400, { id: 1, error: { code: -32600 } }]);
    expect((await road.recorded()).at(-1)).toMatch(/^decision up .*400 failed deny:protocol refused: a request with this id is in flight/);
    const elsewhere = road.post(call(), JSON_TYPE);
    await expect.poll(() => road.upstream.heard.length).toBe(before + 2);
    resolve();
    expect([(await first).status, (await elsewhere).status]).toEqual([200, 200]);
    expect((await road.post(call(), inSession)).status).toBe(200);
  });
});

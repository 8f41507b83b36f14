import { expect, it } from 'vitest';
import { upstreamEdge } from '../../src/gateway/upstream-edge.ts';
import { parseConfig } from '../../src/policy/parse.ts';

const { config } = parseConfig(
  `
listen: 127.0.0.1:0
data: sqlite:/tmp/none.db
keys: file:/tmp/none.json
identity: { issuer: https://login.example.com, audience: mcprec }
connections:
  datadog: { kind: mcp, upstream: "https://mcp.example.com/v1/mcp", record: full, upstream_query: { site: eu } }
access: []
`,
  { file: 'gateway.yaml' },
);

it.each([
  ['', ''],
  ['?a=1&b', 'a=1&b&'],
  ['?toolsets=all&a=1', 'a=1&'],
  ['?a=1;toolsets=all', ''],
  ['?Tool%73ets=all&site=us&API_KEY=k', ''],
  ['?a=1;b=2', 'a=1;b=2&'],
])('of the query %j the upstream gets what widens nothing', (query, kept) => {
  const connection = config.connections.datadog;
  if (connection === undefined) throw new Error('no such connection');
  const { path } = upstreamEdge(connection, []).dress({
    exchange: 'exc_0',
    parent: undefined,
    verb: 'POST',
    target: `/mcp${query}`,
    headers: [],
    identityCoding: false,
    body: undefined,
  });
  expect(path).toBe(`/v1/mcp?${kept}site=eu`);
});

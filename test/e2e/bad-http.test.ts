// Requests by the byte that try to mean another thing to the upstream than to policy: none of them reaches it, all others do as they are.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSocket } from '../support/raw-http.ts';
import { type Connected, Laptop } from './harness.ts';
import { World } from './world.ts';

const heard: string[] = [];
let upstream: Server;
let world: World;
let connected: Connected;
const maya = new Laptop();

beforeAll(async () => {
  upstream = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    heard.push(`${request.method} ${request.url} ${body.length} ${JSON.stringify(request.rawHeaders)}`);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":1,"result":{}}');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const connections = `  web: { kind: http, upstream: "${url}/base", paths: ["/open/**", "/only/this"], credential: { headers: { x-secret: "file:dd_api_key" } }, record: full }
  raw: { kind: mcp, upstream: "${url}/mcp", record: full }
  sent: { kind: datadog-intake, upstream: "${url}", record: full }
`;
  world = await World.start({}, (yaml) => yaml.replace('\naccess:', `\n${connections}\naccess:`));
  await maya.login(world.url, 'maya.okafor');
  connected = await maya.connect('web', 'raw', 'sent');
});
afterAll(async () => {
  await connected?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
  upstream.closeAllConnections();
  await new Promise<void>((resolve) => upstream.close(() => resolve()));
});

type Kind = 'web' | 'raw' | 'sent';

/** Sends bytes whose head says `TOKEN` where the local token belongs; the status of the answer and what reached the upstream meanwhile. */
async function send(
  kind: Kind,
  head: readonly string[],
  body: string | Buffer = '',
  headers: readonly string[] = [],
): Promise<{ status: number; reached: readonly string[] }> {
  const { endpoint, localToken } = connected.session(kind);
  const port = Number(new URL(endpoint).port);
  heard.length = 0;
  using client = await openSocket(port);
  const host = [...head, ...headers].some((line) => /^host:/i.test(line)) || head[0]?.endsWith('HTTP/1.0') ? [] : [`Host: 127.0.0.1:${port}`];
  const lines = [...head, ...host, ...headers, 'Connection: close'].map((line) => line.replaceAll('TOKEN', localToken).replaceAll('PORT', String(port)));
  client.write(`${lines.join('\r\n')}\r\n\r\n`);
  client.write(typeof body === 'string' ? Buffer.from(body) : body);
  const text = await client.ended();
  return { status: Number(/^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), reached: [...heard] };
}

describe('HTTP connections', () => {
  test.each([
    ['/open/a', 'GET /base/open/a'],
    ['/open/a/', 'GET /base/open/a/'],
    ['/open/caf%C3%A9?x=%2e%2e/..', 'GET /base/open/caf%C3%A9?x=%2e%2e/..'],
    ['/only/this?a=1&a=2', 'GET /base/only/this?a=1&a=2'],
  ])('%s passes as %s', async (path, reached) => {
    const answer = await send('web', [`GET /TOKEN${path} HTTP/1.1`]);
    expect([answer.status, answer.reached.map((line) => line.split(' ').slice(0, 2).join(' '))]).toEqual([200, [reached]]);
  });

  test.each([
    '/open/../only/that',
    '/open/%2e%2e/x',
    '/open/.%2e/x',
    '/open/a%2fb',
    '/open/a%5cb',
    '/open//a',
    '//open/a',
    '/open/%252e%252e/x',
    '/open/a;b=1',
    '/open/a%3bb',
    '/open/%00',
    '/open/%zz',
    '/OPEN/a',
    '/only/this/',
    '/only/This',
    '/only/thi%73%20',
    '/only/this%20',
    '/open/a\\b',
    '/open/a#b',
    '',
  ])('%s does not', async (path) => {
    const answer = await send('web', [`GET /TOKEN${path} HTTP/1.1`]);
    expect([[400, 403, 404].includes(answer.status) || answer.status, answer.reached]).toEqual([true, []]);
  });

  test.each<[string, readonly string[], number]>([
    ['TRACE, whose answer repeats the credential', ['TRACE /TOKEN/open/a HTTP/1.1'], 405],
    ['CONNECT', ['CONNECT 127.0.0.1:1 HTTP/1.1'], 0],
    ['a method that is none', ['GE(T /TOKEN/open/a HTTP/1.1'], 400],
    ['the address in full', ['GET http://127.0.0.1:PORT/TOKEN/open/a HTTP/1.1'], 401],
    ['another Host', ['GET /TOKEN/open/a HTTP/1.1', 'Host: evil.example:PORT'], 403],
    ['Host twice', ['GET /TOKEN/open/a HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Host: evil.example'], 403],
    ['no Host', ['GET /TOKEN/open/a HTTP/1.0'], 403],
    ['the Origin of another site', ['GET /TOKEN/open/a HTTP/1.1', 'Origin: http://evil.example'], 403],
    ['another method in a header', ['GET /TOKEN/open/a HTTP/1.1', 'X-HTTP-Method-Override: DELETE'], 400],
    ['another path in a header', ['GET /TOKEN/open/a HTTP/1.1', 'X-Original-URL: /only/that'], 400],
    ['a header folded', ['GET /TOKEN/open/a HTTP/1.1', 'X-A: 1', ' X-B: 2'], 400],
    ['a length and chunks', ['POST /TOKEN/open/a HTTP/1.1', 'Content-Length: 3', 'Transfer-Encoding: chunked'], 400],
    ['two lengths', ['POST /TOKEN/open/a HTTP/1.1', 'Content-Length: 3', 'Content-Length: 4'], 400],
    ['chunks and something else', ['POST /TOKEN/open/a HTTP/1.1', 'Transfer-Encoding: chunked, identity'], 400],
  ])('%s is refused', async (_what, head, status) => {
    const answer = await send('web', head, head[0]?.startsWith('POST') ? 'abc' : '');
    expect([answer.status, answer.reached]).toEqual([status, []]);
  });

  test('an upgrade is a plain request, and HTTP/1.0 with a Host is served', async () => {
    const upgraded = await send('web', ['GET /TOKEN/open/a HTTP/1.1', 'Upgrade: websocket', 'Sec-WebSocket-Key: x']);
    expect([upgraded.status, upgraded.reached.length, /"upgrade"/i.test(upgraded.reached.join())]).toEqual([200, 1, false]);
    const old = await send('web', ['GET /TOKEN/open/a HTTP/1.0', 'Host: 127.0.0.1:PORT']);
    expect([old.status, old.reached.length]).toEqual([200, 1]);
    for (const verb of ['HEAD', 'OPTIONS', 'PATCH'])
      expect(await send('web', [`${verb} /TOKEN/open/a HTTP/1.1`])).toMatchObject({ status: 200, reached: [expect.stringContaining(verb)] });
  });

  test('two requests in one go are answered in their order', async () => {
    const { endpoint, localToken } = connected.session('web');
    const port = Number(new URL(endpoint).port);
    using client = await openSocket(port);
    const one = (n: number, last = '') => `GET /${localToken}/open/${n} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${last}\r\n`;
    heard.length = 0;
    client.write(one(1) + one(2, 'Connection: close\r\n'));
    expect((await client.ended()).match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(heard.map((line) => line.split(' ')[1]).toSorted()).toEqual(['/base/open/1', '/base/open/2']);
  });
});

describe('MCP connections', () => {
  const json = ['Content-Type: application/json'];
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const post = (body: string | Buffer, headers: readonly string[] = json) =>
    send('raw', ['POST /TOKEN/mcp HTTP/1.1'], body, [...headers, `Content-Length: ${Buffer.byteLength(body)}`]);

  test.each<[string, string | Buffer, readonly string[], number]>([
    ['a key by escapes, twice', '{"jsonrpc":"2.0","id":1,"method":"ping","\\u006dethod":"tools/call","params":{"name":"x"}}', json, 400],
    ['a key by escapes, in another case', '{"jsonrpc":"2.0","id":1,"method":"ping","\\u004dethod":"tools/call"}', json, 400],
    ['a key with a dotless i', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"},"\\u0131d":2}', json, 400],
    ['nesting without end', `{"jsonrpc":"2.0","id":1,"method":"ping","params":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`, json, 400],
    ['a NUL behind the end', `${ping}\0`, json, 400],
    ['two messages', `${ping}\n${ping}`, json, 400],
    ['a comment', `/* */${ping}`, json, 400],
    ['Content-Type twice, one of them another', ping, ['Content-Type: application/json', 'Content-Type: text/plain'], 415],
    ['gzip three times', gzipSync(gzipSync(gzipSync(ping))), [...json, 'Content-Encoding: gzip, gzip, gzip'], 415],
    ['Content-Encoding twice, of one', gzipSync(ping), [...json, 'Content-Encoding: gzip', 'Content-Encoding: gzip'], 400],
    ['chunks of a coding that is none', ping, [...json, 'Transfer-Encoding: gzip'], 400],
  ])('%s is refused', async (_what, body, headers, status) => {
    const answer = await post(body, headers);
    expect([answer.status, answer.reached]).toEqual([status, []]);
  });

  test.each<[string, readonly string[], string]>([
    ['GET with a body', ['GET /TOKEN/mcp HTTP/1.1', 'Content-Length: 3'], 'abc'],
    ['DELETE with a body', ['DELETE /TOKEN/mcp HTTP/1.1', 'Content-Length: 3'], 'abc'],
    ['PUT', ['PUT /TOKEN/mcp HTTP/1.1'], ''],
    ['TRACE', ['TRACE /TOKEN/mcp HTTP/1.1'], ''],
    ['a path behind the endpoint', ['POST /TOKEN/mcp/x HTTP/1.1'], ''],
    ['a path beside the endpoint', ['POST /TOKEN/mcp%2f.. HTTP/1.1'], ''],
    ['a path before the endpoint', ['POST /TOKEN/x/../mcp HTTP/1.1'], ''],
    ['the endpoint in another case', ['POST /TOKEN/MCP HTTP/1.1'], ''],
  ])('%s is refused', async (_what, head, body) => {
    const answer = await send('raw', head, body);
    expect([[400, 404, 405].includes(answer.status) || answer.status, answer.reached]).toEqual([true, []]);
  });

  test.each<[string, string]>([
    ['a string of ten million', `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"pad":"${'x'.repeat(10_000_000)}"}}`],
    ['a byte order mark', `\ufeff${ping}`],
    ['half a surrogate pair', '{"jsonrpc":"2.0","id":"\\ud800","method":"tools/call","params":{"name":"\\udc00","arguments":{"a\\ud801":"\\ud802"}}}'],
    [
      'a batch of all kinds',
      `[${ping},{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":7,"result":{}},{"jsonrpc":"2.0","id":"1","method":"ping"}]`,
    ],
    [
      '__proto__ and constructor',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"__proto__":{"a":1},"constructor":{"prototype":1}}}}',
    ],
  ])('%s passes as it is', async (_what, body) => {
    const answer = await post(body);
    expect([answer.status, answer.reached]).toEqual([200, [expect.stringContaining(`POST /mcp ${Buffer.byteLength(body)} `)]]);
  });

  test('a batch with an id twice, and one where a notice stands beside a call with a doubled key, are refused whole', async () => {
    for (const body of [
      `[${ping},{"jsonrpc":"2.0","method":"n/x"},${ping}]`,
      `[{"jsonrpc":"2.0","method":"n/x"},{"jsonrpc":"2.0","id":1,"method":"ping","method":"x"}]`,
    ])
      expect(await post(body)).toEqual({ status: 400, reached: [] });
  });
});

describe('the intake', () => {
  const series = (version: 1 | 2) =>
    version === 1
      ? '{"series":[{"metric":"checkout.a","points":[[1763800000,1]]}]}'
      : '{"series":[{"metric":"checkout.a","type":3,"points":[{"timestamp":1763800000,"value":1}]}]}';
  const post = (path: string, body: string | Buffer, headers: readonly string[]) =>
    send('sent', [`POST ${path} HTTP/1.1`], body, ['DD-API-KEY: TOKEN', `Content-Length: ${Buffer.byteLength(body)}`, ...headers]);

  test.each<[string, string, string | Buffer, readonly string[], number]>([
    ['v1, as text', '/api/v1/series', series(1), ['Content-Type: text/json'], 200],
    ['v1, without a type', '/api/v1/series', series(1), [], 200],
    ['v2, twice gzip', '/api/v2/series', gzipSync(gzipSync(series(2))), ['Content-Type: application/json', 'Content-Encoding: gzip, gzip'], 200],
    ['v2, asked first', '/api/v2/series', series(2), ['Content-Type: application/json', 'Expect: 100-continue'], 200],
    ['protobuf', '/api/v2/series', Buffer.from([10, 1, 97]), ['Content-Type: application/x-protobuf'], 415],
    ['two types', '/api/v2/logs', '[{"message":"x"}]', ['Content-Type: text/plain', 'Content-Type: application/json'], 415],
    ['a path that ends otherwise', '/api/v2/series/', series(2), ['Content-Type: application/json'], 404],
    ['a path in another case', '/api/V2/series', series(2), ['Content-Type: application/json'], 404],
    ['a path with dots', '/api/v1/../v2/series', series(2), ['Content-Type: application/json'], 404],
    ['no body', '/api/v2/series', '', ['Content-Type: application/json'], 400],
    ['a coding that is none', '/api/v2/series', series(2), ['Content-Type: application/json', 'Content-Encoding: lz4'], 415],
  ])('%s', async (_what, path, body, headers, status) => {
    const answer = await post(path, body, headers);
    expect([answer.status, answer.reached.length]).toEqual([status, status === 200 ? 1 : 0]);
  });
});

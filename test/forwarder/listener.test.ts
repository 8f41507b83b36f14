// The local listener (R6): who is let in, and what of that leaves again.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { SoloForwarder } from '../support/forwarder.ts';
import { openSocket, RawServer, type RawSocket, requestText } from '../support/raw-http.ts';
import { bodyOf, CALL, chunk, head, JSON_HEADERS, RESULT } from '../support/talk.ts';

let upstream: RawServer;
let solo: SoloForwarder;

beforeEach(async () => {
  heard = '';
  upstream = await RawServer.open((socket) => void answer(socket));
  solo = await SoloForwarder.open(`${upstream.url}/mcp?team=a%20b`);
});
afterEach(async () => {
  await solo[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

/** What reached the upstream last. */
let heard = '';

function isWhole(text: string): boolean {
  return text.includes('\r\n\r\n') && bodyOf(text).length >= Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
}

async function answer(socket: RawSocket): Promise<void> {
  while (!socket.socket.destroyed) {
    const text = await socket.holds((got) => isWhole(got)).catch(() => undefined);
    if (text === undefined) return;
    heard = text;
    socket.forget();
    socket.write(head('200 OK', 'Content-Type: application/json', `Content-Length: ${RESULT.length}`) + RESULT);
  }
}

async function ask(text: string): Promise<string> {
  using client = await openSocket(solo.port);
  client.write(text);
  return await client.holds(isWhole);
}

function post(path: string, ...headers: string[]): string {
  return requestText('POST', path, { port: solo.port, headers: [...JSON_HEADERS, ...headers], body: CALL });
}

describe('who is let in', () => {
  test('who has the token in the path; it goes no further', async () => {
    expect(await ask(post(`/${solo.token}/mcp?x=1`, `Referer: ${solo.endpoint}`))).toContain('200 OK');
    expect(heard).toMatch(/^POST \/mcp\?team=a%20b&x=1 /);
    expect(heard).not.toContain(solo.token);
  });

  test.each(['Authorization: Bearer TOKEN', 'authorization: bearer TOKEN', 'DD-API-KEY: TOKEN', 'dd_api_key: TOKEN'])('who has it as %s', async (header) => {
    expect(await ask(post('/mcp', header.replace('TOKEN', solo.token)))).toContain('200 OK');
    expect(heard).not.toContain(solo.token);
    expect(heard).not.toMatch(/^(authorization|dd.api.key):/im);
  });

  test('the credential that is the client’s own goes along', async () => {
    await ask(post(`/${solo.token}/mcp`, 'Authorization: Bearer upstream-credential', 'DD-API-KEY: k'));
    expect(heard).toContain('Authorization: Bearer upstream-credential\r\nDD-API-KEY: k\r\n');
  });

  test.each([
    ['nobody without it', () => post('/mcp')],
    ['nobody with another', () => post(`/${solo.token.slice(0, -1)}x/mcp`)],
    ['nobody with a part of it', () => post(`/${solo.token.slice(0, 5)}/mcp`, 'Authorization: Bearer ')],
    ['nobody with it in the query', () => post(`/mcp?token=${solo.token}`)],
  ])('%s', async (_what, text) => {
    expect(await ask(text())).toContain('401 Unauthorized');
    expect(heard).toBe('');
  });

  test('no page that rebinds its name, and no page of another site', async () => {
    const as = (host: string, ...headers: string[]) => post(`/${solo.token}/mcp`, ...headers).replace(/Host: [^\r]*/, `Host: ${host}`);
    for (const host of ['evil.example', `evil.example:${solo.port}`, '127.0.0.1', `127.0.0.1.evil:${solo.port}`, `[::1]:${solo.port}`]) {
      expect(await ask(as(host))).toContain('403 Forbidden');
    }
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil', 'http://127.0.0.1:80x', 'https://127.0.0.1@evil']) {
      expect(await ask(as(`127.0.0.1:${solo.port}`, `Origin: ${origin}`))).toContain('403 Forbidden');
    }
    expect(heard).toBe('');
    expect(await ask(as(`localhost:${solo.port}`, 'Origin: http://localhost:6274'))).toContain('200 OK');
  });

  test('another path is none of ours', async () => {
    for (const path of ['', '/', '/mcpx', '/mcp/', '/mcp/../admin']) expect(await ask(post(`/${solo.token}${path}`))).toContain('404 Not Found');
    expect(heard).toBe('');
  });
});

describe('bodies', () => {
  test('who asks first is told to go on, and only when let in', async () => {
    using client = await openSocket(solo.port);
    const start = (path: string) =>
      requestText('POST', path, { port: solo.port, headers: [...JSON_HEADERS, 'Expect: 100-continue', `Content-Length: ${CALL.length}`] });
    client.write(start(`/${solo.token}/mcp`));
    await client.has('100 Continue\r\n\r\n');
    client.write(CALL);
    const text = await client.has(RESULT);
    expect(text).not.toMatch(/connection: close/i);
    expect(heard).not.toMatch(/^expect:/im);
    client.forget();
    client.write(start('/wrong-token/mcp'));
    const refused = await client.ended();
    expect(refused).toMatch(/^HTTP\/1\.1 401/);
    expect(refused).toMatch(/connection: close/i);
  });

  test('who asks first with too much is told no at once', async () => {
    using client = await openSocket(solo.port);
    const headers = [...JSON_HEADERS, 'Expect: 100-continue', `Content-Length: ${limits.requestBytesMax + 1}`];
    client.write(requestText('POST', `/${solo.token}/mcp`, { port: solo.port, headers }));
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 413/);
  });

  test('who sends too much gets to read why', async () => {
    using client = await openSocket(solo.port);
    client.write(requestText('POST', `/${solo.token}/mcp`, { port: solo.port, headers: [...JSON_HEADERS, 'Transfer-Encoding: chunked'] }));
    const piece = chunk(Buffer.alloc(1_000_000, ' '));
    for (let i = 0; i < limits.requestBytesMax / 1_000_000 + 3; i++) client.write(piece);
    client.write('0\r\n\r\n');
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 413/);
    expect(heard).toBe('');
    const entries = await solo.recorded();
    expect(entries[1]).toMatchObject({ leaf: { kind: 'decision', status: 413 }, names: { note: expect.stringContaining('longer than') } });
  });

  test('a head that is too long is refused', async () => {
    using client = await openSocket(solo.port);
    client.write(post(`/${solo.token}/mcp`, `X-Long: ${'x'.repeat(limits.headerBytesMax)}`));
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 431/);
  });
});

test('one connection serves one call after the other, through refusals', async () => {
  using client = await openSocket(solo.port);
  for (const [text, sign] of [
    [post('/mcp'), '401'],
    [post(`/${solo.token}/mcp`), RESULT],
    [requestText('POST', `/${solo.token}/mcp`, { port: solo.port, headers: JSON_HEADERS, body: '{' }), '-32700'],
    [post(`/${solo.token}/mcp`), RESULT],
  ] as const) {
    client.forget();
    client.write(text);
    await client.has(sign);
  }
});

// An answer on its way from a raw upstream to a raw client: every byte, every header, and the entry before the last byte.
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import { TestHop } from '../support/hop.ts';
import { openSocket, RawServer, type RawSocket, requestText } from '../support/raw-http.ts';
import { makeRules, namesOf, payloadOf } from '../support/rules.ts';
import { bodyOf, CALL, dechunk, head, JSON_HEADERS, RESULT, Talk } from '../support/talk.ts';

function lengthOf(body: string | Uint8Array): string {
  return `Content-Length: ${Buffer.byteLength(body)}`;
}

describe('what goes up', () => {
  test('headers keep order, case and repeats; the body its bytes; chunks become a length', async () => {
    await using t = await Talk.open();
    const [first, second] = [CALL.slice(0, 10), CALL.slice(10)];
    const headers = ['X-B: 1', 'accept: a', 'x-b: 2', 'Content-Type: application/json', 'Transfer-Encoding: chunked', 'Mcp-Session-Id: S'];
    const chunked = `a\r\n${first}\r\n${second.length.toString(16)}\r\n${second}\r\n0\r\n\r\n`;
    t.client.write(['POST /mcp?x=%7B1%7D&y HTTP/1.1', `Host: 127.0.0.1:${t.hop.port}`, ...headers, '', chunked].join('\r\n'));
    const socket = await t.upstream.next();
    const text = await socket.has(second);
    expect(text).toMatch(/^POST \/up\/mcp\?x=%7B1%7D&y HTTP\/1\.1\r\n/);
    expect(text).toContain('X-B: 1\r\naccept: a\r\nx-b: 2\r\nContent-Type: application/json\r\nMcp-Session-Id: S\r\n');
    expect(text).toMatch(new RegExp(`host: 127\\.0\\.0\\.1:${t.upstream.port}\r\n`, 'i'));
    expect(text).toMatch(new RegExp(`content-length: ${CALL.length}\r\n`, 'i'));
    expect(bodyOf(text)).toBe(CALL);
  });

  test('only after its entry', async () => {
    await using t = await Talk.open();
    const { promise: recorded, resolve } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    t.hop.beforeRecord = () => {
      ask();
      return recorded;
    };
    const reached = t.ask();
    await asked;
    await t.roundTrip();
    expect(t.upstream.open).toBe(0);
    resolve();
    await reached;
    expect(t.hop.entries.map((e) => e.kind)).toEqual(['decision', 'message']);
  });

  test('not at all where it cannot be recorded', async () => {
    await using t = await Talk.open();
    t.hop.beforeRecord = () => Promise.reject(new Error('disk gone'));
    t.client.write(requestText('POST', '/mcp', { port: t.hop.port, headers: JSON_HEADERS, body: CALL }));
    const text = await t.client.has('disk gone');
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(JSON.parse(bodyOf(text))).toMatchObject({ id: 1, result: { isError: true } });
    expect(t.upstream.open).toBe(0);
    expect(t.hop.counted).toEqual(['failed']);
  });
});

describe('what comes down', () => {
  test('headers keep order, case and repeats; Date is not doubled; the length stays', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    const headers = [
      'X-B: 1',
      'date: Mon',
      'Set-Cookie: a=1',
      'x-b: 2',
      'set-cookie: b=2',
      'Content-Type: application/json',
      lengthOf(RESULT),
      'Mcp-Session-Id: s',
    ];
    socket.write(head('200 Fine', ...headers) + RESULT);
    const text = await t.client.has(RESULT);
    expect(text.split('\r\n').slice(1, 9)).toEqual(headers);
    expect(text.match(/^date:/gim)).toHaveLength(1);
    expect(text).not.toMatch(/transfer-encoding/i);
    await t.hop.done();
    expect(t.hop.entries).toMatchObject([{ direction: 'up' }, { direction: 'down', final: true, status: 200, wireBytes: RESULT.length }]);
    expect(payloadOf(t.hop.entries[1])).toBe(RESULT);
  });

  test('chunked stays chunked, whatever the pieces', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: application/json', 'Transfer-Encoding: chunked'));
    for (const piece of RESULT.match(/.{1,7}/g) ?? []) socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    socket.write('0\r\n\r\n');
    const text = await t.client.has('0\r\n\r\n');
    expect(text).toMatch(/Transfer-Encoding: chunked/i);
    expect(text).not.toMatch(/content-length/i);
    expect(dechunk(bodyOf(text))).toBe(RESULT);
    await t.hop.done();
    expect(payloadOf(t.hop.entries[1])).toBe(RESULT);
  });

  test('the last byte only after the entry', async () => {
    await using t = await Talk.open();
    const { promise: recorded, resolve } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    t.hop.beforeRecord = (entries) => {
      if (entries[0]?.direction !== 'down') return;
      ask();
      return recorded;
    };
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: application/json', lengthOf(RESULT)) + RESULT);
    await asked;
    await t.roundTrip();
    expect(t.client.text).not.toContain(RESULT.at(-1));
    resolve();
    await t.client.has(RESULT);
  });

  test('nothing of an answer that cannot be recorded: the call says so', async () => {
    await using t = await Talk.open();
    t.hop.beforeRecord = (entries) => (entries[0]?.direction === 'down' ? Promise.reject(new Error('disk gone')) : undefined);
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: application/json', lengthOf(RESULT)) + RESULT);
    const text = await t.client.has('disk gone');
    expect(text).not.toContain('9007199254740993');
    expect(JSON.parse(bodyOf(text))).toMatchObject({ id: 1, result: { isError: true } });
    expect(text).toContain('the call was executed');
    await t.hop.done();
    // The connection is as good as before.
    t.hop.beforeRecord = () => undefined;
    t.client.forget();
    socket.forget();
    t.client.write(requestText('POST', '/mcp', { port: t.hop.port, headers: JSON_HEADERS, body: CALL }));
    await socket.has(CALL);
    socket.write(head('200 OK', lengthOf(RESULT)) + RESULT);
    await t.client.has(RESULT);
  });

  test.each([
    ['202 Accepted', 'Content-Length: 0'],
    ['204 No Content', 'X-A: 1'],
    ['304 Not Modified', 'ETag: "1"'],
    ['405 Method Not Allowed', 'Content-Length: 0'],
  ])('%s without a body', async (status, header) => {
    for (const rules of [makeRules(), makeRules({ mask: { apply: ['record', 'client'] } })]) {
      await using t = await Talk.open({ rules });
      const socket = await t.ask('GET');
      socket.write(head(status, header));
      const text = await t.client.has('\r\n\r\n');
      expect(text).toContain(`HTTP/1.1 ${status.slice(0, 3)}`);
      expect(text).toContain(`${header}\r\n`);
      if (status.startsWith('204')) expect(text).not.toMatch(/content-length/i);
      await t.hop.done();
      expect(t.hop.entries[1]).toMatchObject({ message: 'end', final: true, status: Number(status.slice(0, 3)), wireBytes: 0 });
      expect(bodyOf(t.client.text)).toBe('');
    }
  });

  test('HEAD keeps the length of what is not sent', async () => {
    await using t = await Talk.open({ rules: makeRules({ mask: { apply: ['record', 'client'] } }) });
    const socket = await t.ask('HEAD');
    socket.write(head('200 OK', 'Content-Length: 77'));
    expect(await t.client.has('\r\n\r\n')).toContain('Content-Length: 77\r\n');
    await t.hop.done();
  });

  test('a body that ends with its connection', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(`HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n${RESULT}`);
    socket.socket.end();
    await t.client.has(RESULT.slice(-20));
    await t.hop.done();
    expect(payloadOf(t.hop.entries[1])).toBe(RESULT);
  });

  test('hints and trailers of the upstream do no harm', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n');
    socket.write(head('200 OK', 'Content-Type: application/json', 'Transfer-Encoding: chunked', 'Trailer: X-T'));
    socket.write(`${RESULT.length.toString(16)}\r\n${RESULT}\r\n0\r\nX-T: 1\r\n\r\n`);
    const text = await t.client.has('0\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    expect(dechunk(bodyOf(text))).toBe(RESULT);
  });

  test('a content coding stays on the wire and is undone for the record', async () => {
    for (const [coding, packed] of [
      ['gzip', gzipSync(RESULT)],
      ['zstd', zstdCompressSync(RESULT)],
    ] as const) {
      await using t = await Talk.open();
      const socket = await t.ask();
      socket.write(Buffer.concat([Buffer.from(head('200 OK', 'Content-Type: application/json', `Content-Encoding: ${coding}`, lengthOf(packed))), packed]));
      await takesBody(t.client, packed.length);
      expect(Buffer.from(bodyOf(t.client.text), 'latin1').equals(packed)).toBe(true);
      await t.hop.done();
      expect(payloadOf(t.hop.entries[1])).toBe(RESULT);
    }
  });

  test('what is not text is opaque: length and MAC', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    const bytes = Buffer.from([0xff, 0xfe, 0, 1]);
    socket.write(Buffer.concat([Buffer.from(head('200 OK', 'Content-Type: image/png', 'Content-Length: 4')), bytes]));
    await takesBody(t.client, 4);
    await t.hop.done();
    expect(t.hop.entries[1]).toMatchObject({ message: 'opaque', wireBytes: 4, mac: t.hop.rules.mac(bytes) });
    expect(payloadOf(t.hop.entries[1])).toBeUndefined();
  });

  test('what is too long is opaque too, its MAC taken while it passes', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    const long = Buffer.alloc(limits.answerBytesMax + 100_000, 'x');
    socket.write(head('200 OK', 'Content-Type: application/json', lengthOf(long)));
    socket.write(long);
    await takesBody(t.client, long.length);
    await t.hop.done();
    expect(t.hop.entries[1]).toMatchObject({ message: 'opaque', wireBytes: long.length, mac: t.hop.rules.mac(long) });
  });
});

describe('answers that are masked for the client', () => {
  const masking = (unmaskable: 'refuse' | 'pass') => makeRules({ mask: { apply: ['record', 'client'] }, connection: { unmaskable } });
  const PERSONAL = '{"jsonrpc":"2.0","id":1,"result":{"m":"jo.doe@example.com"}}';

  test('are asked for unpacked; the length is mended, the digest gone', async () => {
    await using t = await Talk.open({ rules: masking('refuse') });
    const socket = await t.ask('POST', CALL, [...JSON_HEADERS, 'Accept-Encoding: gzip']);
    expect(socket.text).toContain('Accept-Encoding: identity\r\n');
    expect(socket.text).not.toContain('gzip');
    socket.write(head('200 OK', 'X-A: 1', lengthOf(PERSONAL), 'ETag: "x"', 'Content-Type: application/json') + PERSONAL);
    const text = await t.client.has('}}');
    const body = bodyOf(text);
    expect(body).not.toContain('example.com');
    expect(text).toContain(`X-A: 1\r\nContent-Length: ${body.length}\r\nContent-Type: application/json\r\n`);
    expect(text).not.toContain('ETag');
    await t.hop.done();
    expect(payloadOf(t.hop.entries[1])).toBe(body);
  });

  test('packed all the same: delivered unpacked where they change, as they came where not', async () => {
    for (const [plain, changes] of [
      [PERSONAL, true],
      [RESULT, false],
    ] as const) {
      await using t = await Talk.open({ rules: masking('refuse') });
      const socket = await t.ask();
      const packed = gzipSync(plain);
      socket.write(Buffer.concat([Buffer.from(head('200 OK', 'Content-Encoding: gzip', lengthOf(packed))), packed]));
      const text = await t.client.holds((got) => got.includes('\r\n\r\n') && bodyOf(got).length === Number(/content-length: (\d+)/i.exec(got)?.[1]));
      expect(text.includes('Content-Encoding: gzip')).toBe(!changes);
      if (changes) expect(JSON.parse(bodyOf(text))).toMatchObject({ id: 1 });
      else expect(Buffer.from(bodyOf(text), 'latin1').equals(packed)).toBe(true);
    }
  });

  test.each([
    ['is not text', head('200 OK', 'Content-Length: 2'), Buffer.from([0xff, 0xff])],
    ['has a coding that nobody knows', head('200 OK', 'Content-Encoding: rot13', 'Content-Length: 2'), Buffer.from('xx')],
    ['is too long', head('200 OK', `Content-Length: ${limits.answerBytesMax + 1}`), Buffer.alloc(limits.answerBytesMax + 1, 'x')],
    ['is a stream in a coding that nobody knows', head('200 OK', 'Content-Type: text/event-stream', 'Content-Encoding: rot13'), Buffer.from('xx')],
  ])('what %s is withheld', async (_what, start, body) => {
    await using t = await Talk.open({ rules: masking('refuse') });
    const socket = await t.ask();
    socket.write(start);
    socket.write(body);
    const text = await t.client.has('cannot be masked');
    expect(JSON.parse(bodyOf(text))).toMatchObject({ id: 1, result: { isError: true } });
    await t.hop.done();
    expect(namesOf(t.hop.entries.at(-1)).note).toBe('refused: unmaskable');
    expect(t.hop.counted).toEqual(['call', 'failed']);
  });

  test('or passes, where the connection says so', async () => {
    await using t = await Talk.open({ rules: masking('pass') });
    const socket = await t.ask();
    const long = Buffer.alloc(limits.answerBytesMax + 50_000, 'x');
    socket.write(head('200 OK', lengthOf(long)));
    socket.write(long);
    await takesBody(t.client, long.length);
    await t.hop.done();
    expect(t.hop.entries[1]).toMatchObject({ message: 'opaque', wireBytes: long.length, mac: t.hop.rules.mac(long) });
  });
});

test('a verdict on the head ends the answer before it begins', async () => {
  const upstream = await RawServer.open(
    (socket) => void socket.has('}}').then(() => socket.write(head('401 Unauthorized', 'WWW-Authenticate: Bearer', 'Content-Length: 0'))),
  );
  await using hop = await TestHop.open({
    upstream: `${upstream.url}/mcp`,
    hop: { judge: () => ({ kind: 'failure', reason: 'our credential was refused' }) },
  });
  using client = await openSocket(hop.port);
  client.write(requestText('POST', '/mcp', { port: hop.port, headers: JSON_HEADERS, body: CALL }));
  const text = await client.has('our credential was refused');
  expect(text).not.toContain('WWW-Authenticate');
  expect(JSON.parse(bodyOf(text))).toMatchObject({ id: 1, error: { code: 5020 } });
  await hop.done();
  const [, end] = hop.entries as [EntryDraft, EntryDraft];
  expect(end).toMatchObject({ message: 'end', final: true, failed: true });
  await upstream[Symbol.asyncDispose]();
});

/** Waits for a head and a body of that length behind it. */
async function takesBody(client: RawSocket, length: number): Promise<void> {
  const start = (await client.has('\r\n\r\n')).indexOf('\r\n\r\n') + 4;
  await client.reaches(start + length);
}

// Event streams on their way from a raw upstream to a raw client.
import { constants, createBrotliCompress, createDeflate, createGzip, createZstdCompress, deflateSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { TestHop } from '../support/hop.ts';
import { openSocket, RawServer, type RawSocket, requestText } from '../support/raw-http.ts';
import { makeRules, namesOf, payloadOf } from '../support/rules.ts';
import { bodyOf, CALL, chunk, dechunk, head, JSON_HEADERS, Talk } from '../support/talk.ts';

const STREAM = head('200 OK', 'Content-Type: text/event-stream', 'Cache-Control: no-cache', 'X-Accel-Buffering: no', 'Transfer-Encoding: chunked');
const PROGRESS = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}';
const RESULT = '{"jsonrpc":"2.0","id":1,"result":{}}';
const LAST = '0\r\n\r\n';

function streamed(client: RawSocket): string {
  return dechunk(bodyOf(client.text));
}

function has(client: RawSocket, text: string): Promise<string> {
  return client.holds(() => streamed(client).includes(text));
}

describe('as it comes', () => {
  test('the head at once, each event when it is recorded, every byte as it was', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(STREAM);
    expect(await t.client.has('\r\n\r\n')).toContain('X-Accel-Buffering: no\r\n');
    const events = [
      ': hello\n\n',
      'id: 1\nretry: 500\ndata:\n\n',
      `id: 2\r\nevent: message\r\ndata: ${PROGRESS}\r\n\r\n`,
      `data: ${RESULT.slice(0, 10)}\rdata:${RESULT.slice(10)}\r\r`,
    ];
    let sent = '';
    for (const event of events) {
      socket.write(chunk(event));
      sent += event;
      await has(t.client, sent);
    }
    socket.write(LAST);
    await t.client.has(LAST);
    expect(streamed(t.client)).toBe(sent);
    await t.hop.done();
    expect(t.hop.entries.map((e) => [e.direction, e.message, e.final])).toEqual([
      ['up', 'request', undefined],
      ['down', 'notification', undefined],
      ['down', 'response', true],
    ]);
    expect(payloadOf(t.hop.entries[1])).toBe(PROGRESS);
    expect(payloadOf(t.hop.entries[2])).toBe(`${RESULT.slice(0, 10)}\n${RESULT.slice(10)}`);
  });

  test('no blank line before its entry, cut up however it is', async () => {
    await using t = await Talk.open();
    const { promise: recorded, resolve } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    t.hop.beforeRecord = (entries) => {
      if (entries[0]?.direction !== 'down') return;
      ask();
      return recorded;
    };
    const socket = await t.ask();
    socket.write(STREAM);
    for (const piece of [`data: ${RESULT}`, '\n']) {
      socket.write(chunk(piece));
      await has(t.client, piece);
    }
    socket.write(chunk('\n'));
    await asked;
    await t.roundTrip();
    expect(streamed(t.client)).toBe(`data: ${RESULT}\n`);
    resolve();
    await has(t.client, '\n\n');
  });

  test('what comes while an entry is written is recorded together', async () => {
    await using t = await Talk.open();
    const { promise: recorded, resolve } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const groups: number[] = [];
    t.hop.beforeRecord = (entries) => {
      if (entries[0]?.direction !== 'down') return;
      ask();
      return groups.push(entries.length) === 1 ? recorded : undefined;
    };
    const socket = await t.ask();
    socket.write(STREAM);
    const events = Array.from({ length: 20 }, (_, n) => `data: ${PROGRESS.replace('1', String(n))}\n\n`);
    for (const event of events) {
      socket.write(chunk(event));
      await asked;
      await t.roundTrip();
    }
    resolve();
    await has(t.client, events.join(''));
    expect(groups).toEqual([1, 19]);
    socket.write(chunk(`data: ${RESULT}\n\n`));
    socket.write(LAST);
    await t.client.has(LAST);
    expect(streamed(t.client)).toBe(`${events.join('')}data: ${RESULT}\n\n`);
  });

  test('a GET stream that brings no answer ends with an entry of its own', async () => {
    await using t = await Talk.open();
    const socket = await t.ask('GET', undefined, ['Accept: text/event-stream', 'Last-Event-ID: e7']);
    expect(socket.text).toContain('Last-Event-ID: e7\r\n');
    socket.write(STREAM);
    socket.write(chunk(`id: e8\ndata: ${PROGRESS}\n\n`));
    socket.write(LAST);
    await t.client.has(LAST);
    await t.hop.done();
    expect(t.hop.entries.map((e) => e.message)).toEqual(['http', 'notification', 'end']);
    expect(namesOf(t.hop.entries[2]).note).toBe('stream_ended');
    expect(JSON.stringify(t.hop.entries)).not.toMatch(/e7|e8/);
  });

  test('what stands at the end without a blank line is recorded before the end', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(STREAM);
    socket.write(chunk(`data: ${RESULT}`));
    socket.write(LAST);
    await t.client.has(LAST);
    expect(streamed(t.client)).toBe(`data: ${RESULT}`);
    await t.hop.done();
    expect(payloadOf(t.hop.entries[1])).toBe(RESULT);
  });

  test('an event that is too long passes; the next is read again', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    const long = `data: ${'x'.repeat(limits.answerBytesMax)}\n\n`;
    socket.write(STREAM);
    for (let at = 0; at < long.length; at += 1_000_000) socket.write(chunk(long.slice(at, at + 1_000_000)));
    socket.write(chunk(`data: ${RESULT}\n\n`));
    socket.write(LAST);
    await t.hop.done();
    await t.client.has(LAST);
    expect(streamed(t.client)).toBe(`${long}data: ${RESULT}\n\n`);
    expect(t.hop.entries[1]).toMatchObject({ message: 'opaque', wireBytes: long.length, mac: t.hop.rules.mac(Buffer.from(long)) });
    expect(t.hop.entries[2]).toMatchObject({ message: 'response', final: true });
  });

  test('an entry that cannot be written ends the stream before its event', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(STREAM);
    socket.write(chunk(`data: ${PROGRESS}\n\n`));
    await has(t.client, '\n\n');
    t.hop.beforeRecord = () => Promise.reject(new Error('disk gone'));
    socket.write(chunk(`data: ${RESULT}\n\n`));
    await t.client.ended();
    expect(t.client.text).not.toContain(RESULT);
    expect(t.client.text).not.toContain(LAST);
    await socket.ended();
    await t.hop.done();
  });
});

describe('in a content coding', () => {
  const flushing = { flush: constants.Z_SYNC_FLUSH };
  const codings = [
    ['gzip', () => createGzip(flushing)],
    ['deflate', () => createDeflate(flushing)],
    ['br', () => createBrotliCompress({ flush: constants.BROTLI_OPERATION_FLUSH })],
    ['zstd', () => createZstdCompress({ flush: constants.ZSTD_e_flush })],
  ] as const;

  test.each(codings)('%s passes packed and is read event by event', async (coding, open) => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: text/event-stream', `Content-Encoding: ${coding}`, 'Transfer-Encoding: chunked'));
    await t.client.has('\r\n\r\n');
    using packer = closing(open());
    const sent: Buffer[] = [];
    packer.stream.on('data', (bytes: Buffer) => {
      sent.push(bytes);
      socket.write(chunk(bytes));
    });
    packer.stream.write(`data: ${PROGRESS}\n\n`);
    await t.client.holds(() => t.hop.entries.length === 2 && streamed(t.client).length > 0);
    packer.stream.end(`data: ${RESULT}\n\n`, () => undefined);
    await new Promise((resolve) => packer.stream.once('end', resolve));
    socket.write(LAST);
    await t.client.has(LAST);
    expect(Buffer.from(streamed(t.client), 'latin1').equals(Buffer.concat(sent))).toBe(true);
    await t.hop.done();
    expect(t.hop.entries.slice(1).map(payloadOf)).toEqual([PROGRESS, RESULT]);
  });

  test('frames of zstd that follow each other in one chunk are read, all of them', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: text/event-stream', 'Content-Encoding: zstd', 'Transfer-Encoding: chunked'));
    socket.write(chunk(Buffer.concat([PROGRESS, RESULT].map((message) => zstdCompressSync(`data: ${message}\n\n`)))));
    socket.write(LAST);
    await t.client.has(LAST);
    await t.hop.done();
    expect(t.hop.entries.slice(1).map(payloadOf)).toEqual([PROGRESS, RESULT]);
  });

  test('what stands behind the end of a coding passes, and is in the record', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    const behind = Buffer.from(`data: ${RESULT}\n\n`);
    socket.write(head('200 OK', 'Content-Type: text/event-stream', 'Content-Encoding: deflate', 'Transfer-Encoding: chunked'));
    socket.write(chunk(Buffer.concat([deflateSync(`data: ${PROGRESS}\n\n`), behind])));
    socket.write(LAST);
    await t.client.has(LAST);
    await t.hop.done();
    expect(t.hop.entries.at(-1)).toMatchObject({ message: 'opaque' });
  });

  test.each(['rot13', 'gzip, br', 'gzip'])('%s that cannot be undone passes, and is recorded as opaque', async (coding) => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: text/event-stream', `Content-Encoding: ${coding}`, 'Transfer-Encoding: chunked'));
    const bytes = 'this is in no coding at all\n\n';
    socket.write(chunk(bytes));
    await has(t.client, bytes);
    socket.write(Buffer.concat([chunk(bytes), Buffer.from(LAST)]));
    await t.client.has(LAST);
    await t.hop.done();
    expect(t.hop.entries).toHaveLength(2);
    expect(t.hop.entries[1]).toMatchObject({ message: 'opaque', final: true, wireBytes: bytes.length * 2, mac: t.hop.rules.mac(Buffer.from(bytes + bytes)) });
  });

  test('a little that grows into a lot is not held', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: text/event-stream', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked'));
    using packer = closing(createGzip());
    packer.stream.end(Buffer.alloc(limits.answerBytesMax * 3));
    const bomb = Buffer.concat(await packer.stream.toArray());
    socket.write(chunk(bomb));
    socket.write(LAST);
    await t.client.has(LAST);
    await t.hop.done();
    expect(t.hop.entries[1]).toMatchObject({ message: 'opaque', wireBytes: bomb.length });
  });
});

describe('changed for the client', () => {
  const EMAIL = 'jo.doe@example.com';

  test('only the data that were hit; ids, retry, comments and line ends stay', async () => {
    await using t = await Talk.open({ rules: makeRules({ mask: { apply: ['record', 'client'] } }) });
    const socket = await t.ask();
    socket.write(STREAM);
    const masked = `: c\r\nid: 7\r\nevent: message\r\nretry: 9\r\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"m":"${EMAIL}"}}\r\n\r\n`;
    const clean = `data:  {"jsonrpc":"2.0","id":1,\ndata: "result":{"n":1.0}}\n\n`;
    for (const part of (masked + clean).match(/[\s\S]{1,9}/g) ?? []) socket.write(chunk(part));
    socket.write(LAST);
    await t.client.has(LAST);
    const got = streamed(t.client);
    expect(got).not.toContain(EMAIL);
    expect(got).toMatch(
      /^: c\r\nid: 7\r\nevent: message\r\nretry: 9\r\ndata: \{"jsonrpc":"2\.0","method":"notifications\/message","params":\{"m":"[^"]+"\}\}\r\n\r\n/,
    );
    expect(got.endsWith(clean)).toBe(true);
    await t.hop.done();
    expect(t.hop.entries[2]).toMatchObject({ final: true });
  });

  test('an unfinished event at the end is masked like the others', async () => {
    await using t = await Talk.open({ rules: makeRules({ mask: { apply: ['record', 'client'] } }) });
    const socket = await t.ask();
    socket.write(STREAM + chunk(`data: "${EMAIL}"`) + LAST);
    await t.client.has(LAST);
    expect(streamed(t.client)).toMatch(/^data: "[^"]+"$/);
    expect(streamed(t.client)).not.toContain(EMAIL);
  });

  test('packed all the same: delivered unpacked', async () => {
    await using t = await Talk.open({ rules: makeRules({ mask: { apply: ['record', 'client'] } }) });
    const socket = await t.ask();
    using packer = closing(createGzip());
    packer.stream.end(`data: "${EMAIL}"\n\n`);
    const packed = Buffer.concat(await packer.stream.toArray());
    socket.write(head('200 OK', 'Content-Type: text/event-stream', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked'));
    socket.write(chunk(packed));
    socket.write(LAST);
    await t.client.has(LAST);
    expect(t.client.text).not.toContain('Content-Encoding');
    expect(streamed(t.client)).toMatch(/^data: "[^"]+"\n\n$/);
    expect(t.client.text).not.toContain(EMAIL);
  });

  test('too long to be masked: the stream ends there', async () => {
    await using t = await Talk.open({ rules: makeRules({ mask: { apply: ['record', 'client'] } }) });
    const socket = await t.ask();
    socket.write(STREAM + chunk(`data: ${PROGRESS}\n\n`));
    await has(t.client, PROGRESS);
    socket.write(chunk('x'.repeat(limits.answerBytesMax + 1)));
    await t.client.ended();
    expect(t.client.length).toBeLessThan(10_000);
    await t.hop.done();
    expect(namesOf(t.hop.entries.at(-1)).note).toBe('withheld: unmaskable');
  });

  test('hidden tools are taken out of a list that comes on a stream', async () => {
    await using t = await Talk.open({ rules: makeRules({ access: [{ tools: ['get_*'] }] }) });
    const socket = await t.ask('POST', CALL.replace('tools/call', 'tools/list'), JSON_HEADERS);
    socket.write(STREAM + chunk('id: 1\ndata: {"id":1,"result":{"tools":[{"name":"get_a"},{"name":"delete_b"}]}}\n\n') + LAST);
    await t.client.has(LAST);
    expect(streamed(t.client)).toBe('id: 1\ndata: {"id":1,"result":{"tools":[{"name":"get_a"}]}}\n\n');
  });
});

test('500 streams at once, each with its own events', async () => {
  await using upstream = await RawServer.open((socket) => void socket.has('\r\n\r\n').then(() => socket.write(STREAM)));
  await using hop = await TestHop.open({ upstream: `${upstream.url}/mcp` });
  const streams = await Promise.all(
    Array.from({ length: 500 }, async () => {
      const client = await openSocket(hop.port);
      client.write(requestText('GET', '/mcp', { port: hop.port }));
      await client.has('text/event-stream');
      return client;
    }),
  );
  expect(streams).toHaveLength(500);
  expect(upstream.open).toBe(500);
  for (const stream of streams) stream[Symbol.dispose]();
});

function closing<T extends { destroy(): unknown }>(stream: T): { readonly stream: T } & Disposable {
  return { stream, [Symbol.dispose]: () => void stream.destroy() };
}

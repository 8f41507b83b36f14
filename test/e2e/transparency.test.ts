// What the conformance suite cannot see of the wire: bytes, headers, hang-ups and pressure, through the forwarder alone and with a gateway.
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ThroughGateway, throughForwarder } from '../conformance/ways.ts';
import type { RawSocket } from '../support/raw-http.ts';
import { bodyOf, CALL, chunk, dechunk, JSON_HEADERS, RESULT } from '../support/talk.ts';
import { closingHead, RawWay } from './raw-way.ts';

const lengthOf = (body: string | Buffer): string => `Content-Length: ${Buffer.byteLength(body)}`;
const answerJson = (socket: RawSocket, body = RESULT): void => {
  socket.write(closingHead('200 OK', 'Content-Type: application/json', lengthOf(body)) + body);
  socket.socket.end();
};
const STREAM = closingHead('200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked');
const LAST = '0\r\n\r\n';
const codings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync } as const;

let gateway: ThroughGateway;
beforeAll(async () => {
  gateway = await ThroughGateway.start();
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe.each(['forwarder', 'forwarder + gateway'])('through %s', (name) => {
  let way: RawWay;
  beforeAll(async () => {
    way = await RawWay.open(name === 'forwarder' ? throughForwarder : gateway);
  });
  afterAll(() => way[Symbol.asyncDispose]());

  test('names of headers keep their case, their order and their repeats, both ways', async () => {
    using client = await way.client();
    const up = ['x-LOWER-upper: 1', 'Content-Type: application/json', 'X-Twice: a', 'ACCEPT: application/json', 'X-Twice: b', 'x-umlaut: \xfc'];
    const socket = await way.ask(client, 'POST', CALL, up);
    expect(socket.text.split('\r\n').filter((line) => up.includes(line))).toEqual(up);
    const down = ['x-LOWER-upper: 1', 'Content-Type: application/json', 'X-Twice: a', 'X-Twice: b', 'DATE: Mon', 'x-umlaut: \xfc'];
    socket.write(closingHead('201 Made up', ...down, lengthOf(RESULT)) + RESULT);
    const text = await client.has(RESULT);
    expect(text).toMatch(/^HTTP\/1\.1 201 Made up\r\n/);
    expect(text.split('\r\n').filter((line) => down.includes(line))).toEqual(down);
    expect(text.match(/^date:/gim)).toHaveLength(1);
  });

  test('a huge header passes both ways; a head that is longer than any may be is refused', async () => {
    using client = await way.client();
    const huge = `X-Huge: ${'h'.repeat(40_000)}`;
    const socket = await way.ask(client, 'POST', CALL, [...JSON_HEADERS, huge]);
    expect(socket.text).toContain(huge);
    socket.write(closingHead('200 OK', huge, lengthOf(RESULT)) + RESULT);
    expect(await client.has(RESULT)).toContain(huge);
    using other = await way.client();
    other.write(way.text('POST', CALL, [`X-Huge: ${'h'.repeat(70_000)}`]));
    expect(await other.ended()).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('an upload in chunks arrives whole', async () => {
    using client = await way.client();
    const pieces = CALL.match(/.{1,9}/g) ?? [];
    client.write(
      way
        .text('POST', undefined, [...JSON_HEADERS, 'Transfer-Encoding: chunked'])
        .replace(/Content-Length: \d+\r\n/, '')
        .replace(CALL, ''),
    );
    for (const piece of pieces) client.write(chunk(piece));
    client.write(LAST);
    const socket = await way.upstream.next();
    expect(bodyOf(await socket.has(CALL))).toBe(CALL);
    answerJson(socket);
    await client.has(RESULT);
  });

  test.each(Object.keys(codings) as (keyof typeof codings)[])('a request and an answer in %s pass as they are', async (coding) => {
    using client = await way.client();
    const packed = codings[coding](CALL);
    client.write(way.text('POST', '', [...JSON_HEADERS, `Content-Encoding: ${coding}`]).replace('Content-Length: 0', lengthOf(packed)));
    client.write(packed);
    const socket = await way.upstream.next();
    await socket.holds((text) => bodyOf(text).length >= packed.length);
    expect(Buffer.from(bodyOf(socket.text), 'latin1').equals(packed)).toBe(true);
    expect(socket.text).toContain(`Content-Encoding: ${coding}`);
    const answer = codings[coding](RESULT);
    socket.write(closingHead('200 OK', 'Content-Type: application/json', `Content-Encoding: ${coding}`, lengthOf(answer)));
    socket.write(answer);
    const text = await client.holds((got) => bodyOf(got).length >= answer.length);
    expect(Buffer.from(bodyOf(text), 'latin1').equals(answer)).toBe(true);
  });

  test.each(Object.keys(codings) as (keyof typeof codings)[])('an event stream in %s is delivered as it comes', async (coding) => {
    using client = await way.client();
    const socket = await way.ask(client);
    socket.write(closingHead('200 OK', 'Content-Type: text/event-stream', `Content-Encoding: ${coding}`, 'Transfer-Encoding: chunked'));
    const event = codings[coding](`data: ${RESULT}\n\n`);
    const [half, rest] = [event.subarray(0, 10), event.subarray(10)];
    for (const bytes of [half, rest]) {
      client.forget();
      socket.write(chunk(bytes));
      await client.has(bytes.subarray(-4).toString('latin1'));
    }
    socket.write(LAST);
    await client.has(LAST);
  });

  test('a connection is used again, and so is the upstream’s', async () => {
    using client = await way.client();
    client.write(way.text());
    const socket = await way.upstream.next();
    for (let i = 0; i < 20; i++) {
      await socket.has(CALL);
      socket.forget();
      if (i > 0) client.forget();
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${lengthOf(RESULT)}\r\n\r\n${RESULT}`);
      await client.has(RESULT);
      client.forget();
      if (i < 19) client.write(way.text());
    }
    socket.socket.destroy();
  });

  test('who hangs up before the answer, or in the middle of a stream, hangs up at the upstream', async () => {
    const waiting = await way.client();
    const asked = await way.ask(waiting);
    waiting[Symbol.dispose]();
    await asked.ended();
    const reading = await way.client();
    const streaming = await way.ask(reading);
    streaming.write(STREAM + chunk(': one\n\n').toString('latin1'));
    await reading.has('one');
    reading[Symbol.dispose]();
    await streaming.ended();
  });

  test('an upstream that hangs up in the middle leaves the client with an answer that is cut, not ended', async () => {
    using client = await way.client();
    const socket = await way.ask(client);
    socket.write(STREAM + chunk(': one\n\n').toString('latin1'));
    await client.has('one');
    socket.socket.destroy();
    expect(await client.ended()).not.toContain(LAST);
  });

  test('an answer that ends with its connection is whole', async () => {
    using client = await way.client();
    const socket = await way.ask(client);
    socket.write(closingHead('200 OK', 'Content-Type: application/json') + RESULT);
    socket.socket.end();
    await client.has(LAST);
    expect(dechunk(bodyOf(client.text))).toBe(RESULT);
  });

  test('a client that has said its last before it was answered is gone for every server on Node, and so here', async () => {
    using client = await way.client();
    const socket = await way.ask(client);
    client.socket.end();
    await socket.ended();
    await client.ended();
  });

  test('clients that send their heads and bodies for ever do not keep others waiting', async () => {
    const slow = await Promise.all(Array.from({ length: 100 }, () => way.client()));
    for (const [i, client] of slow.entries()) client.write(i % 2 === 0 ? way.text().slice(0, 30) : way.text().slice(0, -5));
    using client = await way.client();
    const socket = await way.ask(client);
    answerJson(socket);
    await client.has(RESULT);
    for (const each of slow) each[Symbol.dispose]();
  });

  test('a reader that takes nothing holds the upstream up', async () => {
    const size = 200_000_000;
    using client = await way.client();
    client.socket.pause();
    const socket = await way.ask(client);
    socket.write(closingHead('200 OK', 'Content-Type: application/json', `Content-Length: ${size}`));
    const piece = Buffer.alloc(1_000_000, 'x');
    let written = 0;
    const pump = (): void => {
      while (written < size) {
        written += piece.length;
        if (!socket.socket.write(piece)) return void socket.socket.once('drain', pump);
      }
    };
    pump();
    // A second exchange passes meanwhile: the one that waits has moved as far as it can.
    for (let i = 0, before = -1; before !== written && i < 100; i++) {
      before = written;
      using other = await way.client();
      answerJson(await way.ask(other));
      await other.has(RESULT);
    }
    expect(written).toBeLessThan(100_000_000);
  });

  test('500 streams at once, each with its own events and in their order', async () => {
    const serving = Promise.all(
      Array.from({ length: 500 }, async () => {
        const socket = await way.upstream.next();
        const id = /x-stream: (\d+)/i.exec(await socket.has('\r\n\r\n'))?.[1] ?? '';
        socket.write(STREAM + chunk(`data: {"jsonrpc":"2.0","method":"n","params":{"stream":${id},"event":0}}\n\n`).toString('latin1'));
        return { socket, id };
      }),
    );
    const clients = await Promise.all(
      Array.from({ length: 500 }, async (_, id) => {
        const client = await way.client();
        client.write(way.text('GET', undefined, ['Accept: text/event-stream', `X-Stream: ${id}`]));
        await client.has('"event":0');
        return client;
      }),
    );
    for (const { socket, id } of await serving) socket.write(chunk(`data: {"jsonrpc":"2.0","method":"n","params":{"stream":${id},"event":1}}\n\n`) + LAST);
    const texts = await Promise.all(clients.map((client) => client.has(LAST)));
    for (const [id, text] of texts.entries()) {
      expect(dechunk(bodyOf(text))).toBe([0, 1].map((event) => `data: {"jsonrpc":"2.0","method":"n","params":{"stream":${id},"event":${event}}}\n\n`).join(''));
    }
    for (const client of clients) client[Symbol.dispose]();
  });
});

// Sending over undici: what its receiver hears, and when.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type UpstreamFailure, UpstreamPool } from '../../src/transport/upstream.ts';
import { freePort } from '../support/process.ts';
import { RawServer, type RawSocket } from '../support/raw-http.ts';
import { head } from '../support/talk.ts';

let pool: UpstreamPool;
let server: RawServer;

beforeEach(async () => {
  pool = new UpstreamPool();
  server = await RawServer.open();
});
afterEach(async () => {
  await pool.close();
  await server[Symbol.asyncDispose]();
});

interface Heard {
  readonly events: string[];
  readonly failures: UpstreamFailure[];
  readonly over: Promise<void>;
  readonly abort: () => void;
}

function send(origin: string, body?: Buffer): Heard {
  const events: string[] = [];
  const failures: UpstreamFailure[] = [];
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const abort = pool.send(
    { origin, path: '/mcp', verb: 'POST', headers: ['X-A', '1'], body },
    {
      started: (status) => events.push(`started ${status}`),
      data: (chunk) => events.push(`data ${chunk}`),
      ended() {
        events.push('ended');
        resolve();
      },
      failed(failure) {
        failures.push(failure);
        resolve();
      },
    },
  );
  return { events, failures, over, abort };
}

test('an answer: its head, its pieces, its end, and no interim head', async () => {
  const heard = send(server.url, Buffer.from('ab'));
  const socket = await server.next();
  await socket.has('\r\n\r\nab');
  socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${head('200 OK', 'Content-Length: 2')}ok`);
  await heard.over;
  expect(heard.events).toEqual(['started 200', 'data ok', 'ended']);
  heard.abort();
  expect(heard.failures).toEqual([]);
});

test.each([
  ['a 100 that nobody asked for', ['HTTP/1.1 100 Continue\r\n\r\n']],
  ['several, with headers', ['HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.0 102 Processing\r\n\r\n']],
  ['one that comes in pieces', ['H', 'TTP/1.1 1', '00 Con', 'tinue\r\n', '\r\nHTT', 'P/1.1 100\r\n\r\n']],
])('%s, on a connection that is used again', async (_what, pieces) => {
  let socket: RawSocket | undefined;
  for (const body of ['ab', 'cd']) {
    const heard = send(server.url, Buffer.from(body));
    socket ??= await server.next();
    await socket.has(`\r\n\r\n${body}`);
    for (const piece of pieces) await new Promise<void>((resolve) => socket?.socket.write(piece, () => resolve()));
    socket.write(`${head('200 OK', 'Content-Length: 29')}HTTP/1.1 100 Continue\r\n\r\n`);
    socket.write('1234');
    await heard.over;
    expect([heard.events.join(''), heard.failures]).toEqual([expect.stringMatching(/^started 200data HTTP\/1\.1 100 Continue\r\n\r\n.*1234ended$/s), []]);
    socket.forget();
    // The connection is free for the next request once this one has returned.
    await new Promise((resolve) => setImmediate(resolve));
  }
});

describe('given up', () => {
  test('before there is a connection: heard at once, and nothing is sent', async () => {
    const heard = send(server.url, Buffer.from('ab'));
    heard.abort();
    heard.abort();
    expect(heard.failures).toEqual([{ kind: 'aborted', notSent: true, reason: 'aborted' }]);
    const socket = await server.next();
    await socket.ended();
    expect(socket.text).toBe('');
    expect(heard.failures).toHaveLength(1);
  });

  test('while it waits, and in mid-answer', async () => {
    for (const answer of ['', head('200 OK', 'Content-Length: 9')]) {
      const heard = send(server.url);
      const socket = await server.next();
      await socket.has('\r\n\r\n');
      socket.write(answer);
      await expect.poll(() => heard.events).toHaveLength(answer === '' ? 0 : 1);
      heard.abort();
      await heard.over;
      await socket.ended();
      expect(heard.failures).toEqual([{ kind: 'aborted', notSent: false, reason: 'aborted' }]);
    }
  });
});

test('no connection, a lost one, and a pool that is closed are told apart', async () => {
  const nobody = send(`http://127.0.0.1:${await freePort()}`);
  await nobody.over;
  expect(nobody.failures).toEqual([{ kind: 'unreachable', notSent: true, reason: 'ECONNREFUSED' }]);
  const dies = send(server.url);
  const socket = await server.next();
  await socket.has('\r\n\r\n');
  socket.socket.destroy();
  await dies.over;
  expect(dies.failures).toMatchObject([{ kind: 'lost', notSent: false }]);
  await pool.close();
  const late = send(server.url);
  await late.over;
  expect(late.failures).toMatchObject([{ kind: 'unreachable', notSent: true }]);
});

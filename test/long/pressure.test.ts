// What takes minutes or hundreds of megabytes: a long answer to a slow reader, and clients that never finish a request.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { residentMb } from '../bench/resident.ts';
import { ThroughGateway, throughForwarder } from '../conformance/ways.ts';
import { closingHead, RawWay } from '../e2e/raw-way.ts';
import { CALL, RESULT } from '../support/talk.ts';

const MB = 1_000_000;
const ANSWER_BYTES = 200 * MB;
/** Above what a process takes before: the buffers of its sockets, and what its heap grows to while it waits. */
const GROWTH_MB_MAX = 96;
/** `limits.requestMsMax` and how often Node looks. */
const SLOW_MS_MAX = 110_000;

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

  async function exchange(): Promise<void> {
    using client = await way.client();
    const socket = await way.ask(client);
    socket.write(closingHead('200 OK', 'Content-Type: application/json', `Content-Length: ${RESULT.length}`) + RESULT);
    socket.socket.end();
    await client.has(RESULT);
  }

  test('a long answer to a slow reader leaves memory as it is', async () => {
    for (let i = 0; i < 50; i++) await exchange();
    const before = way.pids.map(residentMb);
    using client = await way.client();
    const socket = await way.ask(client);
    const { socket: reader } = client;
    reader.pause();
    reader.removeAllListeners('data');
    socket.write(closingHead('200 OK', 'Content-Type: application/json', `Content-Length: ${ANSWER_BYTES}`));
    let left = ANSWER_BYTES;
    const piece = Buffer.alloc(MB, 'x');
    const pump = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!socket.socket.write(piece)) return void socket.socket.once('drain', pump);
      }
    };
    pump();
    let read = 0;
    let next = 2 * MB;
    const peaks = [...before];
    for await (const bytes of reader) {
      read += (bytes as Buffer).length;
      if (read < next) continue;
      // As long as an exchange takes, the reader takes nothing.
      await exchange();
      next += 2 * MB;
      for (const [i, pid] of way.pids.entries()) peaks[i] = Math.max(peaks[i] ?? 0, residentMb(pid));
      if (read >= ANSWER_BYTES) break;
    }
    expect(read).toBeGreaterThanOrEqual(ANSWER_BYTES);
    for (const [i, peak] of peaks.entries()) expect(peak - (before[i] ?? 0)).toBeLessThan(GROWTH_MB_MAX);
  });

  test(
    'who does not finish a head or a body in time is cut off',
    async () => {
      const [head, body] = await Promise.all([way.client(), way.client()]);
      head.write(way.text().slice(0, 40));
      body.write(way.text().slice(0, -CALL.length / 2));
      const ended = Promise.all([head, body].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve))));
      await exchange();
      for (const { socket } of [head, body]) socket.once('end', () => socket.end());
      await ended;
      expect([head.text, body.text]).toEqual([expect.stringMatching(/^HTTP\/1\.1 408 /), expect.stringMatching(/^HTTP\/1\.1 408 |^$/)]);
    },
    SLOW_MS_MAX,
  );
});

// A server of HTTP+SSE that never says where its messages go.
import { afterEach, expect, test, vi } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import type { PipeEnd } from '../../src/transport/pipe.ts';
import { ssePipes } from '../../src/transport/sse-pipe.ts';
import type { AnswerReceiver, UpstreamRequest } from '../../src/transport/upstream.ts';

afterEach(() => {
  vi.useRealTimers();
});

const REQUEST = { origin: 'http://127.0.0.1:1', path: '/sse', verb: 'POST', headers: [], body: undefined };

function opened() {
  let aborted = false;
  const sent: UpstreamRequest[] = [];
  let receiver: AnswerReceiver | undefined;
  const { promise: ended, resolve } = Promise.withResolvers<PipeEnd>();
  const upstream = {
    send: (request: UpstreamRequest, taker: AnswerReceiver) => {
      sent.push(request);
      receiver ??= taker;
      return () => {
        aborted = true;
      };
    },
  };
  const pipe = ssePipes(upstream)(REQUEST, { message: () => undefined, ended: resolve });
  const flow = { pause: () => undefined, resume: () => undefined, abort: () => undefined };
  receiver?.started(200, ['Content-Type', 'text/event-stream'], flow);
  return { pipe, ended, receiver, isAborted: () => aborted, sent: () => sent };
}

test('is given up, and what was to be written was not sent', async () => {
  vi.useFakeTimers();
  const { pipe, ended, receiver, isAborted } = opened();
  receiver?.data(Buffer.from(': still here\n\n'));
  const written = pipe.write(Buffer.from('{}')).catch((error: unknown) => error);
  vi.advanceTimersByTime(limits.connectMsMax);
  expect(await ended).toMatchObject({ neverOpened: true });
  expect(await written).toMatchObject({ notSent: true });
  expect(isAborted()).toBe(true);
});

test.each([
  ['/messages?s=1', true],
  ['http://127.0.0.1:1/messages?s=1', true],
  ['http://localhost:1/messages?s=1', true],
  ['http://[::1]:1/messages?s=1', true],
  ['http://localhost:2/messages?s=1', false],
  ['https://localhost:1/messages?s=1', false],
  ['http://localhost.example.com:1/messages?s=1', false],
  ['//example.com:1/messages?s=1', false],
  ['http://', false],
])('an endpoint of %s is taken: %s', async (endpoint, isTaken) => {
  const { pipe, ended, receiver, sent } = opened();
  receiver?.data(Buffer.from(`event: endpoint\ndata: ${endpoint}\n\n`));
  const written = pipe.write(Buffer.from('{}')).catch((error: unknown) => error);
  if (!isTaken) {
    expect((await ended).reason).toMatch(/named an address at .* the connection is to http:\/\/127\.0\.0\.1:1$/);
    expect(await written).toMatchObject({ notSent: true });
    return;
  }
  await Promise.resolve();
  expect(sent().at(-1)).toMatchObject({ origin: 'http://127.0.0.1:1', path: '/messages?s=1' });
  await pipe.close();
});

test('one that said it is waited for as long as it takes', () => {
  vi.useFakeTimers();
  const { receiver, isAborted } = opened();
  receiver?.data(Buffer.from('event: endpoint\ndata: /messages\n\n'));
  vi.advanceTimersByTime(10 * limits.connectMsMax);
  expect(isAborted()).toBe(false);
});

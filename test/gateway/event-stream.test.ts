// A session's events on a real connection: they stop with the client, also with one that left before they began.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { SessionId } from '../../src/base/ids.ts';
import { streamEvents } from '../../src/gateway/event-stream.ts';
import { SessionEvents } from '../../src/gateway/events.ts';

const sessionId = 'ses_01890a5d-ac96-774b-bcce-b302099a8057' as SessionId;
const first = { event: 'policy', projection: '', policyHash: '' } as const;
const server = createServer();
afterEach(() => void server.close());

async function opened(): Promise<{ response: ServerResponse; leave: () => Promise<unknown> }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  return {
    response,
    leave: () => {
      const gone = once(response, 'close');
      socket.destroy();
      return gone;
    },
  };
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

test('a client that leaves is followed no more', async () => {
  const { response, leave } = await opened();
  const before = timers();
  streamEvents(response, { sessionId, first, events: new SessionEvents() });
  expect(timers()).toBe(before + 1);
  await leave();
  expect(timers()).toBe(before);
});

test('a client that has left already is not followed', async () => {
  const { response, leave } = await opened();
  await leave();
  const before = timers();
  streamEvents(response, { sessionId, first, events: new SessionEvents() });
  expect(timers()).toBe(before);
});

// What the answer to a call that waited is recorded as, beside what its client reads.
import { expect, test } from 'vitest';
import type { HoldKeeper } from '../../src/transport/held.ts';
import { TestHop } from '../support/hop.ts';
import { openSocket, RawServer, requestText } from '../support/raw-http.ts';
import { makeRules, payloadOf } from '../support/rules.ts';
import { bodyOf, CALL, dechunk, head } from '../support/talk.ts';

const holds: HoldKeeper = {
  ask: async () => ({
    kind: 'waits',
    wait: {
      notice: { approvalId: 'apr_1', page: undefined, rule: 'h', approvers: ['a'], expiresAtMs: 1 } as never,
      text: 'waiting',
      msMax: 60_000,
      decided: async () => ({ kind: 'released' }),
      ended: new AbortController().signal,
    },
  }),
  denied: async () => undefined,
  cancel: () => undefined,
};

test.each([
  ['in one piece', ['{\r\n "jsonrpc":"2.0",\r\n "id":1,"result":{"content":[]}\r\n}\r\n']],
  ['in pieces', ['{\r', '\n "jsonrpc":"2.0",\r\n "id":1,', '"result":{"content":[]}\r', '\n}']],
])('a JSON answer with carriage returns, %s: the record has the very text that the client reads', async (_how, pieces) => {
  await using upstream = await RawServer.open();
  const rules = makeRules({ rules: [{ id: 'h', effect: 'hold', tools: ['get_x'], hold: { approvers: ['a'], min: 1, withinMs: 60_000 } } as never] });
  await using hop = await TestHop.open({ upstream: `${upstream.url}/up/mcp`, rules, hop: { holds } });
  using client = await openSocket(hop.port);
  client.write(requestText('POST', '/mcp', { port: hop.port, headers: ['Content-Type: application/json', 'Accept: text/event-stream'], body: CALL }));
  const socket = await upstream.next();
  await socket.has(CALL);
  socket.write(head('200 OK', 'Content-Type: application/json', `Content-Length: ${pieces.join('').length}`));
  for (const piece of pieces) socket.write(piece);
  const events = dechunk(bodyOf(await client.has('0\r\n\r\n')));
  const data = [...events.matchAll(/^data: (.*)$/gm)].map(([, line]) => line).join('\n');
  expect(JSON.parse(data)).toEqual(JSON.parse(pieces.join('')));
  const answer = hop.entries.find(({ message }) => message === 'response');
  expect(payloadOf(answer)).toBe(data);
  expect(Buffer.from(answer?.mac ?? []).equals(rules.mac(Buffer.from(data)))).toBe(true);
});

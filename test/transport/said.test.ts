import { expect, test } from 'vitest';
import { whatIsSaid } from '../../src/transport/said.ts';

const meta = (id: unknown) => ({ _meta: { 'io.modelcontextprotocol/subscriptionId': id } });

test.each([
  [
    { id: 1, result: {} },
    { kind: 'answer', id: '1', failed: false },
  ],
  [
    { id: 'a', error: { code: 1 } },
    { kind: 'answer', id: '"a"', failed: true },
  ],
  [{ id: 7, method: 'sampling/createMessage' }, { kind: 'other' }],
  [
    { method: 'notifications/progress', params: { progressToken: 'p' } },
    { kind: 'progress', token: '"p"' },
  ],
  [{ method: 'notifications/progress', params: {} }, { kind: 'other' }],
  [{ method: 'notifications/message', params: { data: 'x' } }, { kind: 'other' }],
  [
    { method: 'notifications/resources/updated', params: meta(3) },
    { kind: 'of', id: '3', ends: false },
  ],
  [
    { method: 'notifications/cancelled', params: { requestId: 'l' } },
    { kind: 'of', id: '"l"', ends: true },
  ],
])('%j is %j', (message, said) => {
  expect(whatIsSaid(JSON.stringify({ jsonrpc: '2.0', ...message }))).toEqual(said);
});

test('a batch of answers names them all; what is no message is of nobody', () => {
  expect(whatIsSaid('[{"id":1,"result":{}},{"method":"notifications/x"},{"id":"b","error":{}}]')).toEqual({ kind: 'answers', ids: ['1', '"b"'] });
  for (const text of ['server is up', '[]', '{"a":', '{}']) expect(whatIsSaid(text)).toEqual({ kind: 'other' });
});

import { describe, expect, test } from 'vitest';
import { answerUnknownHandle, handlesInAnswer, handlesInHeaders, handlesInRequest } from '../../src/protocol/handles.ts';
import { readClientBody } from '../../src/protocol/message.ts';

function messages(text: string) {
  const body = readClientBody(Buffer.from(text), ['Content-Type', 'application/json']);
  if (body.kind === 'fault') throw new Error(body.reason);
  return body.messages;
}

test('the handles a client sends back', () => {
  const body = messages(
    '[{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"c"}},{"jsonrpc":"2.0","id":2,"method":"tasks/get","params":{"taskId":"t"}},{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"x","requestState":"r","taskId":"no"}}]',
  );
  expect(handlesInRequest(['mcp-session-id', 's', 'Last-Event-ID', 'e'], body)).toEqual([
    { kind: 'session', value: 's' },
    { kind: 'event', value: 'e' },
    { kind: 'cursor', value: 'c' },
    { kind: 'task', value: 't' },
    { kind: 'state', value: 'r' },
  ]);
});

test('a header that stands twice brings every handle in it', () => {
  expect(handlesInRequest(['Mcp-Session-Id', 'mine', 'mcp-session-id', 'another’s', 'Last-Event-ID', '1', 'last-event-id', '2'], [])).toEqual([
    { kind: 'session', value: 'mine' },
    { kind: 'session', value: 'another’s' },
    { kind: 'event', value: '1' },
    { kind: 'event', value: '2' },
  ]);
});

test.each([
  ['7', '7'],
  ['["t"]', '\0'],
  ['{"a":"t"}', '\0'],
])('a handle written as %s is compared all the same', (written, value) => {
  const body = messages(`{"jsonrpc":"2.0","id":1,"method":"tasks/result","params":{"taskId":${written}}}`);
  expect(handlesInRequest([], body)).toEqual([{ kind: 'task', value }]);
  expect(handlesInRequest([], messages('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":null}}'))).toEqual([]);
});

describe('the handles an upstream gives out', () => {
  test('in headers and in messages', () => {
    expect(handlesInHeaders(['MCP-SESSION-ID', 's'])).toEqual([{ kind: 'session', value: 's' }]);
    expect(handlesInHeaders([])).toEqual([]);
    expect(handlesInAnswer('{"id":1,"result":{"nextCursor":"c","requestState":"r"}}', 'e')).toEqual([
      { kind: 'event', value: 'e' },
      { kind: 'cursor', value: 'c' },
      { kind: 'state', value: 'r' },
    ]);
    expect(handlesInAnswer('{"id":1,"result":{"task":{"taskId":"c"}}}', undefined)).toEqual([{ kind: 'task', value: 'c' }]);
    expect(handlesInAnswer('{"id":1,"result":{"taskId":"c"}}', undefined)).toEqual([{ kind: 'task', value: 'c' }]);
    expect(handlesInAnswer('[{"id":1,"result":{"nextCursor":"c"}}]', undefined)).toEqual([{ kind: 'cursor', value: 'c' }]);
  });

  test('no task in a list, or told of: it may be somebody else’s behind the same credential', () => {
    expect(handlesInAnswer('{"id":1,"result":{"tasks":[{"taskId":"a"},{"taskId":"b"}]}}', undefined)).toEqual([]);
    expect(handlesInAnswer('{"method":"notifications/tasks/status","params":{"taskId":"a"}}', undefined)).toEqual([]);
  });

  test('nothing in what is none', () => {
    expect(handlesInAnswer('{"id":1,"result":{"text":"\\"nextCursor\\""}}', '')).toEqual([]);
    expect(handlesInAnswer('"nextCursor" {', undefined)).toEqual([]);
  });
});

test('an unknown handle is answered as the protocol does, never with 404 but for a session', () => {
  expect(answerUnknownHandle({ kind: 'session', value: 's' }, '1').status).toBe(404);
  for (const kind of ['cursor', 'state', 'task'] as const) {
    const { status, body } = answerUnknownHandle({ kind, value: 'x' }, '"a"');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ id: 'a', error: { code: -32602 } });
  }
  expect(answerUnknownHandle({ kind: 'event', value: 'x' }, undefined)).toMatchObject({ status: 400 });
});

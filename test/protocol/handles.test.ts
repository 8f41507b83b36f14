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

describe('the handles an upstream gives out', () => {
  test('in headers and in messages', () => {
    expect(handlesInHeaders(['MCP-SESSION-ID', 's'])).toEqual([{ kind: 'session', value: 's' }]);
    expect(handlesInHeaders([])).toEqual([]);
    expect(handlesInAnswer('{"id":1,"result":{"nextCursor":"c","requestState":"r"}}', 'e')).toEqual([
      { kind: 'event', value: 'e' },
      { kind: 'cursor', value: 'c' },
      { kind: 'state', value: 'r' },
    ]);
    expect(handlesInAnswer('{"id":1,"result":{"tasks":[{"taskId":"a"},{"taskId":"b"}],"task":{"taskId":"c"}}}', undefined).map((h) => h.value)).toEqual([
      'c',
      'a',
      'b',
    ]);
    expect(handlesInAnswer('[{"id":1,"result":{"nextCursor":"c"}}]', undefined)).toEqual([{ kind: 'cursor', value: 'c' }]);
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

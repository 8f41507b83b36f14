import { describe, expect, test } from 'vitest';
import type { DecisionId } from '../../src/base/ids.ts';
import { type ClientMessages, readClientBody } from '../../src/protocol/message.ts';
import {
  answerFault,
  answerIntakeError,
  answerIntakeRefusal,
  answerPlain,
  answerRefusal,
  answerRefusedBatch,
  answerUpstreamFailure,
  type Refusal,
} from '../../src/protocol/refusal.ts';

const refusal: Refusal = { rule: 'no-delete', reason: 'nobody deletes', remedy: 'Ask', decisionId: 'dec_1' as unknown as DecisionId, hidden: false };
const hidden: Refusal = { ...refusal, rule: 'access', hidden: true };

function read(text: string): ClientMessages {
  const body = readClientBody(Buffer.from(text), ['Content-Type', 'application/json']);
  if (body.kind === 'fault') throw new Error(body.reason);
  return body;
}

function request(method: string, params: object, id: string) {
  return read(`{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${JSON.stringify(params)}}`).messages[0];
}

describe('one refused message (R11)', () => {
  test('a tool call gets a result that the model reads, under the id as it was written', () => {
    const answer = answerRefusal(request('tools/call', { name: 'delete_x' }, '9007199254740993'), refusal);
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('"id":9007199254740993,');
    expect(JSON.parse(answer.body).result).toMatchObject({ resultType: 'complete', isError: true, content: [{ type: 'text' }] });
    for (const part of ['no-delete', 'nobody deletes', 'Ask', 'dec_1']) expect(answer.body).toContain(part);
    expect(answer.headers).toEqual(['Content-Type', 'application/json', 'Mcprec-Denied', 'no-delete']);
  });

  test('a rule whose message ends in a full stop gets no second one', () => {
    const answer = answerRefusal(request('tools/call', { name: 'delete_x' }, '1'), { ...refusal, reason: 'Ask Ada.' });
    expect(JSON.parse(answer.body).result.content[0].text).toBe('Denied by rule "no-delete": Ask Ada. Ask. (dec_1)');
  });

  test('another method gets an error of ours', () => {
    const answer = answerRefusal(request('logging/setLevel', {}, '"\\u0061"'), refusal);
    expect(answer.body).toContain('"id":"\\u0061",');
    expect(JSON.parse(answer.body).error).toMatchObject({ code: 4030, data: { rule: 'no-delete', decisionId: 'dec_1' } });
  });

  test('what expects no answer gets HTTP 403', () => {
    const { status, body } = answerRefusal(read('{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"}}').messages[0], refusal);
    expect(status).toBe(403);
    expect(JSON.parse(body)).toMatchObject({ id: null, error: { code: 4030 } });
  });

  test.each([
    ['tools/call', { name: 'x' }, { code: -32602, message: 'Unknown tool: x' }],
    ['prompts/get', { name: 'x' }, { code: -32602, message: 'Unknown prompt: x' }],
    ['resources/read', { uri: 'a:b' }, { code: -32002, data: { uri: 'a:b' } }],
    ['vendor/thing', {}, { code: -32601 }],
  ])('what is hidden looks unknown: %s', (method, params, error) => {
    const answer = answerRefusal(request(method, params, '1'), hidden);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ id: 1, error });
    expect(answer.body).not.toContain('access');
    expect(answer.headers.join()).not.toMatch(/denied/i);
  });
});

describe('batches', () => {
  const { messages } = read(
    '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x"}}]',
  );

  test('are refused whole, every request with an answer', () => {
    const answers = JSON.parse(answerRefusedBatch(messages, messages[2] ?? messages[0], refusal).body);
    expect(answers).toMatchObject([
      { id: 1, error: { code: 4030, data: { rule: 'no-delete' } } },
      { id: 2, result: { isError: true } },
    ]);
    expect(answerRefusedBatch(messages.slice(1, 2), messages[0], refusal)).toMatchObject({ status: 403 });
  });

  test('that the upstream did not answer fail for every request', () => {
    const { status, body } = answerUpstreamFailure('batch', messages, { kind: 'unreachable', reason: 'gone' });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject([
      { id: 1, error: { code: 5020, message: 'gone' } },
      { id: 2, error: { code: 5020 } },
    ]);
  });
});

describe('failures', () => {
  test('of the upstream: an error for a request, a status for everything else', () => {
    const ping = request('ping', {}, '1');
    expect(JSON.parse(answerUpstreamFailure('single', [ping], { kind: 'timeout', reason: 'late' }).body)).toMatchObject({ id: 1, error: { code: 5040 } });
    expect(answerUpstreamFailure('single', [], { kind: 'timeout', reason: 'late' }).status).toBe(504);
    expect(answerUpstreamFailure('single', [], { kind: 'unreachable', reason: 'gone' }).status).toBe(502);
  });

  test('of the body keep the id and their own status', () => {
    expect(answerFault({ kind: 'fault', code: -32020, reason: 'r', idLexeme: '"x"' })).toMatchObject({
      status: 400,
      body: '{"jsonrpc":"2.0","id":"x","error":{"code":-32020,"message":"r"}}',
    });
    expect(answerFault({ kind: 'fault', code: -32600, status: 405, reason: 'r', idLexeme: undefined }).headers).toContain('Allow');
  });

  test('on the intake look as Datadog’s do', () => {
    expect(JSON.parse(answerIntakeRefusal(refusal).body).errors[0]).toContain('no-delete');
    expect(answerIntakeError(413, 'long')).toMatchObject({ status: 413, body: '{"errors":["long"]}' });
    expect(answerPlain(401, 'no token').body).toContain('"id":null');
  });
});

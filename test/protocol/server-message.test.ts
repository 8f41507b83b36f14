import { describe, expect, test } from 'vitest';
import { readServerMessage, sameId } from '../../src/protocol/server-message.ts';

describe('what a server sends', () => {
  test.each([
    ['{"jsonrpc":"2.0","id":1,"result":{}}', { kind: 'response', idLexeme: '1', failed: false }],
    ['\ufeff {"jsonrpc":"2.0","id":1,"result":{}}', { kind: 'response', idLexeme: '1' }],
    ['{"result":{"isError":true},"id":9007199254740993}', { kind: 'response', idLexeme: '9007199254740993', failed: true }],
    ['{"id":"a","result":{"isError":false}}', { failed: false }],
    ['{"id":"a","result":{"content":[{"text":"\\"isError\\":true"}]}}', { failed: false }],
    ['{"id":"a","result":{"content":[{"isError":true}]}}', { failed: false }],
    ['{"id":null,"error":{"code":-32700,"message":"m"}}', { kind: 'response', idLexeme: 'null', failed: true }],
    ['{"id":7,"method":"sampling/createMessage","params":{}}', { kind: 'request', idLexeme: '7', method: 'sampling/createMessage' }],
    ['{"method":"notifications/progress"}', { kind: 'notification', idLexeme: undefined, method: 'notifications/progress' }],
    ['{"method":7}', { kind: 'notification', method: undefined }],
  ])('%s', (text, message) => {
    expect(readServerMessage(text)).toMatchObject(message);
  });

  test.each(['', '[]', 'null', '{}', '{"error"', '<html>', '{"hello":"world"}'])('%j is no message', (text) => {
    expect(readServerMessage(text)).toBeUndefined();
  });
});

test.each([
  ['1', '1', true],
  ['1', '1.0', true],
  ['"a"', '"\\u0061"', true],
  ['1', '"1"', false],
  ['9007199254740993', '9007199254740993', true],
  ['9007199254740993', '9007199254740992', false],
  [undefined, undefined, false],
  ['{', '[', false],
])('%s and %s mean the same: %s', (a, b, same) => {
  expect(sameId(a, b)).toBe(same);
});

describe('a large response', () => {
  const filler = JSON.stringify({ text: 'x"}]{[\\'.repeat(5_000) });
  const read = (text: string) => {
    const message = readServerMessage(text);
    return (
      message && {
        kind: message.kind,
        id: message.idLexeme,
        failed: message.failed,
        result: message.result && text.slice(message.result.start, message.result.end).trim(),
      }
    );
  };

  test.each([
    [`{"jsonrpc":"2.0","id":7,"result":${filler}}`, '7', false, filler],
    [`{"id":"a","jsonrpc":"2.0","result":${filler}}\n`, '"a"', false, filler],
    [`{"jsonrpc":"2.0","id":7,"result":{"content":${filler},"isError":true}}`, '7', true, `{"content":${filler},"isError":true}`],
    [`{"jsonrpc":"2.0","id":7,"result":{"content":${filler},"isError":false}}`, '7', false, `{"content":${filler},"isError":false}`],
    [`{"jsonrpc":"2.0","id":7,"result":{"isError":true,"content":${filler}}}`, '7', true, `{"isError":true,"content":${filler}}`],
    [`{"jsonrpc":"2.0","id":7,"result":{"content":${filler},"of":{"isError":true}}}`, '7', false, `{"content":${filler},"of":{"isError":true}}`],
    [`{"result":${filler},"jsonrpc":"2.0","id":7}`, '7', false, filler],
  ])('is read as a small one is (%#)', (text, id, failed, result) => {
    expect(read(text)).toEqual({ kind: 'response', id, failed, result });
  });

  test('that breaks off is none', () => {
    expect(readServerMessage(`{"jsonrpc":"2.0","id":7,"result":${filler}`.slice(0, -3))).toBeUndefined();
  });
});

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

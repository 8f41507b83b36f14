import { describe, expect, test } from 'vitest';
import { type ClientBody, readClientBody } from '../../src/protocol/message.ts';

const JSON_TYPE = ['Content-Type', 'application/json'];

function read(body: string | Uint8Array, headers: readonly string[] = []): ClientBody {
  return readClientBody(typeof body === 'string' ? Buffer.from(body) : body, [...JSON_TYPE, ...headers]);
}

function call(params: string, id = '1'): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`;
}

describe('what a client may send', () => {
  test.each([
    ['{"jsonrpc":"2.0","id":1,"method":"ping"}', 'request', '1'],
    ['{"jsonrpc":"2.0","id":"\\u0061","method":"ping"}', 'request', '"\\u0061"'],
    ['{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', 'request', '9007199254740993'],
    ['{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}', 'notification', undefined],
    ['{"jsonrpc":"2.0","id":4,"result":{}}', 'response', '4'],
    ['{"jsonrpc":"2.0","id":4,"error":{"code":1,"message":"m"}}', 'response', '4'],
    ['\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}', 'request', '1'],
  ])('%s is a %s', (text, kind, idLexeme) => {
    expect(read(text)).toMatchObject({ kind: 'single', messages: [{ kind, idLexeme }], text });
  });

  test('a body is JSON in UTF-8, and says so', () => {
    const ping = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}');
    for (const headers of [
      [],
      ['Content-Type', 'text/plain'],
      [...JSON_TYPE, 'content-type', 'text/plain'],
      ['Content-Type', 'application/json; charset=utf-7'],
    ]) {
      expect(readClientBody(ping, headers)).toMatchObject({ kind: 'fault', code: -32000, status: 415 });
    }
    expect(read(Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({ kind: 'fault', code: -32700, reason: 'the body is not UTF-8' });
    expect(read('{')).toMatchObject({ kind: 'fault', code: -32700 });
    expect(read('')).toMatchObject({ kind: 'fault', code: -32700 });
  });

  test.each([
    ['1', 'a message must be an object'],
    ['{"id":1,"method":"ping"}', 'jsonrpc must be "2.0"'],
    ['{"jsonrpc":"1.0","id":1,"method":"ping"}', 'jsonrpc must be "2.0"'],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', 'the id must be a string or a number'],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', 'the id must be a string or a number'],
    ['{"jsonrpc":"2.0","id":1,"method":1}', 'the method must be a string'],
    ['{"jsonrpc":"2.0","id":1}', 'neither a request, a notification nor a response'],
    ['{"jsonrpc":"2.0","result":{}}', 'neither a request, a notification nor a response'],
    ['{"jsonrpc":"2.0","id":1,"method":"x","params":[]}', 'params must be an object'],
    // For a lenient upstream a call of a tool, for policy a method without a target.
    ['{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"x"}}', 'write the method as tools/call'],
    ['{"jsonrpc":"2.0","id":1,"method":" resources/read\\n","params":{"uri":"x:y"}}', 'write the method as resources/read'],
  ])('%s: %s', (text, reason) => {
    expect(read(text)).toMatchObject({ kind: 'fault', code: -32600, reason });
  });

  test('who calls something names it', () => {
    expect(read(call('{"arguments":{}}'))).toMatchObject({ kind: 'fault', code: -32602, idLexeme: '1' });
    expect(read(call('{"name":7}'))).toMatchObject({ kind: 'fault', code: -32602 });
    expect(read('{"jsonrpc":"2.0","id":1,"method":"resources/read"}')).toMatchObject({ kind: 'fault', code: -32602 });
  });
});

describe('keys that could mean one to us and another to the upstream (R7)', () => {
  test.each([
    '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"x"}',
    '{"jsonrpc":"2.0","id":1,"Method":"tools/call"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","param\u017f":{}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","\\u006dethod":"tools/call"}',
    call('{"name":"a","Name":"b"}'),
    call('{"name":"a","name":"b"}'),
    call('{"name":"a","Arguments":{}}'),
    call('{"name":"a","argument\u017f":{}}'),
    call('{"name":"a","arguments":{"x":1,"X":2}}'),
  ])('%s', (text) => {
    expect(read(text)).toMatchObject({ kind: 'fault', code: -32600 });
  });

  test('other keys may differ by case in what no rule looks into', () => {
    expect(read(call('{"name":"a","arguments":{"deep":{"x":1,"X":2}}}'))).toMatchObject({ kind: 'single' });
  });
});

describe('headers say what the body says', () => {
  const named = call('{"name":"über"}');
  test.each([
    ['mcp-method', 'tools/call', true],
    ['Mcp-Method', 'tools/list', false],
    ['Mcp-Name', '=?base64?w7xiZXI=?=', true],
    ['Mcp-Name', 'uber', false],
    ['Mcp-Name', '=?base64?/w==?=', false],
    ['Mcp-Param-X', 'anything', true],
    ['Mcp-Param-X', '=?base64?/w==?=', false],
  ])('%s: %s', (name, value, agrees) => {
    expect(read(named, [name, value])).toMatchObject(agrees ? { kind: 'single' } : { kind: 'fault', code: -32020, idLexeme: '1' });
  });

  test('a header that stands twice must agree twice', () => {
    expect(read(named, ['Mcp-Method', 'tools/call', 'mcp-method', 'tools/list'])).toMatchObject({ code: -32020 });
  });

  test('the revision in _meta', () => {
    const text = '{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}';
    expect(read(text, ['MCP-Protocol-Version', '2026-07-28'])).toMatchObject({ kind: 'single' });
    expect(read(text, ['MCP-Protocol-Version', '2025-11-25'])).toMatchObject({ code: -32020 });
  });

  test('tasks are named too; a name for what has none is the upstream’s business', () => {
    const get = '{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t1"}}';
    expect(read(get, ['Mcp-Name', 't1'])).toMatchObject({ kind: 'single' });
    expect(read(get, ['Mcp-Name', 't2'])).toMatchObject({ code: -32020 });
    expect(read('{"jsonrpc":"2.0","id":1,"method":"tools/list"}', ['Mcp-Name', 'x'])).toMatchObject({ kind: 'single' });
  });
});

describe('batches', () => {
  const ping = (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;

  test('exist in one revision only, which is also meant where none is named', () => {
    const batch = `[${ping('1')},{"jsonrpc":"2.0","method":"notifications/x"}]`;
    expect(read(batch)).toMatchObject({ kind: 'batch', messages: [{ idLexeme: '1' }, { kind: 'notification' }] });
    expect(read(batch, ['MCP-Protocol-Version', '2025-03-26'])).toMatchObject({ kind: 'batch' });
    for (const revision of ['2025-06-18', '2025-11-25', '2026-07-28']) {
      expect(read(batch, ['MCP-Protocol-Version', revision])).toMatchObject({ kind: 'fault', code: -32600 });
    }
  });

  test('are refused whole for one bad message, an id that stands twice, or nothing in them', () => {
    expect(read('[]')).toMatchObject({ code: -32600, reason: 'an empty batch' });
    expect(read(`[${ping('1')},{}]`)).toMatchObject({ code: -32600 });
    expect(read(`[${ping('1')},${ping('1')}]`)).toMatchObject({ code: -32600, idLexeme: '1' });
    expect(read(`[${ping('"a"')},${ping('"\\u0061"')}]`)).toMatchObject({ code: -32600 });
    expect(read(`[${ping('1')},${ping('"1"')}]`)).toMatchObject({ kind: 'batch' });
    expect(read(`[[${ping('1')}]]`)).toMatchObject({ code: -32600 });
  });

  test('no header names the method of many', () => {
    expect(read(`[${ping('1')},${call('{"name":"a"}', '2')}]`, ['Mcp-Method', 'ping'])).toMatchObject({ code: -32020, idLexeme: '2' });
  });
});

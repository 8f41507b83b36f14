// What MCP needs stays as it is; what only the upstream can read is recorded as its length (RULES R3).
import { describe, expect, it } from 'vitest';
import { compileMasker } from '../../src/mask/compile.ts';
import { defaults, masked, mcpRecord, mcpWire, record } from './maskers.ts';

// Values that every detector would like.
const MAIL = 'bob@example.com';
const CARD = '4111111111111111';

const request = {
  jsonrpc: '2.0',
  id: MAIL,
  method: 'tools/call',
  params: {
    name: 'search',
    arguments: { query: `from ${MAIL}`, cursor: MAIL, token: 'abc' },
    requestState: `state-${MAIL}`,
    _meta: { progressToken: CARD, 'io.modelcontextprotocol/clientInfo': { name: MAIL }, traceparent: `00-${CARD}-01`, note: MAIL },
  },
};

describe('a request', () => {
  it('keeps ids, state and protocol keys on the wire', () => {
    expect(JSON.parse(masked(JSON.stringify(request), mcpWire))).toEqual({
      ...request,
      params: {
        ...request.params,
        arguments: { query: 'from [email]', cursor: '[email]', token: '[secret:key]' },
        _meta: { ...request.params._meta, note: '[email]' },
      },
    });
  });

  it('records state as its length', () => {
    expect(JSON.parse(masked(JSON.stringify(request), mcpRecord))).toEqual({
      ...request,
      params: {
        ...request.params,
        requestState: '[opaque:21]',
        arguments: { query: 'from [email]', cursor: '[email]', token: '[secret:key]' },
        _meta: { ...request.params._meta, note: '[email]' },
      },
    });
  });
});

describe('cursors', () => {
  const list = { jsonrpc: '2.0', id: 1, result: { tools: [], nextCursor: 'eyJvZmZzZXQiOjEwMH0=' } };
  const next = { jsonrpc: '2.0', id: 2, method: 'tools/list', params: { cursor: 'eyJvZmZzZXQiOjEwMH0=' } };

  it('pass on the wire and are recorded as their length, even where nothing else is masked', () => {
    expect(masked(JSON.stringify([list, next]), mcpWire)).toBe(JSON.stringify([list, next]));
    expect(masked(JSON.stringify(list), mcpRecord)).toBe('{"jsonrpc":"2.0","id":1,"result":{"tools":[],"nextCursor":"[opaque:20]"}}');
    expect(JSON.parse(masked(JSON.stringify([list, next]), mcpRecord))).toEqual([
      { ...list, result: { tools: [], nextCursor: '[opaque:20]' } },
      { ...next, params: { cursor: '[opaque:20]' } },
    ]);
  });

  it('are recorded so with no detector at all, once, and however their name is spelled', () => {
    const none = compileMasker({ detectors: [], fields: [] });
    const spelled = JSON.stringify(list).replace('nextCursor', '\\u006eextCursor');
    const once = masked(spelled, mcpRecord, none);
    expect(once).toContain('"[opaque:20]"');
    expect(masked(once, mcpRecord, none)).toBe(once);
  });

  it('mean nothing outside of MCP', () => {
    expect(masked(JSON.stringify(list), record)).toBe(JSON.stringify(list));
  });
});

it('leaves tasks and progress alone', () => {
  const message = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: MAIL, taskId: CARD, message: MAIL } };
  expect(JSON.parse(masked(JSON.stringify(message), mcpWire)).params).toEqual({ progressToken: MAIL, taskId: CARD, message: '[email]' });
  const result = { jsonrpc: '2.0', id: 1, result: { task: { taskId: CARD, status: 'working' }, tasks: [{ taskId: CARD }] } };
  expect(masked(JSON.stringify(result), mcpRecord)).toBe(JSON.stringify(result));
});

it('a field rule does not reach what the protocol needs', () => {
  const greedy = compileMasker({ detectors: defaults, fields: [{ path: '$..id' }, { path: '$..cursor' }] });
  const message = { jsonrpc: '2.0', id: 7, method: 'tools/list', params: { cursor: 'abc', filter: { id: 'x' } } };
  expect(JSON.parse(masked(JSON.stringify(message), mcpWire, greedy))).toEqual({ ...message, params: { cursor: 'abc', filter: { id: '[field]' } } });
});

it('what is opaque is kept out of the record also where no detector is on', () => {
  const masker = compileMasker({ detectors: [], fields: [] });
  const mask = (text: string) => masker.mask(text, { form: 'json', scope: 'mcp', target: 'record' }).text;
  const clean = '{"jsonrpc":"2.0","id":1,"result":{"text":"ada@example.com"}}';
  expect(mask(clean)).toBe(clean);
  expect(mask('{"jsonrpc":"2.0","id":1,"result":{"nextCursor":"abcdef"}}')).toBe('{"jsonrpc":"2.0","id":1,"result":{"nextCursor":"[opaque:6]"}}');
  expect(mask('{"jsonrpc":"2.0","id":1,"result":{"next\\u0043ursor":"abcdef"}}')).toContain('[opaque:6]');
});

// Requests in, entries and commands out: what is recorded of a client's message, and whether it goes on.
import { describe, expect, test } from 'vitest';
import { takeIntakeCall } from '../../src/path/intake.ts';
import { refuseCall } from '../../src/path/refuse.ts';
import { type RequestStep, takeMcpBare, takeMcpPost } from '../../src/path/request.ts';
import { makeRequest, makeRules, namesOf, payloadOf, type RulesOptions, storedText } from '../support/rules.ts';

const SECRET = 'hunter2-correct-horse';

function post(body: string, options: RulesOptions = {}, headers?: readonly string[]): RequestStep {
  const rules = makeRules(options);
  return takeMcpPost(rules, makeRequest(rules, 'POST', body, headers));
}

function call(tool: string, args: object = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } });
}

function answered(step: RequestStep) {
  if (step.kind !== 'answer') throw new Error('it was forwarded');
  return { ...step.answer, json: step.answer.body === '' ? undefined : JSON.parse(step.answer.body) };
}

const denyDeletes = { rules: [{ id: 'no-delete', effect: 'deny' as const, tools: ['delete_*'], message: 'nobody deletes here' }] };

describe('what is allowed', () => {
  test('is recorded, then forwarded, and its requests are remembered with their ids as written', () => {
    const body = '{"jsonrpc":"2.0", "id":9007199254740993,"method":"tools/call","params":{"name":"get_x","arguments":{"q":"a"}}}';
    const step = post(body, {}, ['Content-Type', 'application/json', 'User-Agent', 'client/1']);
    expect(step).toMatchObject({ kind: 'forward', form: 'single', open: { requests: [{ idLexeme: '9007199254740993', method: 'tools/call' }] } });
    const [entry, ...more] = step.entries;
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ kind: 'message', direction: 'up', message: 'request', decision: { effect: 'allow' }, wireBytes: body.length });
    expect(entry?.final).toBeUndefined();
    expect(entry?.mac).toHaveLength(16);
    expect(entry?.policyHash).toHaveLength(32);
    expect(payloadOf(entry)).toBe(body);
    expect(namesOf(entry)).toMatchObject({ method: 'tools/call', tool: 'get_x', headers: { 'user-agent': 'client/1' } });
  });

  test('is recorded masked; the wire keeps its bytes', () => {
    const step = post(call('get_x', { password: SECRET }));
    expect(step.kind).toBe('forward');
    expect(storedText(step.entries[0] as never)).not.toContain(SECRET);
    expect(step.entries[0]?.maskedCount).toBe(1);
  });

  test.each([
    ['notification', '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}', 'notifications/cancelled'],
    ['response', '{"jsonrpc":"2.0","id":4,"result":{"action":"accept"}}', 'response'],
  ])('a %s opens no request', (kind, body, method) => {
    const step = post(body);
    expect(step).toMatchObject({ kind: 'forward', open: { requests: [] }, entries: [{ message: kind }] });
    expect(namesOf(step.entries[0]).method).toBe(method);
  });

  test('metrics that its queries name stand in the entry, also where it is denied', () => {
    const asked = call('get_datadog_metric', { queries: ['avg:checkout.latency{*} / sum:checkout.hits{*}', 'avg:checkout.latency{env:prod}'] });
    const metrics = { 'checkout.latency': 1, 'checkout.hits': 1 };
    expect(namesOf(post(asked).entries[0])).toMatchObject({ metrics });
    const denied = post(asked, { rules: [{ id: 'r', effect: 'deny', metrics: ['checkout.hits'] }] });
    expect(answered(denied).body).toContain('rule \\"r\\"');
    expect(namesOf(denied.entries[0])).toMatchObject({ metrics });
    expect(namesOf(post(call('get_x', { queries: ['avg:checkout.latency{*}'] })).entries[0]).metrics).toBeUndefined();
  });

  test('names of prompts and resources stand in the entry', () => {
    expect(namesOf(post('{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p"}}').entries[0])).toMatchObject({ prompt: 'p' });
    expect(namesOf(post('{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}').entries[0])).toMatchObject({ uri: 'a:b' });
  });

  test('a batch is one entry with the methods in it', () => {
    const step = post(`[${call('a')},{"jsonrpc":"2.0","method":"notifications/x"}]`);
    expect(step).toMatchObject({ kind: 'forward', form: 'batch', open: { requests: [{ idLexeme: '1' }] }, entries: [{ message: 'batch' }] });
    expect(namesOf(step.entries[0])).toMatchObject({ method: 'batch', note: 'tools/call notifications/x' });
  });
});

describe('what is denied', () => {
  test('a tool by a rule: recorded with the rule, answered in words', () => {
    const step = post(call('delete_monitor', { password: SECRET }), denyDeletes);
    expect(answered(step)).toMatchObject({ status: 200, json: { id: 1, result: { isError: true } } });
    const [entry] = step.entries;
    expect(entry).toMatchObject({ kind: 'decision', direction: 'up', final: true, failed: true, decision: { effect: 'deny', rule: 'no-delete' } });
    expect(answered(step).body).toContain(entry?.decision?.id);
    expect(payloadOf(entry)).toContain('delete_monitor');
    expect(storedText(entry as never)).not.toContain(SECRET);
  });

  test('a tool that access does not grant looks unknown, but the entry says why', () => {
    const step = post(call('delete_monitor'), { access: [{ tools: ['get_*'] }] });
    expect(answered(step).json).toMatchObject({ error: { code: -32602, message: 'Unknown tool: delete_monitor' } });
    expect(step.entries[0]?.decision).toMatchObject({ effect: 'deny', rule: 'access' });
  });

  test('a call without an id is no way around: 403', () => {
    const step = post('{"jsonrpc":"2.0","method":"tools/call","params":{"name":"delete_monitor"}}', denyDeletes);
    expect(answered(step)).toMatchObject({ status: 403 });
  });

  test('a batch with one denied call goes nowhere', () => {
    const step = post(`[${call('get_x')},${call('delete_x').replace('"id":1', '"id":2')}]`, denyDeletes);
    expect(answered(step).json).toMatchObject([
      { id: 1, error: { code: 4030 } },
      { id: 2, result: { isError: true } },
    ]);
    expect(step.entries).toHaveLength(1);
  });
});

describe('what cannot be decided on never leaves', () => {
  test.each([
    ['not JSON', '{', undefined, 400, -32700],
    ['two methods', '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}', undefined, 400, -32600],
    ['another media type', call('a'), ['Content-Type', 'text/plain'], 415, -32000],
    ['a header that differs', call('a'), ['Content-Type', 'application/json', 'Mcp-Name', 'b'], 400, -32020],
    ['a batch where there is none', `[${call('a')}]`, ['Content-Type', 'application/json', 'MCP-Protocol-Version', '2025-11-25'], 400, -32600],
  ])('%s', (_what, body, headers, status, code) => {
    const step = post(body, {}, headers);
    expect(answered(step)).toMatchObject({ status, json: { error: { code } } });
    expect(step.entries).toMatchObject([{ kind: 'decision', message: 'opaque', final: true, status, decision: { effect: 'deny', rule: 'protocol' } }]);
    expect(payloadOf(step.entries[0])).toBeUndefined();
    expect(step.entries[0]?.mac).toHaveLength(16);
  });

  test('a body that the shell could not read', () => {
    const rules = makeRules();
    const request = { ...makeRequest(rules, 'POST', ''), body: undefined, bodyFault: { status: 413, reason: 'too long' } };
    expect(answered(takeMcpPost(rules, request))).toMatchObject({ status: 413 });
  });

  test('a message under another verb, or in the body of a GET', () => {
    const rules = makeRules();
    expect(takeMcpBare(rules, makeRequest(rules, 'GET', undefined))).toMatchObject({ kind: 'forward', entries: [{ message: 'http' }] });
    expect(takeMcpBare(rules, makeRequest(rules, 'DELETE', undefined))).toMatchObject({ kind: 'forward' });
    expect(answered(takeMcpBare(rules, makeRequest(rules, 'PUT', call('x'))))).toMatchObject({ status: 405 });
    expect(answered(takeMcpBare(rules, makeRequest(rules, 'GET', call('x'))))).toMatchObject({ status: 400 });
  });
});

describe('how much is recorded', () => {
  const body = call('get_x', { city: 'Aarhus', note: 'nothing secret' });
  const headers = ['Content-Type', 'application/json', 'Mcp-Param-City', 'Aarhus'];

  test('metadata: who, what and when, and nothing of the contents', () => {
    for (const options of [{}, denyDeletes, { rules: [{ id: 'none', effect: 'deny' as const, tools: ['*'] }] }]) {
      const step = post(body, { ...options, connection: { record: 'metadata' } }, headers);
      const [entry] = step.entries;
      expect(payloadOf(entry)).toBeUndefined();
      expect(storedText(entry as never)).not.toMatch(/Aarhus|nothing secret/);
      expect(namesOf(entry)).toMatchObject({ method: 'tools/call', tool: 'get_x' });
      expect(entry?.mac).toHaveLength(16);
    }
  });

  test('full: parameters in headers too, masked', () => {
    const [entry] = post(body, {}, [...headers, 'Mcp-Param-Password', SECRET]).entries;
    expect(namesOf(entry).headers).toMatchObject({ 'mcp-param-city': 'Aarhus' });
    expect(storedText(entry as never)).not.toContain(SECRET);
  });

  test('secrets in the query of a target are masked', () => {
    const rules = makeRules();
    const request = { ...makeRequest(rules, 'GET', undefined), target: `/mcp?toolsets=core&api_key=${SECRET}` };
    const [entry] = takeMcpBare(rules, request).entries;
    expect(namesOf(entry).uri).toContain('toolsets=core');
    expect(storedText(entry as never)).not.toContain(SECRET);
  });
});

test('a session that takes no more calls answers in the form of the call, and keeps no contents', () => {
  const rules = makeRules();
  const refusal = { rule: 'grant-expired', reason: 'over', remedy: 'Extend it', decisionId: 'dec_1' as never, hidden: false };
  const asked = (verb: string, body?: string) => refuseCall(rules, makeRequest(rules, verb, body), refusal);
  expect(answered(asked('POST', call('x')))).toMatchObject({ status: 200, json: { result: { isError: true } } });
  expect(answered(asked('POST', `[${call('x')}]`)).json).toMatchObject([{ id: 1, result: { isError: true } }]);
  expect(answered(asked('GET'))).toMatchObject({ status: 403 });
  expect(payloadOf(asked('POST', call('x')).entries[0])).toBeUndefined();
});

describe('the intake', () => {
  const series = JSON.stringify({ series: [{ metric: 'checkout.orders', points: [{ timestamp: 1, value: 2 }] }] });
  const intake = (body: string, options: RulesOptions = {}, target = '/api/v2/series', type = 'application/json'): RequestStep => {
    const rules = makeRules({ ...options, connection: { kind: 'datadog-intake' } });
    return takeIntakeCall(rules, { ...makeRequest(rules, 'POST', body, ['Content-Type', type]), target });
  };

  test('names and their counts stand in the entry', () => {
    const step = intake(series);
    expect(step).toMatchObject({ kind: 'forward', entries: [{ message: 'http', decision: { effect: 'allow' } }] });
    expect(namesOf(step.entries[0])).toMatchObject({ metrics: { 'checkout.orders': 1 }, uri: '/api/v2/series' });
  });

  test('one name outside of the namespace rejects the whole batch, in Datadog’s own form', () => {
    const step = intake(series, { access: [{ metrics: ['billing.*'] }] });
    expect(answered(step)).toMatchObject({ status: 403, json: { errors: [expect.stringContaining('checkout.orders')] } });
    expect(step.entries).toMatchObject([{ kind: 'decision', decision: { effect: 'deny' } }]);
  });

  test('what is not listed, or cannot be read, is refused', () => {
    expect(answered(intake(series, {}, '/api/v1/other'))).toMatchObject({ status: expect.any(Number) });
    expect(answered(intake('{', {}))).toMatchObject({ status: 400 });
    expect(answered(intake(series, {}, '/api/v2/series', 'application/x-protobuf'))).toMatchObject({ status: 415 });
  });
});

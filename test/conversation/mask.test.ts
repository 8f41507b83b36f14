// Masks that a rule of the policy adds for single calls: on the request, on the answer, in the record, and nowhere else.
import { describe, expect, test } from 'vitest';
import { mayChange, takeMcpAnswer } from '../../src/path/answer.ts';
import { takeHttpCall } from '../../src/path/http.ts';
import { type ForwardStep, type RequestStep, takeMcpBare, takeMcpPost } from '../../src/path/request.ts';
import type { PathRules } from '../../src/path/rules.ts';
import type { CallMask } from '../../src/policy/call.ts';
import { makeRequest, makeRules, payloadOf, storedText } from '../support/rules.ts';

const EMAIL = 'jo.doe@example.com';

function ruled(mask: Partial<CallMask>, options: Parameters<typeof makeRules>[0] = {}): PathRules {
  const terms = { apply: mask.apply ?? ['upstream'], detectors: mask.detectors ?? ['email'], fields: mask.fields ?? [] };
  const rule = {
    id: 'no-mail-out',
    effect: 'mask' as const,
    tools: ['send_*'],
    mask: { ...terms, apply: [...terms.apply], detectors: [...terms.detectors], fields: [...terms.fields] },
  };
  return makeRules({ ...options, rules: [rule] });
}

function forward(step: RequestStep): ForwardStep {
  if (step.kind !== 'forward') throw new Error(`it was not forwarded: ${JSON.stringify(step)}`);
  return step;
}

const message = (id: number, tool: string, args: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: args, _meta: { progressToken: EMAIL } } });

function post(rules: PathRules, body: string, headers: readonly string[] = ['Content-Type', 'application/json']): ForwardStep {
  return forward(takeMcpPost(rules, makeRequest(rules, 'POST', body, headers)));
}

describe('on its way to the upstream', () => {
  test('the arguments are masked, every other byte and what the protocol needs stay', () => {
    const body = ` {"jsonrpc":"2.0", "id":1,"method":"tools/call","params":{"name":"send_x","arguments":{"to":"${EMAIL}","n":1.0},"_meta":{"progressToken":"${EMAIL}"}}}`;
    const { changed, entries } = post(ruled({}), body, ['Content-Type', 'application/json', 'Content-Digest', 'x', 'X-Other', 'y']);
    expect(Buffer.from(changed?.body ?? []).toString()).toBe(body.replace(`"to":"${EMAIL}"`, '"to":"[email]"'));
    expect(changed?.headers).toEqual(['Content-Type', 'application/json', 'X-Other', 'y']);
    expect(payloadOf(entries[0])).toContain('[email]');
  });

  test('another tool’s bytes stay, and so do those with nothing in them', () => {
    expect(post(ruled({}), message(1, 'get_x', { to: EMAIL })).changed).toBeUndefined();
    expect(post(ruled({}), message(1, 'send_x', { to: 'nobody' })).changed).toBeUndefined();
  });

  test('in a batch only the calls that the rule is about', () => {
    const { changed } = post(ruled({}), `[${message(1, 'send_x', { to: EMAIL })}, ${message(2, 'get_x', { to: EMAIL })}]`);
    const [first, second] = JSON.parse(Buffer.from(changed?.body ?? []).toString());
    expect([first.params.arguments.to, second.params.arguments.to]).toEqual(['[email]', EMAIL]);
  });

  test('headers that repeat an argument say what the body says', () => {
    const headers = ['Content-Type', 'application/json', 'Mcp-Param-To', EMAIL, 'Mcp-Param-Key', `=?base64?${Buffer.from('ü-1').toString('base64')}?=`];
    const { changed } = post(ruled({ fields: [{ path: '$..key', as: 'redact' }] }), message(1, 'send_x', { to: EMAIL, key: 'ü-1' }), headers);
    expect(changed?.headers).toEqual(['Content-Type', 'application/json', 'Mcp-Param-To', '[email]', 'Mcp-Param-Key', '[field]']);
  });

  test('of an http call, its body and its query', () => {
    const rules = makeRules({
      connection: { kind: 'http', paths: ['/*'] },
      rules: [{ id: 'out', effect: 'mask', mask: { apply: ['upstream'], detectors: ['email'], fields: [] } }],
    });
    const request = { ...makeRequest(rules, 'POST', `{"to":"${EMAIL}"}`), target: `/x?to=${encodeURIComponent(EMAIL)}&n=1` };
    const { changed } = forward(takeHttpCall(rules, request));
    expect(changed?.target).toBe('/x?to=%5Bemail%5D&n=1');
    expect(Buffer.from(changed?.body ?? []).toString()).toBe('{"to":"[email]"}');
    const opaque = takeHttpCall(rules, { ...request, body: new Uint8Array([0xff, 0xfe]) });
    expect(opaque).toMatchObject({ kind: 'answer', answer: { status: 403 } });
  });
});

describe('on its way to the client', () => {
  const answer = (id: number): string => JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: EMAIL }] } });
  const facts = (step: ForwardStep) => ({ exchange: step.open.exchange, at: { wallMs: 1, monoUs: 1 }, wire: undefined, wireBytes: 1 });
  const take = (rules: PathRules, step: ForwardStep, text: string) => takeMcpAnswer(rules, step.open, { facts: facts(step), status: 200, text, whole: true });

  test('the answer to a call that the rule is about', () => {
    const rules = ruled({ apply: ['client'] });
    const step = post(rules, message(1, 'send_x', {}));
    expect(mayChange(rules, step.open)).toBe(true);
    expect(take(rules, step, answer(1)).changed).toBe(answer(1).replace(EMAIL, '[email]'));
    const other = post(rules, message(1, 'get_x', {}));
    expect(mayChange(rules, other.open)).toBe(false);
    expect(take(rules, other, answer(1)).changed).toBeUndefined();
  });

  test('each answer to a batch by its own call’s rule, and a late one on a resumed stream by every rule', () => {
    const rules = ruled({ apply: ['client'] });
    const step = post(rules, `[${message(1, 'send_x', {})},${message(2, 'get_x', {})}]`);
    expect(take(rules, step, answer(1)).changed).toContain('[email]');
    expect(take(rules, step, answer(2)).changed).toBeUndefined();
    const resumed = forward(takeMcpBare(rules, makeRequest(rules, 'GET', undefined)));
    expect(take(rules, resumed, answer(1)).changed).toContain('[email]');
  });
});

test('in the record, what the rule adds to the session’s own', () => {
  const rules = ruled({ apply: ['record'], detectors: [], fields: [{ path: '$..city', as: 'redact' }] });
  const kept = post(rules, message(1, 'get_x', { city: 'Oslo' }));
  const masked = post(rules, message(1, 'send_x', { city: 'Oslo', to: EMAIL }));
  expect(storedText(kept.entries[0] as never)).toContain('Oslo');
  expect(storedText(masked.entries[0] as never)).not.toMatch(/Oslo|jo\.doe@example\.com","to/);
  expect(masked.changed).toBeUndefined();
  expect(masked.entries[0]?.maskerVersion).not.toBe(kept.entries[0]?.maskerVersion);
});

test('a call that is denied is recorded masked by every rule, as none can be asked whether it holds', () => {
  const mask = {
    id: 'city',
    effect: 'mask' as const,
    tools: ['send_*'],
    mask: { apply: ['record' as const], detectors: [], fields: [{ path: '$..city', as: 'redact' as const }] },
  };
  const rules = makeRules({ rules: [{ id: 'never', effect: 'deny', tools: ['send_*'] }, mask] });
  const step = takeMcpPost(rules, makeRequest(rules, 'POST', message(1, 'send_x', { city: 'Oslo' })));
  if (step.kind !== 'answer') throw new Error('it went on');
  expect(storedText(step.entries[0] as never)).not.toContain('Oslo');
});

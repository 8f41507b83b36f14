// Answers in, entries and bytes out: what is recorded of an upstream's message, and what the client gets in its place.
import { describe, expect, test } from 'vitest';
import { newId } from '../../src/base/ids.ts';
import { type AnswerMessage, type AnswerStep, endExchange, mayChange, takeHttpAnswer, takeMcpAnswer } from '../../src/path/answer.ts';
import { takeMcpBare } from '../../src/path/request.ts';
import type { OpenExchange, PathRules } from '../../src/path/rules.ts';
import { makeRequest, makeRules, namesOf, payloadOf, type RulesOptions, storedText } from '../support/rules.ts';

const EMAIL = 'jo.doe@example.com';
const forClient: RulesOptions = { mask: { apply: ['record', 'client'] } };
const onlyGets: RulesOptions = { access: [{ tools: ['get_*'] }] };

function opened(rules: PathRules, ...requests: [string, string][]): OpenExchange {
  const masking = rules.maskingOf(undefined);
  return { exchange: newId('exc', rules.ids), masking, requests: requests.map(([idLexeme, method]) => ({ idLexeme, method, masking })) };
}

function message(open: OpenExchange, text: string | undefined, whole = true, status = 200): AnswerMessage {
  const wire = Buffer.from(text ?? 'xx');
  return { facts: { exchange: open.exchange, at: { wallMs: 1, monoUs: 1 }, wire, wireBytes: wire.length }, status, text, whole };
}

function take(text: string | undefined, options: RulesOptions = {}, requests: [string, string][] = [['1', 'tools/call']], whole = true): AnswerStep {
  const rules = makeRules(options);
  const open = opened(rules, ...requests);
  return takeMcpAnswer(rules, open, message(open, text, whole));
}

describe('what is recorded', () => {
  test('the answer to the request ends the exchange', () => {
    const { entry, changed } = take('{"jsonrpc":"2.0","id":1,"result":{"content":[]}}', {}, [['1', 'tools/call']], false);
    expect(entry).toMatchObject({ kind: 'message', direction: 'down', message: 'response', final: true, status: 200 });
    expect(entry.failed).toBeUndefined();
    expect(entry.mac).toHaveLength(16);
    expect(changed).toBeUndefined();
  });

  test('what comes before it does not', () => {
    const progress = take('{"jsonrpc":"2.0","method":"notifications/progress","params":{}}', {}, [['1', 'tools/call']], false);
    expect(progress.entry.final).toBeUndefined();
    expect(progress.entry.message).toBe('notification');
    expect(namesOf(progress.entry).method).toBe('notifications/progress');
    const asks = take('{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}', {}, [['1', 'tools/call']], false);
    expect(asks.entry).toMatchObject({ message: 'request' });
    expect(asks.entry.final).toBeUndefined();
  });

  test('a failure is told from a success', () => {
    expect(take('{"id":1,"error":{"code":1,"message":"m"}}').entry.failed).toBe(true);
    expect(take('{"id":1,"result":{"isError":true}}').entry.failed).toBe(true);
  });

  test('an answer to no request passes, and is marked', () => {
    const { entry, changed } = take('{"jsonrpc":"2.0","id":7,"result":{}}', {}, [['1', 'tools/call']], false);
    expect(namesOf(entry).note).toBe('unmatched');
    expect(entry.final).toBeUndefined();
    expect(changed).toBeUndefined();
    expect(namesOf(take('{"jsonrpc":"2.0","id":1.0,"result":{}}').entry).note).toBeUndefined();
    expect(namesOf(take('{"jsonrpc":"2.0","id":null,"error":{}}').entry).note).toBeUndefined();
  });

  test('an answer to a request of an earlier exchange names it, is masked as that request says, and a second one is noted', () => {
    const rules = makeRules(onlyGets);
    const listing = opened(rules, ['7', 'tools/list']);
    const resumed = { ...opened(rules), requests: [] };
    const [request] = listing.requests;
    const hear = (isAnswered: boolean) => {
      const text = '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"drop_x"}]}}';
      const earlier = (id: string) => (id === '7' && request !== undefined ? { exchange: listing.exchange, request, isAnswered } : undefined);
      return takeMcpAnswer(rules, resumed, { ...message(resumed, text, false), earlier });
    };
    const { entry, changed, answers } = hear(false);
    expect(entry).toMatchObject({ exchange: resumed.exchange, parent: listing.exchange });
    expect([namesOf(entry).note, entry.final, answers?.idLexeme]).toEqual([undefined, undefined, '7']);
    expect(changed).toBe('{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}');
    expect(namesOf(hear(true).entry).note).toBe('repeated');
  });

  test('a batch, what is no message, and what could not be read', () => {
    expect(take(' [{"id":1,"result":{}}]').entry.message).toBe('batch');
    expect(take('<html>').entry.message).toBe('http');
    const opaque = take(undefined).entry;
    expect(opaque).toMatchObject({ message: 'opaque', wireBytes: 2 });
    expect(opaque.mac).toHaveLength(16);
    expect(payloadOf(opaque)).toBeUndefined();
  });

  test('masked in the record, untouched on the wire', () => {
    const { entry, changed } = take(`{"id":1,"result":{"content":[{"type":"text","text":"mail ${EMAIL}"}]}}`);
    expect(storedText(entry)).not.toContain(EMAIL);
    expect(entry.maskedCount).toBe(1);
    expect(changed).toBeUndefined();
  });

  test('metadata keeps no contents', () => {
    const { entry } = take('{"id":1,"result":{"content":[{"type":"text","text":"forty-two"}]}}', { connection: { record: 'metadata' } });
    expect(payloadOf(entry)).toBeUndefined();
    expect(storedText(entry)).not.toContain('forty-two');
  });

  test('an exchange without an answer of its own has an end', () => {
    const rules = makeRules();
    const facts = { exchange: newId('exc', rules.ids), at: { wallMs: 1, monoUs: 1 }, wire: undefined, wireBytes: 0 };
    expect(endExchange(rules, facts, { status: 202, failed: false })).toMatchObject({ message: 'end', final: true, status: 202, wireBytes: 0 });
    expect(namesOf(endExchange(rules, facts, { failed: true, note: 'upstream_lost' })).note).toBe('upstream_lost');
  });
});

describe('masked for the client', () => {
  test('only the literals that were hit change', () => {
    const text = `{ "id" : 1,\t"result":{"big":9007199254740993,"e":"\\u0041","content":[ {"type":"text","text":"${EMAIL}"} ]}}`;
    const { changed = '' } = take(text, forClient);
    expect(changed).not.toContain(EMAIL);
    const [before = '', after = ''] = text.split(`"${EMAIL}"`);
    expect(changed.startsWith(before)).toBe(true);
    expect(changed.endsWith(after)).toBe(true);
    expect(JSON.parse(changed)).toMatchObject({ id: 1 });
  });

  test('what has nothing to mask keeps its bytes', () => {
    expect(take('{"id":1,"result":{"n":1.0}}', forClient).changed).toBeUndefined();
  });

  test('on a stream that is taken up again, also by what a rule adds for calls that nobody here knows any more', () => {
    const adds = {
      id: 'm',
      effect: 'mask' as const,
      tools: ['who'],
      mask: { apply: ['record' as const, 'client' as const], detectors: ['email' as const], fields: [] },
    };
    const rules = makeRules({ mask: { detectors: [] }, rules: [adds] });
    const again = takeMcpBare(rules, makeRequest(rules, 'GET', '', ['Accept', 'text/event-stream', 'Last-Event-ID', '7']));
    if (again.kind !== 'forward') throw new Error('it was not forwarded');
    const { changed, entry } = takeMcpAnswer(rules, again.open, message(again.open, `{"jsonrpc":"2.0","id":1,"result":{"mail":"${EMAIL}"}}`, false));
    expect(JSON.parse(changed ?? '{}')).toMatchObject({ id: 1, result: { mail: '[email]' } });
    expect(storedText(entry)).not.toContain(EMAIL);
  });

  test('on an HTTP connection too', () => {
    const rules = makeRules({ ...forClient, connection: { kind: 'datadog-intake' } });
    const open = opened(rules);
    expect(takeHttpAnswer(rules, open, message(open, `{"errors":["${EMAIL}"]}`)).changed).not.toContain(EMAIL);
    expect(takeHttpAnswer(rules, open, message(open, 'ok')).entry).toMatchObject({ message: 'http', final: true });
  });
});

describe('lists without what is hidden', () => {
  const list =
    '{"jsonrpc":"2.0","id":1,"result":{ "tools" : [ {"name":"get_a","x":1.0} ,\n {"name":"delete_b"},{"name":"get_c"}\t] ,"ttlMs":5,"cacheScope":"public"}}';

  test('the hidden ones go, every other byte stays, and the list is private', () => {
    expect(take(list, onlyGets, [['1', 'tools/list']]).changed).toBe(
      '{"jsonrpc":"2.0","id":1,"result":{ "tools" : [ {"name":"get_a","x":1.0},{"name":"get_c"}\t] ,"ttlMs":5,"cacheScope":"private"}}',
    );
  });

  test.each([
    ['the first', '[ {"name":"del"} , {"name":"get_a"} ]', '[ {"name":"get_a"} ]'],
    ['the last', '[{"name":"get_a"}, {"name":"del"} ]', '[{"name":"get_a"} ]'],
    ['all', '[ {"name":"del"} ]', '[  ]'],
    ['none', '[ {"name":"get_a"} ]', undefined],
    ['one with two names', '[{"name":"get_a","name":"del"}]', '[]'],
    ['one without a name', '[{"name":7},{"name":"get_a"}]', '[{"name":"get_a"}]'],
  ])('%s', (_what, tools, shown) => {
    const wrap = (items: string) => `{"id":1,"result":{"tools":${items}}}`;
    expect(take(wrap(tools), onlyGets, [['1', 'tools/list']]).changed).toBe(shown === undefined ? undefined : wrap(shown));
  });

  test('one that is nested too deep to be looked at is withheld, from whom something is hidden', () => {
    const deep = `{"id":1,"result":{"x":${'['.repeat(300)}${']'.repeat(300)},"tools":[{"name":"delete_b"}]}}`;
    const { changed = '', entry } = take(deep, onlyGets, [['1', 'tools/list']]);
    expect(JSON.parse(changed)).toMatchObject({ id: 1, error: { code: 4030, message: expect.stringContaining('nested too deep') } });
    expect(entry.failed).toBe(true);
    expect(take(deep, {}, [['1', 'tools/list']]).changed).toBeUndefined();
    expect(take(deep, onlyGets, [['1', 'tools/call']]).changed).toBeUndefined();
  });

  test('behind a byte order mark, in an escaped key, in a second list', () => {
    const hidden = (text: string) => take(text, onlyGets, [['1', 'tools/list']]).changed;
    expect(hidden('\ufeff{"id":1,"result":{"tools":[{"name":"del"}]}}')).toBe('\ufeff{"id":1,"result":{"tools":[]}}');
    expect(hidden('{"id":1,"re\\u0073ult":{"tool\\u0073":[{"name":"del"}]}}')).not.toContain('del');
    expect(hidden('{"id":1,"result":{"tools":[{"name":"get_a"}],"tools":[{"name":"del"}]}}')).not.toContain('del');
    expect(hidden('{"id":1,"result":{},"result":{"tools":[{"name":"del"}]}}')).not.toContain('del');
  });

  test('in a batch', () => {
    const text = '[{"id":2,"result":{"prompts":[{"name":"get_p"},{"name":"p"}]}},{"id":1,"result":{"tools":[{"name":"del"},{"name":"get_a"}]}}]';
    const { changed } = take(text, { access: [{ tools: ['get_*'], prompts: ['get_*'] }] }, [
      ['1', 'tools/list'],
      ['2', 'prompts/list'],
    ]);
    expect(changed).toBe('[{"id":2,"result":{"prompts":[{"name":"get_p"}]}},{"id":1,"result":{"tools":[{"name":"get_a"}]}}]');
  });

  test('on a stream that brings the answer to an earlier request', () => {
    expect(take(list, onlyGets, [], false).changed).not.toContain('delete_b');
  });

  test('not in the result of another method, nor in a message of the server’s own', () => {
    expect(take(list, onlyGets, [['1', 'tools/call']]).changed).toBeUndefined();
    expect(take('{"method":"x","params":{"tools":[{"name":"del"}]}}', onlyGets, [['1', 'tools/list']]).changed).toBeUndefined();
  });

  test('what was shown is what is recorded', () => {
    expect(payloadOf(take(list, onlyGets, [['1', 'tools/list']]).entry)).not.toContain('delete_b');
  });
});

test('messages are held only where they may have to change', () => {
  const may = (options: RulesOptions, ...requests: [string, string][]) => {
    const rules = makeRules(options);
    return mayChange(rules, opened(rules, ...requests));
  };
  expect(may({}, ['1', 'tools/list'])).toBe(false);
  expect(may(forClient, ['1', 'tools/call'])).toBe(true);
  expect(may(onlyGets, ['1', 'tools/call'])).toBe(false);
  expect(may(onlyGets, ['1', 'tools/call'], ['2', 'prompts/list'])).toBe(true);
  expect(may(onlyGets)).toBe(true);
  expect(may({ ...onlyGets, connection: { kind: 'datadog-intake' } })).toBe(false);
});

describe('structured content that a mask would break', () => {
  const tools = (schema: unknown): string =>
    JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'who', inputSchema: {}, outputSchema: schema }] } });
  const answer = (content: unknown): string => JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [], structuredContent: content } });

  function call(schema: unknown, content: unknown): AnswerStep {
    const rules = makeRules(forClient);
    const list = opened(rules, ['1', 'tools/list']);
    takeMcpAnswer(rules, list, message(list, tools(schema)));
    const [request] = opened(rules, ['1', 'tools/call']).requests;
    if (request === undefined) throw new Error('no request');
    const open = { ...opened(rules), requests: [{ ...request, tool: 'who' }] };
    return takeMcpAnswer(rules, open, message(open, answer(content)));
  }

  const strings = { type: 'object', properties: { who: { type: 'string' } } };

  test.each([
    ['format', { ...strings, properties: { who: { type: 'string', format: 'email' } } }],
    ['pattern', { ...strings, properties: { who: { type: 'string', pattern: '^[a-z.]+@' } } }],
    ['enum', { ...strings, properties: { who: { enum: [EMAIL, 'nobody'] } } }],
    ['const', { ...strings, properties: { who: { const: EMAIL } } }],
    ['minLength', { ...strings, properties: { who: { minLength: 10 } } }],
    ['anyOf', { ...strings, properties: { who: { anyOf: [{ format: 'email' }, { type: 'null' }] } } }],
    ['format', { $defs: { mail: { format: 'email' } }, properties: { who: { $ref: '#/$defs/mail' } } }],
    ['pattern', { additionalProperties: { pattern: '@' } }],
  ])('by its %s is withheld, and the rule is named', (keyword, schema) => {
    const { changed = '', entry } = call(schema, { who: EMAIL });
    const told = JSON.parse(changed) as { id: number; result: { isError: boolean; content: { text: string }[] } };
    expect(told).toMatchObject({ jsonrpc: '2.0', id: 1, result: { isError: true } });
    expect(told.result.content[0]?.text).toContain(`Withheld by rule "mask"`);
    expect(told.result.content[0]?.text).toContain(`(${keyword})`);
    expect(changed).not.toContain(EMAIL);
    expect(entry.failed).toBe(true);
    expect(namesOf(entry).note).toContain(keyword);
    expect(storedText(entry)).not.toContain(EMAIL);
  });

  test('a number that becomes 0', () => {
    const card = 4_111_111_111_111_111;
    expect(call({ properties: { pan: { type: 'integer', minimum: 1 } } }, { pan: card }).changed).toContain('(minimum)');
    expect(JSON.parse(call({ properties: { pan: { type: 'integer' } } }, { pan: card }).changed ?? '')).toMatchObject({
      result: { structuredContent: { pan: 0 } },
    });
  });

  test('what stays valid passes masked, and so does what was not valid before', () => {
    expect(call(strings, { who: EMAIL }).changed).toBe(answer({ who: '[email]' }));
    expect(call({ properties: { n: { type: 'number' }, who: { format: 'email' } } }, { who: EMAIL, n: 'x' }).changed).toBe(answer({ who: '[email]', n: 'x' }));
  });
});

// The digest that an approval is bound to: every lexeme of a call counts, and nothing else.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/base/json.ts';
import { digestCall } from '../../src/path/digest.ts';
import { readMessage } from '../../src/protocol/message.ts';
import { jsonText } from '../support/arbitrary.ts';

function digests(params: string, method = 'tools/call', id = '1') {
  const text = `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`;
  const node = parseJson(text);
  if (node.type === 'fault') throw new Error(node.reason);
  const message = readMessage(node, text);
  if (message.kind === 'fault') throw new Error(message.reason);
  const { whole, asked } = digestCall(text, message);
  return { whole: Buffer.from(whole).toString('hex'), asked: Buffer.from(asked).toString('hex') };
}

const whole = (params: string, method?: string): string => digests(params, method).whole;

/** An object of which no key stands twice, as JSON text. */
const object = fc
  .uniqueArray(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 6 }), jsonText()), { selector: ([key]) => key.toLowerCase().normalize('NFKC'), maxLength: 5 })
  .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`)
  // What is refused before it could be held (RULES R7).
  .filter((text) => {
    const node = parseJson(text);
    return node.type === 'object' && node.ambiguousKey === undefined;
  });

/** Lexemes of a JSON text. */
function lexemes(text: string): string[] {
  return text.match(/"(?:[^"\\]|\\.)*"|[^\s"[\]{},:]+|[[\]{},:]/gu) ?? [];
}

describe('the digest of a call', () => {
  test('does not change with white space, whatever the arguments are', () => {
    fc.assert(
      fc.property(object, fc.array(fc.constantFrom(' ', '\n', '\t', '\r', ''), { minLength: 3, maxLength: 3 }), (args, [a = '', b = '', c = '']) => {
        const spaced = lexemes(args).join(`${a}${b}`);
        expect(whole(`${a}{${b}"name":${c}"t",${a}"arguments":${spaced}${b}}`)).toBe(whole(`{"name":"t","arguments":${args}}`));
      }),
    );
  });

  test('changes with any one lexeme', () => {
    fc.assert(
      fc.property(object, fc.nat(), (args, at) => {
        const all = lexemes(args);
        const places = all.flatMap((lexeme, i) => (/^["\d-]|^(true|false|null)$/.test(lexeme) ? [i] : []));
        const place = places[at % Math.max(1, places.length)];
        fc.pre(place !== undefined);
        const lexeme = all[place ?? 0] ?? '';
        const other = lexeme.startsWith('"')
          ? `"${lexeme.slice(1, -1)}x"`
          : /^[tfn]/.test(lexeme)
            ? '0'
            : `${lexeme}${lexeme.includes('e') || lexeme.includes('E') ? '1' : '.0'.repeat(lexeme.includes('.') ? 0 : 1) || '0'}`;
        const changed = all.with(place ?? 0, other).join('');
        fc.pre(parseJson(changed).type !== 'fault');
        const node = parseJson(changed);
        fc.pre(node.type === 'object' && node.ambiguousKey === undefined);
        expect(whole(`{"name":"t","arguments":${changed}}`)).not.toBe(whole(`{"name":"t","arguments":${args}}`));
      }),
    );
  });

  test.each([
    ['1', '1.0'],
    ['1', '"1"'],
    ['1e3', '1000'],
    ['9007199254740993', '9007199254740992'],
    ['"a"', '"\\u0061"'],
    ['[1,2]', '[2,1]'],
    ['[[1],2]', '[[1,2]]'],
    ['{"a":1,"b":2}', '{"b":2,"a":1}'],
    ['{}', '[]'],
    ['null', '{}'],
    ['["a,b"]', '["a","b"]'],
  ])('tells %s from %s', (a, b) => {
    expect(whole(`{"name":"t","arguments":{"x":${a}}}`)).not.toBe(whole(`{"name":"t","arguments":{"x":${b}}}`));
  });

  test('is over name and arguments, in whatever order they stand; neither id, _meta nor requestState count', () => {
    const plain = whole('{"name":"t","arguments":{"a":1}}');
    expect(whole('{"arguments":{"a":1},"name":"t"}')).toBe(plain);
    expect(whole('{"_meta":{"progressToken":7},"name":"t","arguments":{"a":1},"requestState":"s"}')).toBe(plain);
    expect(digests('{"name":"t","arguments":{"a":1}}', 'tools/call', '"other"').whole).toBe(plain);
    expect(whole('{"name":"u","arguments":{"a":1}}')).not.toBe(plain);
    expect(whole('{"name":"t","arguments":{"a":1},"task":{"ttl":1}}')).not.toBe(plain);
    expect(whole('{"name":"t"}')).not.toBe(whole('{"name":"t","arguments":{}}'));
    expect(whole('{"name":"t","arguments":{"a":1}}', 'prompts/get')).not.toBe(plain);
  });

  test('answers to the server’s questions count in one of the two', () => {
    const [a, b] = [digests('{"name":"t","arguments":{},"inputResponses":{"q":1}}'), digests('{"name":"t","arguments":{},"inputResponses":{"q":2}}')];
    expect(a.asked).toBe(b.asked);
    expect(a.whole).not.toBe(b.whole);
    expect(digests('{"name":"t","arguments":{}}').asked).toBe(a.asked);
  });

  test('of another method is over its own params', () => {
    expect(whole('{"uri":"a:b"}', 'resources/read')).not.toBe(whole('{"uri":"a:c"}', 'resources/read'));
    expect(whole('{"x":1,"_meta":{}}', 'own/method')).toBe(whole('{"x":1}', 'own/method'));
  });
});

import { describe, expect, test } from 'vitest';
import { foldCase } from '../../src/base/fold-case.ts';
import { ambiguousKeyWithin, type JsonNode, type JsonObject, member, membersNamed, parseJson, plainValue, stringMember } from '../../src/base/json.ts';
import { limits } from '../../src/base/limits.ts';

function read(text: string): JsonNode {
  const node = parseJson(text);
  if (node.type === 'fault') throw new Error(`${node.reason} at ${node.offset}`);
  return node;
}

function object(text: string): JsonObject {
  const node = read(text);
  if (node.type !== 'object') throw new Error('no object');
  return node;
}

describe('what is JSON', () => {
  test.each(['{}', '[]', ' [1, 2 ] ', '"a\\u0041\\n"', '-0', '1.50e+10', 'true', 'null', '{"a":{"b":[{}]}}', '\t{\r\n"a" : 1 }\n'])(
    '%j reads as JSON.parse reads it',
    (text) => {
      expect(plainValue(read(text))).toEqual(JSON.parse(text));
    },
  );

  test.each([
    ['', 'the text ends where a value is expected', 0],
    ['{', 'a member name in double quotes is expected', 1],
    ['{"a"}', 'a colon is expected', 4],
    ['{"a":1,}', 'a member name in double quotes is expected', 7],
    ['{"a":1 "b":2}', 'a comma or } is expected', 7],
    ['[1 2]', 'a comma or ] is expected', 3],
    ['[1,]', 'a value is expected', 3],
    ['01', 'text after the end of the value', 1],
    ['1.', 'text after the end of the value', 1],
    ['-', 'a malformed number', 0],
    ['+1', 'a value is expected', 0],
    ['NaN', 'a value is expected', 0],
    ['tru', 'a value is expected', 0],
    ["{'a':1}", 'a member name in double quotes is expected', 1],
    ['"a', 'the text ends inside a string', 2],
    ['"a\\', 'the text ends inside a string', 4],
    ['"a\nb"', 'a control character in a string', 2],
    ['"\\x41"', 'a malformed escape in a string', 0],
    ['"\\u12"', 'a malformed escape in a string', 0],
    ['{} {}', 'text after the end of the value', 3],
    ['{}\u00a0', 'text after the end of the value', 2],
    ['/* a */ 1', 'a value is expected', 0],
  ])('%j is none: %s', (text, reason, offset) => {
    expect(parseJson(text)).toEqual({ type: 'fault', reason, offset, isTooMuch: false });
    expect(() => JSON.parse(text)).toThrow();
  });

  test('a byte order mark in front is passed over, anywhere else it is a fault', () => {
    const node = object('\ufeff{"a":1}');
    expect(node.start).toBe(1);
    expect(plainValue(node)).toEqual({ a: 1 });
    expect(parseJson('\ufeff\ufeff1').type).toBe('fault');
    expect(parseJson(' \ufeff1').type).toBe('fault');
  });

  test('nesting is bounded', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(read(nested(limits.jsonDepthMax)).type).toBe('array');
    expect(parseJson(nested(limits.jsonDepthMax + 1))).toMatchObject({ type: 'fault', offset: limits.jsonDepthMax, isTooMuch: true });
    expect(parseJson('[{"a":'.repeat(100_000))).toMatchObject({ type: 'fault' });
  });

  test('and so is the number of values, because a few bytes of text take a hundred of memory', () => {
    const fault = parseJson(`[${'0,'.repeat(limits.jsonValuesMax)}0]`);
    expect(fault).toMatchObject({ type: 'fault', reason: expect.stringContaining('values'), isTooMuch: true });
  });
});

describe('what stands where', () => {
  test('spans cover the literal as written, and numbers keep their digits', () => {
    const text = ' {"big" : 9007199254740993, "e":"\\u0061\\"", "f": [ 1.0 , -0 ]}';
    const node = object(text);
    const lexemes = node.members.map((m) => text.slice(m.value.start, m.value.end));
    expect(lexemes).toEqual(['9007199254740993', '"\\u0061\\""', '[ 1.0 , -0 ]']);
    expect(member(node, 'big')).toMatchObject({ type: 'number', lexeme: '9007199254740993' });
    expect(stringMember(node, 'e')).toBe('a"');
    expect(stringMember(node, 'big')).toBeUndefined();
    expect(member(node, 'none')).toBeUndefined();
    expect(member(undefined, 'a')).toBeUndefined();
  });

  test('a repeated member is found each time', () => {
    const node = object('{"a":1,"b":2,"a":3}');
    expect(membersNamed(node, 'a').map(plainValue)).toEqual([1, 3]);
    expect(membersNamed(undefined, 'a')).toEqual([]);
  });
});

describe('ambiguous keys', () => {
  const many = Array.from({ length: 20 }, (_, i) => `"k${i}":0`).join();
  test.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"name":1,"Name":2}', 'Name'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"params":1,"param\u017f":2}', 'param\u017f'],
    ['{"k":1,"\u212a":2}', '\u212a'],
    [`{${many},"K7":1}`, 'K7'],
    ['{"a":1,"b":2}', undefined],
    [`{${many}}`, undefined],
    ['{}', undefined],
  ])('%s', (text, key) => {
    expect(object(text).ambiguousKey).toBe(key);
  });

  test('are found below', () => {
    expect(ambiguousKeyWithin(read('[{"x":[{"y":{"a":1,"A":2}}]}]'))).toBe('A');
    expect(ambiguousKeyWithin(read('[{"x":[{"y":{"a":1,"b":{"a":2}}}]}]'))).toBeUndefined();
  });

  test('a key folds as readers that ignore case fold it', () => {
    expect(foldCase('Param\u017f')).toBe('params');
    expect(foldCase('\u212aey')).toBe('key');
  });
});

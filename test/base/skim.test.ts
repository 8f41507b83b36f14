import { expect, test } from 'vitest';
import { skimObject } from '../../src/base/skim.ts';

function skim(text: string, from = 0): [string, string][] | undefined {
  return skimObject(text, from)?.map((m) => [m.key, text.slice(m.start, m.end)]);
}

test('finds the members of an object and where their values stand', () => {
  expect(skim(' {"a" : 1.0e5 ,"b":"x\\"}{", "c":{"d":[1,{"e":"]"}]},"f":null}  ')).toEqual([
    ['a', '1.0e5'],
    ['b', '"x\\"}{"'],
    ['c', '{"d":[1,{"e":"]"}]}'],
    ['f', 'null'],
  ]);
  expect(skim('{}')).toEqual([]);
  expect(skim('[{"a":1}]', 1)).toEqual([['a', '1']]);
});

test('keys are given as written, repeats too', () => {
  expect(skim('{"\\u0061":1,"a":2,"a":3}')).toEqual([
    ['\\u0061', '1'],
    ['a', '2'],
    ['a', '3'],
  ]);
});

test('a byte order mark in front is passed over', () => {
  expect(skim('\ufeff {"a":1}')).toEqual([['a', '1']]);
});

test('a string may end in backslashes', () => {
  expect(skim('{"a":"\\\\","b":"\\\\\\""}')).toEqual([
    ['a', '"\\\\"'],
    ['b', '"\\\\\\""'],
  ]);
});

test.each(['', '[]', '1', '{', '{"a"', '{"a":', '{"a":1', '{"a":{', '{"a":"', '{"a" 1}', '{a:1}', '{"a":1,}', '{"a":"1";"b":2}'])('%j is no object', (text) => {
  expect(skim(text)).toBeUndefined();
});

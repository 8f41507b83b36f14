// Field rules: which places a path names, and what each action leaves there, in the record and on the wire.
import { describe, expect, it } from 'vitest';
import { parseFieldPath } from '../../src/mask/paths.ts';
import { fieldPath } from '../../src/policy/fields.ts';
import { masked, record, text, wire, withFields } from './maskers.ts';

const doc = {
  a: { b: [{ c: 'one', d: 'x' }, { c: 2 }], password: 'p' },
  attributes: { user: { name: 'li', age: 30, tags: ['t'] } },
  'odd name': 'o',
  deep: { attributes: { user: { name: 'bo' } } },
};

function fields(path: string, as?: 'redact' | 'pseudonym' | 'drop'): (value: unknown, request?: typeof record) => unknown {
  const masker = withFields([as === undefined ? { path } : { path, as }]);
  return (value, request = record) => JSON.parse(masked(JSON.stringify(value), request, masker));
}

describe('paths', () => {
  it.each([
    ['$.a.b[*].c', { ...doc, a: { ...doc.a, b: [{ c: '[field]', d: 'x' }, { c: '[field]' }] } }],
    ['$.a.b[0].c', { ...doc, a: { ...doc.a, b: [{ c: '[field]', d: 'x' }, { c: 2 }] } }],
    ['$..password', { ...doc, a: { ...doc.a, password: '[field]' } }],
    ['PassWord', { ...doc, a: { ...doc.a, password: '[field]' } }],
    ["$['odd name']", { ...doc, 'odd name': '[field]' }],
    ['$.attributes.user.*', { ...doc, attributes: { user: { name: '[field]', age: '[field]', tags: '[field]' } } }],
    [
      '$..attributes.user.name',
      { ...doc, attributes: { user: { ...doc.attributes.user, name: '[field]' } }, deep: { attributes: { user: { name: '[field]' } } } },
    ],
    ['$.attributes', { ...doc, attributes: '[field]' }],
    ['odd name', { ...doc, 'odd name': '[field]' }],
    ['$.nothing', doc],
  ])('%s', (path, want) => expect(fields(path)(doc)).toEqual(want));

  it.each(['$', '$.', '$..', '$.a..', '$.a[', '$.a[x]', '', '$a'])('%s is refused', (path) => {
    expect(() => parseFieldPath(path)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });
});

it.each(['$..*', '$.a.*', '$[0]', "$['a.b']", '$["a"][*]', 'user.name', "$.it's", 'x'])('%s is a path for the schema of the policy, and here', (path) => {
  expect(fieldPath.safeParse(path).success).toBe(true);
  expect(parseFieldPath(path).steps.length).toBeGreaterThan(0);
});

describe('on the wire', () => {
  it('the form of the answer stays', () => {
    expect(fields('$.attributes')(doc, wire)).toEqual({ ...doc, attributes: { user: { name: '[field]', age: 0, tags: ['[field]'] } } });
  });

  it('drop redacts', () => {
    expect(fields('$..password', 'drop')(doc, wire)).toEqual({ ...doc, a: { ...doc.a, password: '[field]' } });
  });
});

describe('drop', () => {
  const drop = withFields([{ path: 'x', as: 'drop' }]);
  it.each([
    ['{"x":1}', '{}'],
    ['{ "x":1, "a":2 }', '{ "a":2 }'],
    ['{"a":2, "x":1}', '{"a":2}'],
    ['{"a":1,"x":1,"b":2,"x":{"y":1}}', '{"a":1,"b":2}'],
    ['{"x":1,"x":2,"a":[{"x":3},{"b":1,"x":4}],"x":5}', '{"a":[{},{"b":1}]}'],
  ])('of %s leaves %s', (input, output) => expect(masked(input, record, drop)).toBe(output));

  it('takes items out of an array', () => {
    expect(masked('[1, 2, 3]', record, withFields([{ path: '$[1]', as: 'drop' }]))).toBe('[1, 3]');
    expect(masked('[1, 2, 3]', record, withFields([{ path: '$[2]', as: 'drop' }]))).toBe('[1, 2]');
  });
});

describe('a document in a string', () => {
  it('is named from its own root and from that of what it stands in', () => {
    const value = { content: [{ text: JSON.stringify({ user: { mail: 'm' }, inner: JSON.stringify({ user: { mail: 'n' } }) }) }] };
    const want = { content: [{ text: JSON.stringify({ user: { mail: '[field]' }, inner: JSON.stringify({ user: { mail: '[field]' } }) }) }] };
    expect(fields('$.user.mail')(value)).toEqual(want);
    expect(fields('$.content[*].text.user.mail')({ content: [{ text: '{"user":{"mail":"m"},"x":1}' }] })).toEqual({
      content: [{ text: '{"user":{"mail":"[field]"},"x":1}' }],
    });
  });
});

describe('pseudonym', () => {
  const key = new Uint8Array(32).fill(7);
  const rule = [{ path: '$..user', as: 'pseudonym' }] as const;
  const of = (value: unknown, with_: Uint8Array | undefined): unknown =>
    JSON.parse(masked(JSON.stringify({ user: value }), record, withFields(rule, with_))).user;

  it('is the same for the same value and key, of 80 bits, and no value of the key', () => {
    expect(of('alice', key)).toMatch(/^\[pseudonym:[a-z2-7]{16}\]$/);
    expect(of('alice', key)).toBe(of('alice', key));
    expect(of('alice', key)).not.toBe(of('bob', key));
    expect(of('alice', key)).not.toBe(of('alice', new Uint8Array(32).fill(8)));
    expect(new Set(Array.from({ length: 500 }, (_, i) => of(`user-${i}`, key))).size).toBe(500);
  });

  it('is redacted where there is no key', () => {
    expect(of('alice', undefined)).toBe('[field]');
  });

  it('keeps the form of an object, and is not made of a pseudonym', () => {
    expect(of({ a: 'x', n: 5 }, key)).toEqual({ a: expect.stringMatching(/^\[pseudonym:/), n: expect.stringMatching(/^\[pseudonym:/) });
    expect(of(of('alice', key), key)).toBe(of('alice', key));
  });
});

it('a bare name is masked in plain text too, and in JSON within it', () => {
  const masker = withFields([{ path: 'customer_ref' }]);
  expect(masked('customer_ref=abc next=1', text, masker)).toBe('customer_ref=[field] next=1');
  expect(masked('got {"customer_ref":"a b"} ok', text, masker)).toBe('got {"customer_ref":"[field]"} ok');
});

it.each(['id', 'x', 'pagerKey'])('a rule for %s is followed however short the name is, and whatever else it may mean', (name) => {
  const masker = withFields([{ path: name }]);
  expect(masked(`${name}=abc next=1`, text, masker)).toBe(`${name}=[field] next=1`);
  expect(masked(`z${name}=abc next=1`, text, masker)).toBe(`z${name}=abc next=1`);
});

// Patterns of the policy's author: RE2 only, in windows, and never so that JSON breaks.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileMasker } from '../../src/mask/compile.ts';
import type { PatternRule } from '../../src/mask/masker.ts';
import { masked, record, text, wire } from './maskers.ts';

function patterns(...rules: PatternRule[]): ReturnType<typeof compileMasker> {
  return compileMasker({ detectors: ['email'], fields: [], patterns: rules });
}

const employee = { name: 'employee', pattern: 'EMP-[0-9]{6}' };
const six = { name: 'six', pattern: '[0-9]{6}' };

describe('a pattern', () => {
  it.each([
    ['by EMP-123456.', 'by [pattern:employee].'],
    ['{"a":"EMP-123456","b":"x"}', '{"a":"[pattern:employee]","b":"x"}'],
    ['{"a":"{\\"b\\":\\"EMP-123456\\"}"}', '{"a":"{\\"b\\":\\"[pattern:employee]\\"}"}'],
    ['{"a":"\\u0045MP\\u002d123456"}', '{"a":"[pattern:employee]"}'],
    ["{'a': 'x'}", "{'a': 'x'}"],
  ])('in %s', (input, output) => expect(masked(input, input.startsWith('{"') ? record : text, patterns(employee))).toBe(output));

  it('takes a number whole, and keeps it one on the wire', () => {
    expect(masked('{"a":1234567,"b":[12.345678],"c":12}', record, patterns(six))).toBe('{"a":"[pattern:six]","b":["[pattern:six]"],"c":12}');
    expect(masked('{"a":1234567}', wire, patterns(six))).toBe('{"a":0}');
  });

  it('joins what a detector found beside it', () => {
    expect(masked('x bob@example.com 1', text, patterns({ name: 'word', pattern: 'x \\w+' }))).toBe('[email] 1');
  });

  it('is tried only where one of its keywords stands', () => {
    const masker = patterns({ ...six, keywords: ['Badge'] });
    expect(masked('id 123456', text, masker)).toBe('id 123456');
    expect(masked('BADGE 123456', text, masker)).toBe('BADGE [pattern:six]');
  });

  it('finds a value wherever a window may end', () => {
    for (let length = 700; length < 1100; length += 13) {
      const before = 'a'.repeat(length);
      expect(masked(`${before} EMP-123456 ${before}`, text, patterns(employee))).toBe(`${before} [pattern:employee] ${before}`);
    }
  });

  it('that RE2 does not take is refused', () => {
    expect(() => patterns({ name: 'ahead', pattern: 'a(?=b)' })).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining('(?=') }),
    );
  });

  it('changes the version', () => {
    expect(patterns(employee).version).not.toBe(patterns(six).version);
  });
});

it('any pattern leaves JSON valid, and masks twice as once', () => {
  const masker = patterns({ name: 'any', pattern: '[a-c].*[x-z]' }, { name: 'low', pattern: '[a-e]{2,4}' }, six);
  const strings = fc.string({ unit: fc.constantFrom('a', 'b', 'x', '1', '"', '\\', '\n', 'é', ' ', '.', '[email]') });
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      strings,
      fc.integer(),
      fc.double({ noNaN: true }),
      fc.constant(true),
      fc.array(tie('value')),
      fc.dictionary(strings, tie('value')),
    ),
  })).value;
  fc.assert(
    fc.property(values, fc.boolean(), (value, nested) => {
      const json = JSON.stringify(nested ? { inner: JSON.stringify(value) } : value);
      for (const request of [record, wire]) {
        const once = masked(json, request, masker);
        expect(() => JSON.parse(once)).not.toThrow();
        expect(masked(once, request, masker)).toBe(once);
      }
    }),
  );
});

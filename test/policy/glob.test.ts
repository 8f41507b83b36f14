import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GlobIndex, globMatches } from '../../src/policy/glob.ts';

/** The same meaning by way of a regular expression; too slow for hostile patterns, and right. */
function byRegex(pattern: string, name: string): boolean {
  const source = pattern.split('*').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${source.join('[\\s\\S]*')}$`).test(name);
}

const few = fc.string({ unit: fc.constantFrom('a', 'b', '.', 'A', '\n'), maxLength: 8 });
const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', 'A', '*'), maxLength: 7 });

describe('globs', () => {
  test.each([
    ['search_*', 'search_logs', true],
    ['search_*', 'search_', true],
    ['search_*', 'Search_logs', false],
    ['checkout.*', 'checkout.cart.latency', true],
    ['checkout.*', 'checkout', false],
    ['checkout.*', 'xcheckout.a', false],
    ['*.latency', 'checkout.cart.latency', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['*', '', true],
    ['**', 'x', true],
    ['', '', true],
    ['file:///etc/*?x=[1]', 'file:///etc/hosts?x=[1]', true],
    ['a?c', 'abc', false],
    ['a.c', 'abc', false],
  ])('%s and %s: %s', (glob, name, expected) => {
    expect(globMatches(glob, name)).toBe(expected);
  });

  test('they mean what the regular expression means', () => {
    fc.assert(
      fc.property(pattern, few, (glob, name) => globMatches(glob, name) === byRegex(glob, name)),
      { numRuns: 5000 },
    );
  });

  test('hostile patterns cost no more than the product of lengths', () => {
    // A backtracking matcher needs longer than the age of the universe for these.
    const name = 'a'.repeat(20_000);
    expect(globMatches(`${'*a'.repeat(140)}*b`, name)).toBe(false);
    expect(globMatches(`${'a*'.repeat(140)}b*a`, name)).toBe(false);
    expect(globMatches(`*${'*'.repeat(280)}b`, name)).toBe(false);
  });
});

describe('the index', () => {
  test('finds exactly the numbers of the patterns that match', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 12 }), few, (patterns, name) => {
        const index = new GlobIndex();
        for (const [i, glob] of patterns.entries()) index.add(glob, i);
        const found = new Set<number>();
        index.some(name, (i) => {
          found.add(i);
          return false;
        });
        const expected = patterns.flatMap((glob, i) => (byRegex(glob, name) ? [i] : []));
        expect([...found].toSorted((a, b) => a - b)).toEqual(expected);
        expect(index.has(name)).toBe(expected.length > 0);
      }),
      { numRuns: 3000 },
    );
  });

  test('ends where the visitor says so', () => {
    const index = new GlobIndex();
    for (const glob of ['a', 'a*', '*a']) index.add(glob, 0);
    let visits = 0;
    expect(index.some('a', () => ++visits === 2)).toBe(true);
    expect(visits).toBe(2);
  });
});

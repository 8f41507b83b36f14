import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Column, cut, displayWidth, layout, line, pad, table } from '../../src/tui/columns.ts';

describe('cut', () => {
  test('cuts by what a terminal shows, and says that it did', () => {
    expect(cut('search_logs', 11)).toBe('search_logs');
    expect(cut('search_logs', 8)).toBe('search_…');
    expect(cut('日本語', 6)).toBe('日本語');
    expect(cut('日本語', 5)).toBe('日本…');
    expect(cut('日本語', 4)).toBe('日…');
    expect(cut('abc', 0)).toBe('');
  });

  test('never lets a control character through, nor grows past its width', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const short = cut(text, width);
        expect(displayWidth(short)).toBeLessThanOrEqual(width);
        expect(short).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200b]/u);
      }),
      { numRuns: 2_000 },
    );
  });

  test('reads no more of a long text than it needs', () => {
    expect(cut('x'.repeat(50_000_000), 10)).toBe('xxxxxxxxx…');
  });
});

test('pad fills to the width, on either side', () => {
  expect(pad('日本', 6)).toBe('日本  ');
  expect(pad('42', 5, 'right')).toBe('   42');
});

describe('layout', () => {
  const columns: readonly Column[] = [
    { title: 'A', width: 10, drop: 0 },
    { title: 'B', width: 10, grow: 1, drop: 1 },
    { title: 'C', width: 10, grow: 3, drop: 2 },
  ];

  test('shares what is left over', () => expect(layout(columns, 42)).toEqual([10, 12, 16]));
  test('leaves out the least important first', () => {
    expect(layout(columns, 33)).toEqual([10, 21, 0]);
    expect(layout(columns, 15)).toEqual([10, 0, 0]);
    expect(layout(columns, 5)).toEqual([10, 0, 0]);
  });
  test('a line has the columns that are left', () => expect(line(['a', 'b', 'c'], [3, 0, 3], columns)).toBe('a    c  '));
});

test('a table is as wide as its cells, with hostile text made visible', () => {
  expect(
    table(
      ['NAME', 'N'],
      [
        ['a\u001b[2J', '7'],
        ['日本', '12'],
      ],
      ['left', 'right'],
    ),
  ).toEqual(['NAME         N', 'a\\u{1b}[2J   7', '日本        12']);
});

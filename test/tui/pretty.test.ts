import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth, pieces } from '../../src/tui/columns.ts';
import { type PrettyLine, prettyPayload } from '../../src/tui/pretty.ts';
import { wrapLine } from '../../src/tui/wrap.ts';

const WIDE = { linesMax: 1_000, charactersMax: 100_000 };

function text(lines: readonly PrettyLine[]): string {
  return lines.map(({ indent, parts }) => ' '.repeat(indent) + parts.map((part) => part.text).join('')).join('\n');
}

function show(value: unknown, bounds = WIDE): string {
  return text(prettyPayload(typeof value === 'string' ? value : JSON.stringify(value), bounds));
}

describe('a payload laid out', () => {
  test('unfolds objects and keeps short ones on a line', () => {
    expect(show({ jsonrpc: '2.0', params: { name: 'get', arguments: { query: 'a', deep: { b: [] } } } })).toBe(`{
  "jsonrpc": "2.0",
  "params": {
    "name": "get",
    "arguments": {
      "query": "a",
      "deep": {
        "b": []
      }
    }
  }
}`);
    expect(
      show({
        points: [
          [1, 2.5],
          [2, null],
        ],
        empty: {},
      }),
    ).toBe(`{
  "points": [
    [1, 2.5],
    [2, null]
  ],
  "empty": {}
}`);
  });

  test('keeps numbers as they were written, and a key that stands twice', () => {
    expect(show('{"n": 9007199254740993, "n": 1.0}')).toBe('{ "n": 9007199254740993, "n": 1.0 }');
  });

  test('unfolds JSON in a string, and text of several lines behind a gutter', () => {
    expect(show({ content: [{ type: 'text', text: '{"a":{"b":[{"c":1}]}}' }] })).toBe(`{
  "content": [
    {
      "type": "text",
      "text": JSON in a string:
        {
          "a": {
            "b": [
              { "c": 1 }
            ]
          }
        }
    }
  ]
}`);
    expect(show({ text: 'one\ntwo"\n}' })).toBe(`{
  "text": text, 3 lines:
  │ one
  │ two"
  │ }
}`);
  });

  test('marks what was masked', () => {
    const parts = prettyPayload('{"to":"[email] or [secret:github], not [this]"}', WIDE).flatMap((line) => line.parts);
    expect(parts.filter((part) => part.style === 'mark').map((part) => part.text)).toEqual(['[email]', '[secret:github]']);
  });

  test('what is no JSON is shown as it stands', () => {
    expect(show('event: x\ndata: {"a"')).toBe('event: x\ndata: {"a"');
    expect(show('')).toBe('');
  });

  test('is cut at its bounds and says so', () => {
    const lines = show(
      Array.from({ length: 50 }, (_, i) => ({ i, text: 'x'.repeat(80) })),
      { linesMax: 6, charactersMax: 10_000 },
    ).split('\n');
    expect(lines).toHaveLength(7);
    expect(lines.at(-1)).toMatch(/^… cut here: the payload has 4,9\d\d characters;/);
    const long = show({ text: 'y'.repeat(5_000) }, { linesMax: 100, charactersMax: 1_000 });
    expect(long).toMatch(/y{10}"… and 4,000 characters/);
    expect(long.length).toBeLessThan(1_300);
  });

  test('survives the deepest JSON that is read, and deeper', () => {
    expect(show(`${'['.repeat(200)}1${']'.repeat(200)}`).split('\n').length).toBe(399);
    expect(show('['.repeat(100_000), { linesMax: 10, charactersMax: 50 })).toContain('… cut here');
  });

  test('lets nothing through that could move a cursor, whatever was recorded', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json({ stringUnit: 'binary' }), fc.string({ unit: 'binary' })), fc.integer({ min: 4, max: 60 }), (payload, width) => {
        for (const line of prettyPayload(payload, WIDE)) {
          expect(text([line])).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200b\ufeff]/u);
          for (const { parts } of wrapLine(line, width)) {
            const row = parts.map((part) => part.text).join('');
            // One character can be wider than the row: it stands there alone.
            if (pieces(row.trim()).length > 1) expect(displayWidth(row)).toBeLessThanOrEqual(width);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('wrapping', () => {
  const plain = (value: string, indent = 0): PrettyLine => ({ indent, parts: [{ text: value, style: 'plain' }] });
  const rows = (line: PrettyLine, width: number) => wrapLine(line, width).map(({ parts }) => parts.map((part) => part.text).join(''));

  test('breaks at blanks where there are some, and hangs what follows', () => {
    expect(rows(plain('the quick brown fox jumps', 1), 12)).toEqual([' the quick ', '   brown ', '   fox jumps']);
    expect(rows(plain('aaaaaaaaaaaaaaaaaaaa'), 8)).toEqual(['aaaaaaaa', '  aaaaaa', '  aaaaaa']);
  });

  test('breaks wide characters whole', () => expect(rows(plain('日本語日本語'), 7)).toEqual(['日本語', '  日本', '  語']));
  test('keeps half of the width for text, however deep it stands', () => expect(rows(plain('abcdef', 80), 8)).toEqual(['    abcd', '    ef']));
  test('an empty line is a row', () => expect(rows({ indent: 0, parts: [] }, 10)).toEqual(['']));
});

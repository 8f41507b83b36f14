// The threat model promises nothing without a test: each row names one, and each test that it names is there.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/threat-model.md', root), 'utf8');
const REFERENCE = /`(test\/[^`]+\.ts)`((?:,? “[^”]+”)*)/g;

const references = [...page.matchAll(REFERENCE)].flatMap(([, file = '', titles = '']) => {
  const named = [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title);
  return named.length === 0 ? [{ file, title: '' }] : named.map((title) => ({ file, title }));
});

test('every test that it names is there, by its file and its title', () => {
  expect(references.length).toBeGreaterThan(80);
  const absent = references.filter(({ file, title }) => {
    const path = new URL(file, root);
    if (title === '' || !existsSync(path)) return true;
    const text = readFileSync(path, 'utf8');
    return !["'", '"', '`'].some((quote) => text.includes(`${quote}${title}${quote}`));
  });
  expect(absent).toEqual([]);
});

test('every row that promises something names a test', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| --- ') && !/^\| what they (?:try|have) /.test(line));
  expect(rows.length).toBeGreaterThan(50);
  const bare = rows.filter((row) => !row.includes('`test/') && !/\| \*\*not (?:prevented|detected)\*\*/.test(row));
  expect(bare).toEqual([]);
});

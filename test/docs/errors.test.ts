import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ErrorCode, errorTable, exitCodes } from '../../src/base/errors.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

/** The cells of the page's tables, row by row. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.slice(2, -2).split(' | '));

test('every code is on the page with its category, exit code and remedy, and no other', () => {
  const shown = rows.filter(([code = '']) => /^`\w+`$/.test(code)).map(([code, category, exit, , remedy]) => [code, category, exit, remedy]);
  const real = Object.entries(errorTable).map(([code, { category, remedy }]) => [`\`${code}\``, category, String(exitCodes[category]), remedy]);
  expect(shown).toEqual(real);
});

test('every code has a meaning', () => {
  const without = (Object.keys(errorTable) as ErrorCode[]).filter(
    (code) => !rows.some(([cell, , , meaning = '']) => cell === `\`${code}\`` && meaning.length > 5),
  );
  expect(without).toEqual([]);
});

test('every category that an error has is in the table of exit codes', () => {
  const used = new Set(Object.values(errorTable).map(({ category }) => category));
  const shown = new Set(rows.filter(([exit = '']) => /^\d+$/.test(exit) && exit !== '0').map(([exit, category]) => `${category} ${exit}`));
  expect(shown).toEqual(new Set([...used].map((category) => `${category} ${exitCodes[category]}`)));
});

// Secrets in tables, named by their column: `INSERT INTO users (name, password) VALUES ('bob', '…')`, and CSV below its first line.

import { isDense } from './dense.ts';
import { type NameKind, nameKind } from './keynames.ts';
import { markEnd } from './marker.ts';
import type { Hit, Source } from './source.ts';
import { isAlnum } from './units.ts';
import { isPlaceholder } from './values.ts';

const COLUMNS_MAX = 64;
const HEAD_MAX = 2048;
const NAME = /^[\s"'`[\\]{0,12}[A-Za-z_][\w .-]{0,63}["'`\]\\]{0,8}\s{0,4}$/;

/** Plans masks for the cells below the name at `start`…`end`, where that is the name of a column of secrets. */
export function planColumns(source: Source, start: number, end: number): void {
  if (start < source.tableEnd) return;
  const kind = nameKind(source.units, end);
  if (kind !== 'password' && kind !== 'secret') return;
  const table = insertAround(source, start, end) ?? csvAround(source, start, end);
  if (table === undefined) return;
  source.tableEnd = Math.max(end, planCells(source, table));
}

interface Table {
  /** What each column is, from the left. */
  readonly kinds: readonly (NameKind | undefined)[];
  /** Where the first row begins. */
  readonly at: number;
  readonly form: 'sql' | 'csv';
}

const INSERT = /\b(?:insert(?:\s{1,4}or\s{1,4}\w{1,10})?|replace|upsert)(?:\s|\\n){1,8}into(?:\s|\\n){1,8}[\w."'`[\]\\]{1,160}(?:\s|\\n){0,8}\($/i;
const VALUES = /\)(?:\s|\\n){0,16}values(?:\s|\\n){0,16}(?=\()/iy;

function insertAround({ text }: Source, start: number, end: number): Table | undefined {
  const lowest = Math.max(0, start - HEAD_MAX);
  const open = lowest + text.slice(lowest, start).lastIndexOf('(');
  const close = end + text.slice(end, end + HEAD_MAX).indexOf(')');
  if (open < lowest || close < end || !INSERT.test(text.slice(Math.max(0, open - 240), open + 1))) return undefined;
  VALUES.lastIndex = close;
  const kinds = VALUES.test(text) ? kindsOf(text.slice(open + 1, close), 'sql') : undefined;
  return kinds && { kinds, at: VALUES.lastIndex, form: 'sql' };
}

// The name stands in the first line of the text, of a string in it, or behind an empty line.
function csvAround(source: Source, start: number, end: number): Table | undefined {
  const { text } = source;
  if (start < source.noHeadBefore) return undefined;
  const before = /(?:^|["\n]|[^\\]\\{1,7}n)([^"\n\\]*)$/.exec(text.slice(Math.max(0, start - HEAD_MAX), start))?.[1];
  const rest = /^([^"\n\\]{0,1024}?)(?:\r?\n|(?:\\{1,7}r)?\\{1,7}n)/.exec(text.slice(end, end + HEAD_MAX));
  const kinds = before === undefined || rest === null ? undefined : kindsOf(before + text.slice(start, end) + (rest[1] ?? ''), 'csv');
  // No other name in this line need be asked.
  source.noHeadBefore = end + (rest?.[0].length ?? HEAD_MAX / 2);
  return kinds === undefined || rest === null ? undefined : { kinds, at: end + rest[0].length, form: 'csv' };
}

function kindsOf(head: string, form: Table['form']): (NameKind | undefined)[] | undefined {
  const names = head.split(',');
  // Of prose, commas have a space behind them.
  if (form === 'csv' && head.includes(', ')) return undefined;
  if (names.length < 2 || names.length > COLUMNS_MAX || !names.every((name) => NAME.test(name))) return undefined;
  return names.map((name) => {
    const units = Uint16Array.from(name, (c) => c.charCodeAt(0));
    let end = units.length;
    while (end > 0 && !isAlnum(units[end - 1])) end--;
    return nameKind(units, end);
  });
}

const SQL_CELL = /\s{0,16}(?:N?(\\{0,7}')((?:[^'\\]|''){0,4096})\\{0,7}'|([^,()'"\\]{0,4096}))/y;
const CSV_CELL = /[ ]{0,4}(?:(\\{0,7}")([^"\\\n]{0,4096})\\{0,7}"|([^,"\\\r\n]{0,4096}))[ ]{0,4}/y;
const NEXT_ROW = /\)(?:\s|\\n){0,16},(?:\s|\\n){0,16}(?=\()/y;
const NEXT_LINE = /(?:\r?\n|(?:\\{1,7}r)?\\{1,7}n)/y;

const ROW_END = /(?:$|["\\\r\n])/y;
const TUPLE_END = /\)/y;

// Row by row, as long as they have the columns of the head; returns where the table ends.
function planCells(source: Source, table: Table): number {
  const between = table.form === 'sql' ? NEXT_ROW : NEXT_LINE;
  let i = table.at;
  for (;;) {
    const end = planRow(source, table, table.form === 'sql' ? i + 1 : i);
    if (end === 0) return i;
    between.lastIndex = end;
    if (!between.test(source.text)) return end;
    i = between.lastIndex;
  }
}

// The row whose first cell begins at `at`: returns its end, or 0 where it has not as many cells as the head.
function planRow(source: Source, { kinds, form }: Table, at: number): number {
  const cell = form === 'sql' ? SQL_CELL : CSV_CELL;
  const last = form === 'sql' ? TUPLE_END : ROW_END;
  const hits: Hit[] = [];
  let i = at;
  for (const [column, kind] of kinds.entries()) {
    if (column > 0 && source.text.charCodeAt(i++) !== 0x2c) return 0;
    cell.lastIndex = i;
    const found = cell.exec(source.text);
    if (found === null) return 0;
    i = cell.lastIndex;
    const hit = kind === undefined ? undefined : hitIn(kind, i, found);
    if (hit !== undefined) hits.push(hit);
  }
  last.lastIndex = i;
  if (!last.test(source.text)) return 0;
  source.planned.push(...hits);
  return i;
}

function hitIn(kind: NameKind, end: number, found: RegExpExecArray): Hit | undefined {
  const held = found[2] ?? found[3] ?? '';
  const value = held.trim();
  if (value === '' || isPlaceholder(value) || markEnd(value, 0) === value.length) return undefined;
  if (kind === 'secret' ? !isDense(value) : kind !== 'password' || value.length < 3) return undefined;
  const start = found.index + found[0].lastIndexOf(held) + held.indexOf(value);
  const valueEnd = start + value.length;
  return valueEnd <= end ? { start, end: valueEnd, mark: kind === 'secret' ? 'secret:key' : 'secret:password' } : undefined;
}

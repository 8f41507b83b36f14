// Sections of an exchange as rows of a screen.
import { escapeHostileLine } from '../base/hostile.ts';
import { cut } from './columns.ts';
import { part, type Row, row } from './screen.ts';
import type { Fact, Section } from './sections.ts';
import { wrapLine } from './wrap.ts';

const LABEL_MAX = 24;
const VALUE_MIN = 16;

/** A section's title, facts and lines, and a blank row. */
export function sectionRows({ title, facts, lines }: Section, width: number): Row[] {
  return [row(part('strong', cut(title, width))), ...factRows(facts, width), ...lines.flatMap((line) => wrapLine(line, width)), row('')];
}

/** Label and value; a long value goes on beneath itself. */
export function factRows(facts: readonly Fact[], width: number): Row[] {
  const label = Math.max(0, ...facts.map(([name]) => Math.min(name.length, LABEL_MAX))) + 2;
  return facts.flatMap(([name, value]) => {
    const rows = wrapLine({ indent: 0, parts: [{ text: escapeHostileLine(value), style: 'plain' }] }, Math.max(VALUE_MIN, width - label));
    return rows.map(({ parts }, i) => row(part('note', (i === 0 ? cut(name, LABEL_MAX) : '').padEnd(label)), ...parts));
  });
}

// Colours for printed text, on a terminal that shows them and where NO_COLOR is not set.
import { styleText } from 'node:util';
import { escapeHostileLine } from '../base/hostile.ts';
import type { Part, PrettyLine, Style } from '../tui/pretty.ts';
import type { Fact } from '../tui/sections.ts';
import { type Io, say } from './io.ts';

const formats = {
  plain: 'reset',
  key: 'cyan',
  string: 'green',
  number: 'yellow',
  literal: 'magenta',
  punctuation: 'dim',
  mark: ['bold', 'magenta'],
  note: 'dim',
} as const satisfies Record<Style, Parameters<typeof styleText>[0]>;

/** Writes one laid-out line to stdout. */
export function sayPretty(io: Io, line: PrettyLine, indent: number): void {
  io.stdout.write(`${' '.repeat(indent + line.indent)}${line.parts.map((part) => paint(io, part)).join('')}\n`);
}

/** `text` made safe for one line, in bold. */
export function bold(io: Io, text: string): string {
  return styleText('bold', escapeHostileLine(text), { stream: io.stdout });
}

/** A line for each fact, its label in front; values may be hostile. */
export function sayFacts(io: Io, facts: readonly Fact[], indent = 0): void {
  const width = Math.max(0, ...facts.map(([label]) => label.length)) + 2;
  for (const [label, value] of facts) say(io, `${' '.repeat(indent)}${dim(io, label.padEnd(width))}${escapeHostileLine(value)}`);
}

/** `text` made safe for one line, faint. */
function dim(io: Io, text: string): string {
  return styleText('dim', escapeHostileLine(text), { stream: io.stdout });
}

function paint(io: Io, { text, style }: Part): string {
  const safe = escapeHostileLine(text);
  return style === 'plain' ? safe : styleText(formats[style], safe, { stream: io.stdout });
}

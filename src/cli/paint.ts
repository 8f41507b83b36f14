// Colours for printed text, on a terminal that shows them and where NO_COLOR is not set.
import { styleText } from 'node:util';
import { escapeHostileLine } from '../base/hostile.ts';
import type { Part, PrettyLine, Style } from '../tui/pretty.ts';
import type { Io } from './io.ts';

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

/** `text` made safe for one line, faint. */
export function dim(io: Io, text: string): string {
  return styleText('dim', escapeHostileLine(text), { stream: io.stdout });
}

function paint(io: Io, { text, style }: Part): string {
  const safe = escapeHostileLine(text);
  return style === 'plain' ? safe : styleText(formats[style], safe, { stream: io.stdout });
}

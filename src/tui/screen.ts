// What every screen is: it takes keys, does a little work when it is asked to, and lays itself out as rows. No screen knows Ink.
import type { Outcome } from '../replay/timeline.ts';
import { type Column, displayWidth, line, pad } from './columns.ts';
import type { Style } from './pretty.ts';

/** Beside the styles of payloads those of the screens themselves. */
export type ScreenStyle = Style | 'strong' | 'good' | 'warn' | 'bad' | 'busy' | 'bar';

export interface ScreenPart {
  readonly text: string;
  readonly style: ScreenStyle;
}

/** One line of a screen. A selected one is shown as a bar. */
export interface Row {
  readonly parts: readonly ScreenPart[];
  readonly selected?: boolean;
}

/** Columns and lines that a screen may use. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A key, and what it does here. */
export type Hint = readonly [key: string, what: string];

/** What a key leads to. */
export type Move = { readonly kind: 'back' } | { readonly kind: 'open'; readonly screen: Screen };

export interface Screen {
  /** Where one is; may be hostile. */
  readonly title: string;
  readonly hints: readonly Hint[];
  /** Takes one key as `keys.ts` names it. */
  press(key: string, size: Size): Move | undefined;
  /** Does a piece of background work; returns in how many milliseconds the next is due, undefined where there is none. */
  work(nowMs: number): number | undefined;
  /** Rows for that room; made for 80 columns and more: on fewer, what is beyond the edge is not drawn. */
  rows(size: Size): Row[];
}

export const back: Move = { kind: 'back' };

export function row(...parts: readonly (ScreenPart | string)[]): Row {
  return { parts: parts.map((part) => (typeof part === 'string' ? { text: part, style: 'plain' } : part)) };
}

export function part(style: ScreenStyle, text: string): ScreenPart {
  return { text, style };
}

/** A part for each cell that is shown, with gaps in between. */
export function cellParts(cells: readonly string[], widths: readonly number[], styles: readonly ScreenStyle[], columns: readonly Column[]): ScreenPart[] {
  const parts = columns.flatMap((column, i) => {
    const width = widths[i] ?? 0;
    return width === 0 ? [] : [part('plain', '  '), part(styles[i] ?? 'plain', line([cells[i] ?? ''], [width], [column]))];
  });
  return parts.slice(1);
}

/** What a filter adds to the line above a list. */
export function filterParts({ text, typing }: { readonly text: string; readonly typing: boolean }): ScreenPart[] {
  if (text === '' && !typing) return [];
  return [part('note', '   filter: '), part('strong', text), ...(typing ? [part('bar', ' ')] : [])];
}

/** The hints while a filter is typed. */
export const filterHints: readonly Hint[] = [
  ['type', 'filter'],
  ['enter', 'keep'],
  ['esc', 'clear'],
];

/** A row of one line of text across the screen, selected. */
export function selectedRow(text: string, width: number): Row {
  return { parts: [{ text: pad(text, width), style: 'plain' }], selected: true };
}

/** Rows in the middle of an otherwise empty screen. */
export function emptyRows(lines: readonly string[], { width, height }: Size): Row[] {
  const above = Math.max(0, Math.floor((height - lines.length) / 2) - 1);
  return [
    ...Array.from({ length: above }, () => row('')),
    ...lines.map((text) => row(part('note', ' '.repeat(Math.max(0, Math.floor((width - displayWidth(text)) / 2))) + text))),
  ];
}

export const outcomeStyles = {
  ok: 'good',
  failed: 'warn',
  denied: 'bad',
  refused: 'bad',
  aborted: 'note',
  held: 'warn',
  pending: 'busy',
} as const satisfies Record<Outcome, ScreenStyle>;

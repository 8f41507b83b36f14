// Lays text out in columns by the width that a terminal shows it with. What comes in may be hostile; what goes out is safe to print.
import stringWidth from 'string-width';
import { escapeHostileLine } from '../base/hostile.ts';

const PLAIN = /^[\u0020-\u007e]*$/;
const graphemes = new Intl.Segmenter();

/** Columns that a safe text takes on a terminal. */
export function displayWidth(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text, { countAnsiEscapeCodes: true });
}

/** The pieces of a text that are not to be cut, each with its width. */
export function pieces(text: string): { readonly text: string; readonly width: number }[] {
  return Array.from(graphemes.segment(text), ({ segment }) => ({ text: segment, width: displayWidth(segment) }));
}

/** `text` made safe and cut to at most `width` columns; where it was cut, it ends in `…`. */
export function cut(text: string, width: number): string {
  // What is far beyond the width needs no measuring: no escape makes a text shorter.
  const safe = escapeHostileLine(text.length > width * 16 ? text.slice(0, width * 16) : text);
  if (width <= 0) return '';
  if (safe.length === text.length && displayWidth(safe) <= width) return safe;
  let kept = '';
  let used = 0;
  for (const piece of pieces(safe)) {
    if (used + piece.width > width) return `${shorten(kept, used, width)}…`;
    kept += piece.text;
    used += piece.width;
  }
  return text.length > width * 16 ? `${shorten(kept, used, width)}…` : kept;
}

// Makes room for the sign of the cut.
function shorten(kept: string, used: number, width: number): string {
  let left = used;
  const all = pieces(kept);
  while (left > width - 1) left -= all.pop()?.width ?? left;
  return all.map((piece) => piece.text).join('');
}

export type Align = 'left' | 'right';

/** `cut`, then filled with blanks to exactly `width` columns. */
export function pad(text: string, width: number, align: Align = 'left'): string {
  const short = cut(text, width);
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(short)));
  return align === 'left' ? short + blanks : blanks + short;
}

export interface Column {
  readonly title: string;
  readonly align?: Align;
  /** Its width, or its least width where it grows. */
  readonly width: number;
  /** Its share of what is left over. */
  readonly grow?: number;
  /** The columns with the highest number are left out first where there is no room; 0 stays always. */
  readonly drop: number;
}

const GAP = 2;

/** The width of each column on a line of `total`; 0 for one that is left out. */
export function layout(columns: readonly Column[], total: number): number[] {
  const kept = new Set(columns);
  const needed = () => [...kept].reduce((sum, column) => sum + column.width + GAP, -GAP);
  while (needed() > total) {
    const last = [...kept].reduce<Column | undefined>((worst, column) => (column.drop > (worst?.drop ?? 0) ? column : worst), undefined);
    if (last === undefined) break;
    kept.delete(last);
  }
  const left = Math.max(0, total - needed());
  const shares = [...kept].reduce((sum, column) => sum + (column.grow ?? 0), 0);
  return columns.map((column) => {
    if (!kept.has(column)) return 0;
    return column.width + (shares > 0 ? Math.floor((left * (column.grow ?? 0)) / shares) : 0);
  });
}

/** One line of cells at those widths. */
export function line(cells: readonly string[], widths: readonly number[], columns: readonly Column[]): string {
  const shown: string[] = [];
  for (const [i, column] of columns.entries()) {
    const width = widths[i] ?? 0;
    if (width > 0) shown.push(pad(cells[i] ?? '', width, column.align));
  }
  return shown.join(' '.repeat(GAP));
}

/** Lines for a terminal of any width or a file: every column as wide as its widest cell, but at most `widthMax`. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[], aligns: readonly Align[], widthMax = 48): string[] {
  const all = [titles, ...rows.map((row) => row.map((cell) => cut(cell, widthMax)))];
  const widths = titles.map((_, i) => Math.max(...all.map((row) => displayWidth(row[i] ?? ''))));
  return all.map((row) =>
    row
      .map((cell, i) => pad(cell, widths[i] ?? 0, aligns[i]))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

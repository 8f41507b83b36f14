// Breaks laid-out lines at the width of the screen, so that nothing of a long value is out of reach.
import { displayWidth, pieces } from './columns.ts';
import type { Part, PrettyLine } from './pretty.ts';
import { type Row, row } from './screen.ts';

/** Deep nesting leaves at least this share of the width to the text. */
const INDENT_SHARE = 0.5;
const HANGING = 2;

/** The rows of a line: the first at its indent, those behind it two columns further in. */
export function wrapLine(line: PrettyLine, width: number): Row[] {
  const indentMax = Math.floor(width * INDENT_SHARE);
  const first = Math.min(line.indent, indentMax);
  const rest = Math.min(line.indent + HANGING, indentMax);
  const rows: Row[] = [];
  let parts: Part[] = [];
  let indent = first;
  let used = first;
  const finish = () => {
    rows.push(row(' '.repeat(indent), ...parts));
    parts = [];
    indent = rest;
    used = rest;
  };
  for (const { text, style } of line.parts) {
    let left = text;
    while (left !== '') {
      let taken = takeWidth(left, width - used);
      if (taken === '' && parts.length > 0) {
        finish();
        continue;
      }
      // A piece that is wider than a whole row would never fit: it is taken all the same.
      taken ||= pieces(left.slice(0, PIECE_MAX))[0]?.text ?? left;
      parts.push({ text: taken, style });
      used += displayWidth(taken);
      left = left.slice(taken.length);
      if (left !== '') finish();
    }
  }
  finish();
  return rows;
}

const PLAIN = /^[\u0020-\u007e]*$/;

/** The beginning of `text` that fits, ending at a blank where there is one far enough behind; empty where nothing fits. */
function takeWidth(text: string, width: number): string {
  if (width <= 0) return '';
  const head = text.slice(0, width + 1);
  if (PLAIN.test(head)) {
    if (text.length <= width) return text;
    const blank = head.lastIndexOf(' ', width - 1);
    return text.slice(0, blank >= width / 2 ? blank + 1 : width);
  }
  let taken = '';
  let used = 0;
  for (const piece of pieces(text.slice(0, width * PIECE_MAX))) {
    if (used + piece.width > width) break;
    taken += piece.text;
    used += piece.width;
  }
  return taken;
}

/** UTF-16 units that one piece is taken to have at most; longer ones are broken. */
const PIECE_MAX = 8;

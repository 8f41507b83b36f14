// A text with its `\uXXXX` escapes undone, at any depth of escaping, and the way back from its offsets to those of the text.
import type { Hit } from './source.ts';

const ESCAPE = /\\+u([0-9a-fA-F]{4})/g;

export interface View {
  readonly text: string;
  /** The same places in the text that the view was made of. */
  back(hits: readonly Hit[]): Hit[];
}

/** Quotes, backslashes and control characters stay escaped: they are structure. */
export function unescapedView(text: string): View {
  const parts: string[] = [];
  /** Where each undone escape stands in the view, and where it began and ended in the text. */
  const spots: { readonly at: number; readonly start: number; readonly end: number }[] = [];
  let copied = 0;
  let length = 0;
  for (const found of text.matchAll(ESCAPE)) {
    const code = Number.parseInt(found[1] ?? '', 16);
    if (code < 0x20 || code === 0x22 || code === 0x5c || code === 0x7f) continue;
    const end = found.index + found[0].length;
    parts.push(text.slice(copied, found.index), String.fromCharCode(code));
    length += found.index - copied;
    spots.push({ at: length, start: found.index, end });
    length += 1;
    copied = end;
  }
  parts.push(text.slice(copied));
  const offset = (at: number, side: 'start' | 'end'): number => {
    let low = 0;
    let high = spots.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((spots[middle]?.at ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    const next = spots[low];
    if (side === 'start' && next?.at === at) return next.start;
    const last = spots[low - 1];
    return last ? last.end + (at - last.at - 1) : at;
  };
  return {
    text: parts.join(''),
    back: (hits) => hits.map((hit) => ({ start: offset(hit.start, 'start'), end: offset(hit.end, 'end'), mark: hit.mark })),
  };
}

// The lines of a timeline: one for each exchange, and one for whatever else happened to the session.
import { type Column, line } from './columns.ts';
import type { OutlineEntry, RecordedExchange } from './recording.ts';
import { cellParts, outcomeStyles, part, type Row, row, type ScreenStyle, selectedRow } from './screen.ts';
import { eventText, labelOf, remarkOf } from './sections.ts';
import { clockText, durationText, sizeText } from './words.ts';

export const timelineColumns: readonly Column[] = [
  { title: 'TIME (UTC)', width: 12, drop: 0 },
  { title: 'TOOL OR METHOD', width: 20, grow: 3, drop: 0 },
  { title: 'OUTCOME', width: 7, drop: 0 },
  { title: 'TOOK', align: 'right', width: 7, drop: 2 },
  { title: 'MASKED', align: 'right', width: 6, drop: 3 },
  { title: 'REMARK', width: 16, grow: 2, drop: 1 },
  { title: 'SIZE', align: 'right', width: 9, drop: 4 },
  { title: 'EXCHANGE', width: 20, drop: 5 },
];

export type Item = { readonly exchange: RecordedExchange; readonly event?: undefined } | { readonly exchange?: undefined; readonly event: OutlineEntry };

/** Exchanges and events in the order in which they began; lines of `before` are taken over where they still say the same. */
export function mergeItems(exchanges: readonly RecordedExchange[], events: readonly OutlineEntry[], before: readonly Item[]): Item[] {
  const items: Item[] = [];
  let next = 0;
  for (const exchange of exchanges) {
    const at = (exchange.request ?? exchange.answers[0])?.index ?? 0;
    for (let event = events[next]; event !== undefined && event.index < at; event = events[++next]) items.push({ event });
    const known = before[items.length];
    items.push(known?.exchange === exchange ? known : { exchange });
  }
  for (const event of events.slice(next)) items.push({ event });
  return items;
}

/** One line; `widths` are those of `timelineColumns`, `width` that of the screen. */
export function itemRow({ exchange, event }: Item, selected: boolean, widths: readonly number[], width: number): Row {
  if (exchange === undefined) {
    const text = `${clockText(event.leaf.wallMs)}  ${eventText(event.leaf.kind)}`;
    return selected ? selectedRow(`› ${text}`, width) : row(part('note', `  ${text}`));
  }
  const { startedMs, parent, outcome, durationMs, answers, maskedCount, wireBytes } = exchange;
  const cells = [
    clockText(startedMs),
    `${parent === undefined ? '' : '↳ '}${labelOf(exchange)}`,
    outcome,
    durationMs === undefined || answers.length === 0 ? '' : durationText(durationMs),
    maskedCount === 0 ? '·' : String(maskedCount),
    remarkOf(exchange),
    sizeText(wireBytes),
    exchange.exchange.slice(0, 20),
  ];
  if (selected) return selectedRow(`› ${line(cells, widths, timelineColumns)}`, width);
  const styles: ScreenStyle[] = ['note', 'plain', outcomeStyles[outcome], 'plain', maskedCount > 0 ? 'mark' : 'note', 'note', 'note', 'note'];
  return row('  ', ...cellParts(cells, widths, styles, timelineColumns));
}

/** What a filter looks at. */
export function itemText({ exchange, event }: Item): string {
  if (exchange === undefined) return eventText(event.leaf.kind);
  const { outcome, method, status, startedMs } = exchange;
  return [clockText(startedMs), labelOf(exchange), outcome, method, remarkOf(exchange), status, exchange.exchange].join(' ');
}

// The timeline of one session: its head, and a line for each exchange and for what else happened to the session.
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Journal } from '../journal/journal.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { layout, line } from './columns.ts';
import { Cursor, Filter, Matcher } from './cursor.ts';
import { type RecordedExchange, Recording } from './recording.ts';
import { back, emptyRows, filterHints, filterParts, type Hint, type Move, part, type Row, row, type Screen, type Size } from './screen.ts';
import { SessionHead } from './session-head.ts';
import { timelineColumns as columns, type Item, itemRow, itemText, mergeItems } from './timeline-rows.ts';
import { countText } from './words.ts';

/** What opens the other screens from here. */
export interface TimelineDoors {
  readonly exchange: (neighbours: Neighbours, at: number) => Screen;
  readonly replay: () => Screen;
}

/** The exchanges that stand in the list, so that one can go on to the next. */
export type Neighbours = readonly RecordedExchange[];

export class TimelineScreen implements Screen {
  readonly #recording: Recording;
  readonly #doors: TimelineDoors;
  readonly #head: SessionHead;
  readonly #cursor = new Cursor();
  readonly #filter = new Filter();
  readonly #matcher = new Matcher<Item>(itemText);
  #items: readonly Item[] = [];
  #itemsOf: readonly RecordedExchange[] | undefined;
  #itemsSize = 0;
  #loaded = false;
  #refreshedMs = 0;

  constructor(journal: Journal, session: SessionSummary, doors: TimelineDoors, now: () => number) {
    this.#recording = new Recording(journal, session);
    this.#head = new SessionHead(journal, session, now);
    this.#doors = doors;
  }

  get title(): string {
    return this.#head.session.sessionId.slice(0, 20);
  }

  get hints(): readonly Hint[] {
    if (this.#filter.typing) return filterHints;
    return [
      ['↑↓', 'move'],
      ['enter', 'open'],
      ['/', 'filter'],
      ['r', 'replay'],
      ['v', 'verify'],
      ['q', 'back'],
    ];
  }

  press(key: string, size: Size): Move | undefined {
    const kept = this.#shown()[this.#cursor.at];
    if (this.#filter.press(key)) {
      const shown = this.#shown();
      this.#cursor.select(kept === undefined ? 0 : shown.indexOf(kept), shown.length, this.#listHeight(size));
      return undefined;
    }
    if (this.#cursor.press(key, this.#shown().length, this.#listHeight(size))) return undefined;
    switch (key) {
      case 'q':
      case 'escape':
      case 'left':
        return back;
      case 'v':
        this.#head.askVerification();
        return undefined;
      case 'r':
        return { kind: 'open', screen: this.#doors.replay() };
      case 'enter':
      case 'right':
        return this.#open(kept);
      default:
        return undefined;
    }
  }

  work(nowMs: number): number | undefined {
    if (this.#head.turn()) return VERIFY_TURN_MS;
    if (!this.#loaded) {
      this.#readOn();
      return 0;
    }
    if (this.#head.session.state !== 'open') return undefined;
    const dueMs = this.#refreshedMs + limits.browserRefreshMs - nowMs;
    if (dueMs > 0) return dueMs;
    this.#refreshedMs = nowMs;
    this.#head.refresh();
    this.#readOn();
    return this.#loaded ? limits.browserRefreshMs : 0;
  }

  rows(size: Size): Row[] {
    const head = size.height >= TALL ? [...this.#head.rows(size.width, this.#recording), row('')] : [];
    const shown = this.#shown();
    const height = this.#listHeight(size);
    this.#cursor.select(this.#cursor.at, shown.length, height);
    const { at, top } = this.#cursor;
    const count = this.#countRow(shown.length, at);
    if (shown.length === 0) return [...head, count, ...emptyRows(this.#emptyLines(), { width: size.width, height })];
    const widths = layout(columns, size.width - 2);
    const titles = row(
      part(
        'note',
        `  ${line(
          columns.map(({ title }) => title),
          widths,
          columns,
        )}`,
      ),
    );
    const items = shown.slice(top, top + height).map((item, i) => itemRow(item, top + i === at, widths, size.width));
    return [...head, count, titles, ...items];
  }

  #countRow(shown: number, at: number): Row {
    const { size } = this.#head.session;
    const position = `${Math.min(at + 1, shown).toLocaleString('en-US')} of ${shown.toLocaleString('en-US')}`;
    const reading = this.#loaded ? '' : `   reading: ${this.#recording.entries.length.toLocaleString('en-US')} of ${countText(size, 'entry', 'entries')}`;
    return row(part('note', `${position}${reading}`), ...filterParts(this.#filter));
  }

  #emptyLines(): string[] {
    if (!this.#loaded) return ['reading the session'];
    if (this.#itemsOf?.length) return ['nothing here matches the filter', 'esc clears it'];
    return [this.#head.session.record === 'off' ? 'nothing was recorded: the connection says record: off' : 'no calls yet'];
  }

  #open(item: Item | undefined): Move | undefined {
    if (item?.exchange === undefined) return undefined;
    const neighbours = this.#shown().flatMap(({ exchange }) => (exchange === undefined ? [] : [exchange]));
    return { kind: 'open', screen: this.#doors.exchange(neighbours, neighbours.indexOf(item.exchange)) };
  }

  /** Reads a page; whoever stands on the last line of a running session stays on the last line. */
  #readOn(): void {
    const count = this.#shown().length;
    const following = this.#loaded && count > 1 && this.#cursor.at === count - 1;
    let read = 0;
    try {
      read = this.#recording.readPage();
      this.#loaded = read < limits.readEntriesMax;
    } catch (error) {
      this.#loaded = true;
      if (!(error instanceof McprecError)) throw error;
      this.#head.fail(error);
    }
    if (following) this.#cursor.at = this.#shown().length - 1;
    if (this.#loaded && read > 0 && this.#recording.entries.length <= limits.browserVerifyEntriesMax) this.#head.verify();
  }

  #shown(): readonly Item[] {
    const { exchanges, events, entries } = this.#recording;
    if (this.#itemsOf !== exchanges || this.#itemsSize !== entries.length) {
      this.#items = mergeItems(exchanges, events, this.#items);
      this.#itemsOf = exchanges;
      this.#itemsSize = entries.length;
    }
    return this.#matcher.keep(this.#items, this.#filter.words);
  }

  #listHeight({ height }: Size): number {
    const head = height >= TALL ? this.#head.height + 1 : 0;
    return Math.max(1, height - head - 2);
  }
}

/** Long enough to draw that it verifies. */
const VERIFY_TURN_MS = 60;

/** From this many lines on the session's head is shown. */
const TALL = 14;

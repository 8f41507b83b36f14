// The list of sessions: newest first, filtered as one types, refreshed while sessions run.
import { limits } from '../base/limits.ts';
import type { Journal } from '../journal/journal.ts';
import type { SessionQuery } from '../journal/reader.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { type Column, layout, line } from './columns.ts';
import { Cursor, Filter, Matcher } from './cursor.ts';
import {
  back,
  cellParts,
  emptyRows,
  filterHints,
  filterParts,
  type Hint,
  type Move,
  part,
  type Row,
  row,
  type Screen,
  type ScreenStyle,
  type Size,
  selectedRow,
} from './screen.ts';
import { countText, durationText, identityText, timeText } from './words.ts';

const columns: readonly Column[] = [
  { title: 'OPENED (UTC)', width: 16, drop: 0 },
  { title: 'LASTED', align: 'right', width: 8, drop: 3 },
  { title: 'CONNECTION', width: 12, grow: 2, drop: 0 },
  { title: 'WHO', width: 12, grow: 3, drop: 1 },
  { title: 'STATE', width: 7, drop: 0 },
  { title: 'CALLS', align: 'right', width: 6, drop: 2 },
  { title: 'DENIED', align: 'right', width: 6, drop: 2 },
  { title: 'MASKED', align: 'right', width: 6, drop: 4 },
  { title: 'SESSION', width: 20, drop: 5 },
];

const stateStyles = { open: 'busy', closed: 'plain', crashed: 'warn' } as const satisfies Record<SessionSummary['state'], ScreenStyle>;

/** What opens the other screens from here. */
export interface ListDoors {
  readonly session: (session: SessionSummary) => Screen;
  readonly replay: (session: SessionSummary) => Screen;
}

export class ListScreen implements Screen {
  readonly title = 'sessions';
  readonly #journal: Journal;
  readonly #query: Omit<SessionQuery, 'limit' | 'after'>;
  readonly #doors: ListDoors;
  readonly #now: () => number;
  readonly #cursor = new Cursor();
  readonly #filter = new Filter();
  readonly #matcher = new Matcher<SessionSummary>(searchText);
  #sessions: SessionSummary[] = [];
  #loaded = false;
  #refreshedMs = 0;

  constructor(journal: Journal, query: Omit<SessionQuery, 'limit' | 'after'>, doors: ListDoors, now: () => number) {
    this.#journal = journal;
    this.#query = query;
    this.#doors = doors;
    this.#now = now;
  }

  get hints(): readonly Hint[] {
    if (this.#filter.typing) return filterHints;
    return [
      ['↑↓', 'move'],
      ['enter', 'open'],
      ['r', 'replay'],
      ['/', 'filter'],
      ['q', 'quit'],
    ];
  }

  press(key: string, size: Size): Move | undefined {
    const kept = this.#selected();
    if (this.#filter.press(key)) {
      this.#keep(kept, size);
      return undefined;
    }
    const shown = this.#shown();
    if (this.#cursor.press(key, shown.length, listHeight(size))) return undefined;
    if (key === 'q' || key === 'escape') return back;
    if (kept !== undefined && (key === 'enter' || key === 'right')) return { kind: 'open', screen: this.#doors.session(kept) };
    if (kept !== undefined && key === 'r') return { kind: 'open', screen: this.#doors.replay(kept) };
    return undefined;
  }

  work(nowMs: number): number | undefined {
    if (!this.#loaded) {
      this.#readPage();
      return 0;
    }
    if (nowMs - this.#refreshedMs >= limits.browserRefreshMs) {
      this.#refresh();
      this.#refreshedMs = nowMs;
    }
    return this.#refreshedMs + limits.browserRefreshMs - nowMs;
  }

  rows(size: Size): Row[] {
    const shown = this.#shown();
    const height = listHeight(size);
    this.#cursor.select(this.#cursor.at, shown.length, height);
    const { at, top } = this.#cursor;
    const head = row(part('strong', this.#countLine(shown.length)), ...filterParts(this.#filter));
    if (shown.length === 0) return [head, ...emptyRows(this.#emptyLines(), { width: size.width, height })];
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
    return [head, row(''), titles, ...shown.slice(top, top + height).map((session, i) => this.#sessionRow(session, top + i === at, widths, size.width))];
  }

  #sessionRow(session: SessionSummary, selected: boolean, widths: readonly number[], width: number): Row {
    const cells = [
      timeText(session.openedMs).slice(0, 16),
      durationText(Math.max(0, (session.endedMs ?? this.#now()) - session.openedMs)),
      session.connection,
      identityText(session.identity),
      session.state,
      String(session.calls),
      session.denied === 0 ? '·' : String(session.denied),
      session.masked === 0 ? '·' : String(session.masked),
      session.sessionId.slice(0, 20),
    ];
    if (selected) return selectedRow(`› ${line(cells, widths, columns)}`, width);
    const styles: ScreenStyle[] = [
      'plain',
      'note',
      'plain',
      'plain',
      stateStyles[session.state],
      'plain',
      session.denied > 0 ? 'bad' : 'note',
      session.masked > 0 ? 'mark' : 'note',
      'note',
    ];
    return row('  ', ...cellParts(cells, widths, styles, columns));
  }

  #countLine(shown: number): string {
    const all = this.#sessions.length;
    const running = this.#sessions.reduce((sum, { state }) => sum + (state === 'open' ? 1 : 0), 0);
    const counted = this.#filter.text === '' ? countText(all, 'session') : `${shown.toLocaleString('en-US')} of ${countText(all, 'session')}`;
    return `${counted}${running > 0 ? `, ${running} open` : ''}${this.#loaded ? '' : ' (reading on)'}`;
  }

  #emptyLines(): string[] {
    if (!this.#loaded) return ['reading the journal'];
    if (this.#sessions.length > 0) return ['no session matches the filter', 'esc clears it'];
    return Object.keys(this.#query).length > 0
      ? ['no session matches --connection or --state']
      : ['nothing is recorded yet', 'record something with: mcprec connect'];
  }

  #shown(): readonly SessionSummary[] {
    return this.#matcher.keep(this.#sessions, this.#filter.words);
  }

  #selected(): SessionSummary | undefined {
    return this.#shown()[this.#cursor.at];
  }

  /** Keeps the selection on the same session, wherever it stands now. */
  #keep(session: SessionSummary | undefined, size: Size): void {
    const shown = this.#shown();
    const at = session === undefined ? -1 : shown.findIndex(({ sessionId }) => sessionId === session.sessionId);
    this.#cursor.select(at, shown.length, listHeight(size));
  }

  #readPage(): void {
    const last = this.#sessions.at(-1);
    const page = this.#journal.sessions({ ...this.#query, limit: limits.browserPageSessions, ...(last && { after: last }) });
    this.#sessions = [...this.#sessions, ...page];
    this.#loaded = page.length < limits.browserPageSessions;
  }

  /** Reads the newest anew, and those open sessions that stand further down. */
  #refresh(): void {
    const kept = this.#selected();
    const newest = this.#journal.sessions({ ...this.#query, limit: limits.browserPageSessions });
    const fresh = new Set(newest.map(({ sessionId }) => sessionId));
    const older = this.#sessions.filter(({ sessionId }) => !fresh.has(sessionId));
    this.#sessions = [...newest, ...older.map((session) => (session.state === 'open' ? this.#journal.findSession(session.sessionId) : session))];
    const moved = this.#shown().findIndex(({ sessionId }) => sessionId === kept?.sessionId) - this.#cursor.at;
    if (kept !== undefined && moved > 0) {
      this.#cursor.at += moved;
      if (this.#cursor.top > 0) this.#cursor.top += moved;
    }
  }
}

// Count line, blank, titles.
function listHeight({ height }: Size): number {
  return Math.max(1, height - 3);
}

function searchText({ connection, identity, sessionId, state, gateway, openedMs }: SessionSummary): string {
  return [timeText(openedMs), connection, identity?.email, identity?.subject, state, gateway ?? 'solo', sessionId].join(' ');
}

// The browser of recordings: which screens there are, and which of them opens which.
import type { Clock } from '../base/clock.ts';
import type { Journal } from '../journal/journal.ts';
import type { SessionQuery } from '../journal/reader.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { ExchangeScreen } from './exchange-screen.ts';
import { ListScreen } from './list-screen.ts';
import { ReplayScreen } from './replay-screen.ts';
import type { Screen } from './screen.ts';
import { ScreenStack } from './stack.ts';
import { TimelineScreen } from './timeline-screen.ts';

/** Where the browser begins. */
export type Start =
  | { readonly screen: 'list'; readonly query: Omit<SessionQuery, 'limit' | 'after'> }
  | { readonly screen: 'replay'; readonly session: SessionSummary; readonly speed: number };

export class Browser extends ScreenStack {
  readonly #clock: Clock;
  readonly #journal: Journal;

  /** `ended` is called when the last screen is left, or with what made it impossible to go on. */
  constructor(journal: Journal, clock: Clock, start: Start, ended: (error?: unknown) => void) {
    super(clock, ended);
    this.#journal = journal;
    this.#clock = clock;
    this.open(start.screen === 'list' ? this.#list(start.query) : this.#replay(start.session, start.speed));
  }

  #list(query: Omit<SessionQuery, 'limit' | 'after'>): Screen {
    const doors = { session: (session: SessionSummary) => this.#timeline(session), replay: (session: SessionSummary) => this.#replay(session, 1) };
    return new ListScreen(this.#journal, query, doors, () => this.#clock.wallMs());
  }

  #timeline(session: SessionSummary): Screen {
    const doors = {
      exchange: (neighbours: ConstructorParameters<typeof ExchangeScreen>[2], at: number) => new ExchangeScreen(this.#journal, session.logId, neighbours, at),
      replay: () => this.#replay(session, 1),
    };
    return new TimelineScreen(this.#journal, session, doors, () => this.#clock.wallMs());
  }

  #replay(session: SessionSummary, speed: number): Screen {
    return new ReplayScreen(this.#journal, session, speed, (neighbours, at) => new ExchangeScreen(this.#journal, session.logId, neighbours, at));
  }
}

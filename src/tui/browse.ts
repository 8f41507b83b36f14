// Opens the browser of recordings on a terminal.
import type { Clock } from '../base/clock.ts';
import type { Journal } from '../journal/journal.ts';
import { Browser, type Start } from './browser.ts';
import { type ShowOptions, showScreens } from './show.tsx';

export interface BrowseOptions extends ShowOptions {
  readonly journal: Journal;
  readonly start: Start;
  readonly clock: Clock;
}

/** Shows the browser until its user leaves it. Needs a terminal at both streams. Rejects with what reading the journal throws. */
export function browse({ journal, start, clock, ...terminal }: BrowseOptions): Promise<void> {
  return showScreens((ended) => new Browser(journal, clock, start, ended), terminal);
}

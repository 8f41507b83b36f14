// Journals in temporary directories, and screens as the text that they show.
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import type { Row, Screen, Size } from '../../src/tui/screen.ts';
import { countingRandom } from '../evidence/samples.ts';
import { tempDir } from '../support/temp.ts';
import { HandClock } from './recorder.ts';

export const SIZE: Size = { width: 80, height: 21 };

/** An empty journal for the test, and the home that it is in. */
export function newJournal(): { readonly home: string; readonly journal: Journal } {
  const dir = tempDir();
  const journal = openJournal({ path: join(dir.path, 'journal.db'), clock: new HandClock(), random: countingRandom('journal') });
  onTestFinished(() => {
    journal[Symbol.dispose]();
    dir[Symbol.dispose]();
  });
  return { home: dir.path, journal };
}

/** Lets a screen work until nothing is left to be done at once. */
export function settle(screen: Screen, nowMs = 0): void {
  while (screen.work(nowMs) === 0);
}

/** Presses keys, and returns what the last one leads to. */
export function press(screen: Screen, ...keys: readonly string[]) {
  let move: ReturnType<Screen['press']>;
  for (const key of keys) move = screen.press(key, SIZE);
  return move;
}

/** Presses a key that must open a screen, and returns it when it has nothing left to do. */
export function openBy(screen: Screen, key: string): Screen {
  const move = press(screen, key);
  if (move?.kind !== 'open') throw new Error(`${key} opened no screen`);
  settle(move.screen);
  return move.screen;
}

/** The lines of a screen, without blanks at their ends. */
export function linesOf(screen: Screen, size = SIZE): string[] {
  return screen.rows(size).map(textOf);
}

export function textOf(row: Row): string {
  return row.parts
    .map((part) => part.text)
    .join('')
    .trimEnd();
}

/** The selected line. */
export function selectedOf(screen: Screen, size = SIZE): string | undefined {
  const row = screen.rows(size).find(({ selected }) => selected);
  return row && textOf(row);
}

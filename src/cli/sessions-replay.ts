// `mcprec sessions replay`: on a terminal the browser's replay; elsewhere the session line by line at its pace.
import { setTimeout as wait } from 'node:timers/promises';
import { McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { limits } from '../base/limits.ts';
import type { Journal } from '../journal/journal.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { pace } from '../replay/timeline.ts';
import { offsetMs } from '../tui/player.ts';
import { type OutlineEntry, Recording } from '../tui/recording.ts';
import { momentText, sectionsOf } from '../tui/sections.ts';
import { offsetText } from '../tui/words.ts';
import { type Io, say } from './io.ts';
import { sayPretty } from './paint.ts';
import { isTerminal, openBrowser, openRecordOf } from './sessions.ts';

export interface SessionsReplayOptions {
  /** Times the recorded pace, or `max`. */
  readonly speed?: string | undefined;
}

const SPEED_MAX = 1_000;
const BOUNDS = { linesMax: limits.replayTextLinesMax, charactersMax: limits.printedCharactersMax };

/** Replays a session until it ends, or until Ctrl-C. Throws `usage`, `not_found`, `id_ambiguous`, and what reading the journal throws. */
export async function runSessionsReplay(idPrefix: string, options: SessionsReplayOptions, io: Io): Promise<void> {
  const speed = readSpeed(options.speed);
  using journal = openRecordOf(io);
  const session = journal.findSession(idPrefix);
  if (isTerminal(io)) await openBrowser(journal, { screen: 'replay', session, speed }, io);
  else await printReplay(journal, session, speed, io);
}

async function printReplay(journal: Journal, session: SessionSummary, speed: number, io: Io): Promise<void> {
  const recording = new Recording(journal, session);
  recording.readAll();
  const { entries } = recording;
  const [first] = entries;
  const delays = pace(entries, { speed, pauseMsMax: limits.replayPauseMsMax });
  for (const [i, entry] of entries.entries()) {
    const delay = delays[i] ?? 0;
    if (delay > 0) await wait(delay, undefined, { signal: io.signal }).catch(() => undefined);
    if (io.signal.aborted || first === undefined) return;
    sayMoment(journal, session, { entry, recording, atMs: offsetMs(first, entry) }, io);
  }
}

function sayMoment(
  journal: Journal,
  { logId }: SessionSummary,
  { entry, recording, atMs }: { entry: OutlineEntry; recording: Recording; atMs: number },
  io: Io,
): void {
  const { exchange } = entry.leaf;
  say(io, `${offsetText(atMs)}  ${escapeHostileLine(momentText(entry, exchange === undefined ? undefined : recording.exchange(exchange)))}`);
  if (exchange === undefined) return;
  const [section] = sectionsOf(journal.entries(logId, entry.index, 1), BOUNDS);
  for (const line of section?.lines ?? []) sayPretty(io, line, 2);
}

function readSpeed(text = '1'): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const speed = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1] ?? Number.NaN);
  if (!(speed > 0 && speed <= SPEED_MAX)) throw new McprecError('usage', `--speed ${text} is neither a number up to ${SPEED_MAX} nor max`);
  return speed;
}

// Replays a session: what was said appears line by line at its pace, with the newest message below.
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Journal } from '../journal/journal.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { cut } from './columns.ts';
import { offsetMs, Player, speeds, speedText } from './player.ts';
import { type OutlineEntry, type RecordedExchange, Recording } from './recording.ts';
import { back, type Hint, type Move, part, type Row, row, type Screen, type ScreenStyle, type Size } from './screen.ts';
import { sectionRows } from './section-rows.ts';
import { momentText, sectionsOf } from './sections.ts';
import { offsetText } from './words.ts';

/** What opens an exchange from here. */
export type ExchangeDoor = (neighbours: readonly RecordedExchange[], at: number) => Screen;

const SPEED_KEYS: Readonly<Record<string, number>> = { '1': 1, '2': 2, '0': 10, m: Number.POSITIVE_INFINITY };
const LOG_SHARE = 0.4;
const LOG_ROWS_MIN = 3;
const FRAME_MS = 33;

export class ReplayScreen implements Screen {
  readonly title = 'replay';
  readonly #journal: Journal;
  readonly #session: SessionSummary;
  readonly #recording: Recording;
  readonly #player: Player;
  readonly #exchangeDoor: ExchangeDoor;
  #loaded = false;
  #refreshedMs = 0;
  #message: { readonly index: number; readonly width: number; readonly rows: readonly Row[] } | undefined;

  constructor(journal: Journal, session: SessionSummary, speed: number, exchangeDoor: ExchangeDoor) {
    this.#journal = journal;
    this.#session = session;
    this.#recording = new Recording(journal, session);
    this.#player = new Player(() => this.#recording.entries);
    this.#player.setSpeed(speed);
    this.#exchangeDoor = exchangeDoor;
    this.#recording.readPage();
  }

  get hints(): readonly Hint[] {
    return [
      ['space', this.#player.playing ? 'pause' : 'play'],
      ['← →', 'step'],
      ['1 2 0 m', 'speed'],
      ['i', 'pauses'],
      ['g', 'again'],
      ['enter', 'open'],
      ['q', 'back'],
    ];
  }

  press(key: string): Move | undefined {
    const player = this.#player;
    const speed = Object.hasOwn(SPEED_KEYS, key) ? SPEED_KEYS[key] : undefined;
    if (speed !== undefined) player.setSpeed(speed);
    else if (key === 's') player.setSpeed(speeds[(speeds.indexOf(player.speed) + 1) % speeds.length] ?? 1);
    else if (key === ' ') player.toggle();
    else if (key === 'right' || key === 'n' || key === 'down' || key === 'j') player.step(1);
    else if (key === 'left' || key === 'p' || key === 'up' || key === 'k') player.step(-1);
    else if (key === 'i') player.togglePauses();
    else if (key === 'g' || key === 'home') player.jump('start');
    else if (key === 'G' || key === 'end') player.jump('end');
    else if (key === 'enter') return this.#open();
    else if (key === 'q' || key === 'escape') return back;
    return undefined;
  }

  work(nowMs: number): number | undefined {
    if (!this.#loaded || (this.#live && nowMs - this.#refreshedMs >= limits.browserRefreshMs)) {
      this.#loaded = this.#recording.readPage() < limits.readEntriesMax;
      this.#refreshedMs = nowMs;
    }
    const due = this.#player.advance(nowMs);
    if (!this.#loaded) return 0;
    // Not before the next frame: more would be shown than can be drawn.
    if (due !== undefined) return Math.max(FRAME_MS, due);
    return this.#live ? limits.browserRefreshMs : undefined;
  }

  rows(size: Size): Row[] {
    const room = Math.max(2, size.height - 4);
    const logHeight = Math.min(room - 1, Math.max(LOG_ROWS_MIN, Math.floor(room * LOG_SHARE)));
    const shown = this.#recording.entries.slice(Math.max(0, this.#player.shown - logHeight), this.#player.shown);
    const log = shown.map((entry, i) => this.#momentRow(entry, i === shown.length - 1, size.width));
    const blank = Array.from({ length: logHeight - log.length }, () => row(''));
    const message = this.#messageRows(shown.at(-1), size.width).slice(0, room - logHeight);
    const below = Array.from({ length: room - logHeight - message.length }, () => row(''));
    const rule = row(part('note', '─'.repeat(size.width)));
    return [...log, ...blank, rule, ...message, ...below, rule, this.#progressRow(size.width), row('')].slice(0, size.height);
  }

  /** True while more may be recorded. */
  get #live(): boolean {
    return this.#session.state === 'open' && !this.#recording.ended;
  }

  #momentRow(entry: OutlineEntry, newest: boolean, width: number): Row {
    const [first] = this.#recording.entries;
    const exchange = entry.leaf.exchange === undefined ? undefined : this.#recording.exchange(entry.leaf.exchange);
    const time = offsetText(first === undefined ? 0 : offsetMs(first, entry));
    return row(part(newest ? 'strong' : 'note', `${time}  `), part(momentStyle(entry, newest), cut(momentText(entry, exchange), width - time.length - 2)));
  }

  #messageRows(entry: OutlineEntry | undefined, width: number): readonly Row[] {
    if (entry === undefined) return [];
    if (this.#message?.index !== entry.index || this.#message.width !== width) {
      this.#message = { index: entry.index, width, rows: this.#layOut(entry, width) };
    }
    return this.#message.rows;
  }

  #layOut(entry: OutlineEntry, width: number): Row[] {
    try {
      const stored = this.#journal.entries(this.#session.logId, entry.index, 1);
      return sectionsOf(stored, { linesMax: limits.replayLinesMax, charactersMax: limits.printedCharactersMax }).flatMap((section) =>
        sectionRows(section, width),
      );
    } catch (error) {
      if (!(error instanceof McprecError)) throw error;
      return [row(part('bad', error.message))];
    }
  }

  #progressRow(width: number): Row {
    const { shown, playing, speed, wholePauses } = this.#player;
    const { entries } = this.#recording;
    const total = this.#loaded ? entries.length : Math.max(entries.length, this.#session.size);
    const [first] = entries;
    const last = entries[shown - 1];
    const atEnd = shown >= total && !this.#live;
    const state = atEnd ? '■ end   ' : playing ? '▶ plays ' : '‖ paused';
    const time = first === undefined || last === undefined ? offsetText(0) : offsetText(offsetMs(first, last));
    const counts = `${shown.toLocaleString('en-US')}/${total.toLocaleString('en-US')}`;
    const pauses = wholePauses ? 'whole pauses' : `pauses ≤ ${limits.replayPauseMsMax / 1000} s`;
    const text = ` ${speedText(speed).padEnd(4)} ${time}  ${counts}  ${pauses}  `;
    const bar = Math.max(0, width - state.length - text.length);
    const filled = total === 0 ? 0 : Math.round((bar * shown) / total);
    return row(part(playing && !atEnd ? 'good' : 'strong', state), text, part('busy', '━'.repeat(filled)), part('note', '─'.repeat(bar - filled)));
  }

  #open(): Move | undefined {
    const entry = this.#recording.entries[this.#player.shown - 1];
    const { exchanges } = this.#recording;
    const at = exchanges.findIndex(({ exchange }) => exchange === entry?.leaf.exchange);
    if (at === -1) return undefined;
    if (this.#player.playing) this.#player.toggle();
    return { kind: 'open', screen: this.#exchangeDoor(exchanges, at) };
  }
}

function momentStyle({ leaf }: OutlineEntry, newest: boolean): ScreenStyle {
  if (leaf.exchange === undefined) return 'note';
  if (leaf.decision?.effect === 'deny') return 'bad';
  if (leaf.failed) return 'warn';
  return newest ? 'strong' : 'plain';
}

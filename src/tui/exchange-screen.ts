// One exchange: its request, its answers and what the record says of them, each scrolling, and the way on to the next one.
import { McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { StoredEntry } from '../evidence/seal.ts';
import type { Journal } from '../journal/journal.ts';
import { cut } from './columns.ts';
import { type RecordedExchange, readEntries } from './recording.ts';
import { back, type Hint, type Move, outcomeStyles, part, type Row, row, type Screen, type ScreenPart, type Size } from './screen.ts';
import { factRows, sectionRows } from './section-rows.ts';
import { evidenceFacts, exchangeFacts, labelOf, remarkOf, sectionsOf } from './sections.ts';
import type { Neighbours } from './timeline-screen.ts';
import { clockText, countText, durationText } from './words.ts';
import { wrapLine } from './wrap.ts';

const tabs = ['request', 'answers', 'record'] as const;
type Tab = (typeof tabs)[number];

const BOUNDS = { linesMax: limits.shownLinesMax, charactersMax: limits.shownCharactersMax };

export class ExchangeScreen implements Screen {
  readonly #journal: Journal;
  readonly #logId: LogId;
  readonly #neighbours: Neighbours;
  #at: number;
  #tab: Tab = 'request';
  #top = 0;
  #entries: readonly StoredEntry[] = [];
  #failure: McprecError | undefined;
  /** Laid out for one tab and width; laid out anew when either changes. */
  #body: { readonly tab: Tab; readonly width: number; readonly rows: readonly Row[] } | undefined;

  constructor(journal: Journal, logId: LogId, neighbours: Neighbours, at: number) {
    this.#journal = journal;
    this.#logId = logId;
    this.#neighbours = neighbours;
    this.#at = at;
    this.#load();
  }

  get title(): string {
    const exchange = this.#exchange;
    return exchange === undefined ? '' : labelOf(exchange);
  }

  get hints(): readonly Hint[] {
    return [
      ['tab', 'request, answers, record'],
      ['↑↓', 'scroll'],
      ['n p', 'next, previous'],
      ['q', 'back'],
    ];
  }

  press(key: string, size: Size): Move | undefined {
    switch (key) {
      case 'q':
      case 'escape':
        return back;
      case 'tab':
      case 'right':
        this.#turn(1);
        return undefined;
      case 'left':
        this.#turn(-1);
        return undefined;
      case 'n':
        this.#go(1);
        return undefined;
      case 'p':
        this.#go(-1);
        return undefined;
      default:
        this.#scroll(key, size);
        return undefined;
    }
  }

  work(): undefined {
    return undefined;
  }

  rows(size: Size): Row[] {
    const exchange = this.#exchange;
    if (exchange === undefined) return [];
    const body = this.#bodyRows(size.width);
    const height = bodyHeight(size);
    this.#top = Math.max(0, Math.min(this.#top, body.length - height));
    return [this.#summary(exchange, size.width), row(''), this.#tabRow(exchange, body.length, size), row(''), ...body.slice(this.#top, this.#top + height)];
  }

  get #exchange(): RecordedExchange | undefined {
    return this.#neighbours[this.#at];
  }

  #load(): void {
    this.#body = undefined;
    this.#top = 0;
    this.#failure = undefined;
    this.#entries = [];
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    try {
      this.#entries = readEntries(this.#journal, this.#logId, exchange);
    } catch (error) {
      if (!(error instanceof McprecError)) throw error;
      this.#failure = error;
    }
  }

  #go(step: number): void {
    const at = Math.max(0, Math.min(this.#at + step, this.#neighbours.length - 1));
    if (at === this.#at) return;
    this.#at = at;
    this.#load();
  }

  #turn(step: number): void {
    this.#tab = tabs[(tabs.indexOf(this.#tab) + step + tabs.length) % tabs.length] ?? 'request';
    this.#top = 0;
  }

  #scroll(key: string, size: Size): void {
    const height = bodyHeight(size);
    const last = Math.max(0, this.#bodyRows(size.width).length - height);
    const tops: Readonly<Record<string, number>> = {
      up: this.#top - 1,
      k: this.#top - 1,
      down: this.#top + 1,
      j: this.#top + 1,
      enter: this.#top + 1,
      pageUp: this.#top - height,
      pageDown: this.#top + height,
      ' ': this.#top + height,
      home: 0,
      g: 0,
      end: last,
      G: last,
    };
    if (Object.hasOwn(tops, key)) this.#top = Math.max(0, Math.min(tops[key] ?? 0, last));
  }

  #summary(exchange: RecordedExchange, width: number): Row {
    const { startedMs, outcome, durationMs, answers, maskedCount } = exchange;
    const facts = [
      clockText(startedMs),
      ...(durationMs === undefined || answers.length === 0 ? [] : [durationText(durationMs)]),
      `${maskedCount} masked`,
      remarkOf(exchange),
    ];
    const outcomePart = part(outcomeStyles[outcome], outcome);
    return row(outcomePart, part('note', cut(`   ${facts.filter((fact) => fact !== '').join(' · ')}`, width - outcome.length)));
  }

  #tabRow({ request, answers }: RecordedExchange, rows: number, size: Size): Row {
    const names: Readonly<Record<Tab, string>> = {
      request: request === undefined ? 'Request (missing)' : 'Request',
      answers: answers.length === 1 ? 'Answer' : `Answers (${answers.length})`,
      record: 'Record',
    };
    const parts: ScreenPart[] = tabs.flatMap((tab) => [part(tab === this.#tab ? 'bar' : 'note', ` ${names[tab]} `), part('plain', ' ')]);
    const height = bodyHeight(size);
    const position = rows > height ? `lines ${this.#top + 1}–${Math.min(rows, this.#top + height)} of ${rows}` : '';
    const next = this.#neighbours.length > 1 ? `exchange ${this.#at + 1} of ${this.#neighbours.length}` : '';
    return row(...parts, part('note', ['', position, next].filter((text, i) => i === 0 || text !== '').join('  ')));
  }

  #bodyRows(width: number): readonly Row[] {
    if (this.#body?.tab !== this.#tab || this.#body.width !== width) {
      this.#body = { tab: this.#tab, width, rows: this.#layOut(width) };
    }
    return this.#body.rows;
  }

  #layOut(width: number): Row[] {
    const exchange = this.#exchange;
    if (exchange === undefined) return [];
    if (this.#failure !== undefined)
      return wrapLine({ indent: 0, parts: [{ text: `${this.#failure.message}; ${this.#failure.remedy}`, style: 'mark' }] }, width);
    if (this.#tab === 'record') return this.#recordRows(exchange, width);
    const hasRequest = exchange.request !== undefined;
    const chosen = this.#tab === 'request' ? this.#entries.slice(0, hasRequest ? 1 : 0) : this.#entries;
    const sections = sectionsOf(chosen, BOUNDS).slice(this.#tab === 'answers' && hasRequest ? 1 : 0);
    if (sections.length === 0) return [row(part('note', this.#tab === 'request' ? 'the request is not in the record' : whyNoAnswer(exchange)))];
    const missing = exchange.answers.length + (hasRequest ? 1 : 0) - this.#entries.length;
    const note =
      missing > 0 && this.#tab === 'answers'
        ? [row(part('note', `… ${countText(missing, 'entry', 'entries')} more: mcprec sessions show --exchange ID --json`))]
        : [];
    return [...sections.flatMap((section) => sectionRows(section, width)), ...note];
  }

  #recordRows(exchange: RecordedExchange, width: number): Row[] {
    return [...factRows(exchangeFacts(exchange), width), ...this.#entries.flatMap((entry) => [row(''), ...factRows(evidenceFacts(entry), width)])];
  }
}

function whyNoAnswer({ outcome }: RecordedExchange): string {
  if (outcome === 'denied' || outcome === 'refused') return 'mcprec answered itself; nothing was sent upstream';
  return outcome === 'pending' ? 'not answered yet' : 'the session ended before an answer came';
}

// Summary, blank, tabs, blank.
function bodyHeight({ height }: Size): number {
  return Math.max(1, height - 4);
}

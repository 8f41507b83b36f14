// The one line that lives under the banner of `connect`, and its keys. Plain text and two control sequences: no screen library.
import type { Forwarder } from '../forwarder/forwarder.ts';
import type { AskHold, HoldQuestion } from '../forwarder/solo-holds.ts';
import { lagSeconds } from '../journal/outbox.ts';
import { countText } from '../tui/words.ts';
import { HoldQuestions } from './hold-questions.ts';
import { type Io, note } from './io.ts';

export interface StatusKeys {
  readonly interrupt: () => void;
  readonly extend: () => Promise<void>;
}

const ERASE_LINE = '\r\u001b[2K';
const REDRAW_MS = 1_000;
const DRAW_GAP_MS = 80;
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

export class StatusLine {
  readonly #io: Io;
  #forwarder: Forwarder | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #onKey: ((key: Buffer) => void) | undefined;
  readonly #questions: HoldQuestions;

  constructor(io: Io) {
    this.#io = io;
    this.#questions = new HoldQuestions((lines) => {
      this.clear();
      for (const line of lines) note(io, line);
      this.draw();
    });
  }

  /** Asks about a held call, one after the other; see AskHold. */
  ask(question: HoldQuestion, signal: AbortSignal): ReturnType<AskHold> {
    return this.#questions.ask(question, signal);
  }

  /** Draws the line and listens to keys until `stop`. */
  run(forwarder: Forwarder, keys: StatusKeys): void {
    this.#forwarder = forwarder;
    const { stdin } = this.#io;
    this.#onKey = (key) => {
      const text = key.toString();
      // In raw mode the terminal does not turn Ctrl-C into a signal.
      if (text === CTRL_C || text === CTRL_D || text === 'q') keys.interrupt();
      else if (this.#questions.answer(text)) this.#paint();
      else if (text === 'r') void keys.extend();
    };
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on('data', this.#onKey);
    this.#timer = setInterval(() => this.#paint(), REDRAW_MS);
    this.#paint();
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    const { stdin } = this.#io;
    if (this.#onKey !== undefined) stdin.off('data', this.#onKey);
    stdin.setRawMode(false);
    stdin.pause();
    this.clear();
    this.#forwarder = undefined;
  }

  clear(): void {
    this.#io.stdout.write(ERASE_LINE);
  }

  /** Something changed: draws soon, so that a thousand calls a second do not draw a thousand lines. */
  draw(): void {
    if (this.#soon !== undefined || this.#forwarder === undefined) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#paint();
    }, DRAW_GAP_MS);
  }

  #paint(): void {
    if (this.#forwarder === undefined) return;
    const width = this.#io.stdout.columns || 80;
    const line = this.#questions.isAsking ? '? y approves this call once · n refuses it · Ctrl-C ends' : undefined;
    this.#io.stdout.write(ERASE_LINE + (line ?? statusText(this.#forwarder, this.#io.clock.wallMs())).slice(0, width - 1));
  }
}

function statusText(forwarder: Forwarder, nowMs: number): string {
  const sum = { calls: 0, denied: 0, masked: 0, failed: 0, held: 0 };
  let expiresAtMs = Number.POSITIVE_INFINITY;
  let ended = false;
  for (const { session, granted } of forwarder.seats) {
    const { counts } = session;
    sum.calls += counts.calls;
    sum.denied += counts.denied;
    sum.masked += counts.masked;
    sum.failed += counts.failed;
    sum.held += counts.held;
    if (granted !== undefined) expiresAtMs = Math.min(expiresAtMs, granted.grant.expiresAtMs);
    ended ||= session.ended !== undefined;
  }
  const parts = [countText(sum.calls, 'call'), `${sum.denied} denied`, `${sum.masked} masked`];
  if (sum.held > 0) parts.push(`${sum.held} held`);
  if (sum.failed > 0) parts.push(`${sum.failed} failed`);
  if (Number.isFinite(expiresAtMs)) {
    const { lag, syncError } = forwarder;
    parts.push(lag.entries === 0 ? 'synced' : `${lag.entries} to sync, ${lagSeconds(lag, nowMs)} s behind${syncError === undefined ? '' : ' (gateway away)'}`);
    parts.push(ended ? 'ended: r extends' : `${remaining(expiresAtMs - nowMs)} left`);
  }
  return `${ended ? '○' : '●'} ${parts.join(' · ')} · Ctrl-C ends`;
}

function remaining(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  if (minutes >= 60) return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`;
  return minutes >= 1 ? `${minutes}m` : `${Math.floor(Math.max(0, ms) / 1000)}s`;
}

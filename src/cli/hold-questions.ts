// The questions about held calls that are put to whoever sits at the terminal: one after the other, each until it is answered or nobody waits.
import { escapeHostileLine } from '../base/hostile.ts';
import type { AskHold, HoldQuestion } from '../forwarder/solo-holds.ts';

type Answer = Awaited<ReturnType<AskHold>>;

interface Asked {
  readonly question: HoldQuestion;
  readonly settle: (answer: Answer) => void;
}

/** Of a call, on the line that asks about it. */
const CALL_LENGTH_MAX = 2_000;

export class HoldQuestions {
  readonly #show: (lines: readonly string[]) => void;
  #waiting: readonly Asked[] = [];

  /** `show` prints lines that are safe to print. */
  constructor(show: (lines: readonly string[]) => void) {
    this.#show = show;
  }

  get isAsking(): boolean {
    return this.#waiting.length > 0;
  }

  ask(question: HoldQuestion, signal: AbortSignal): Promise<Answer> {
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const asked: Asked = { question, settle: (answer) => this.#settle(asked, answer, resolve) };
      signal.addEventListener('abort', () => asked.settle(undefined), { once: true });
      this.#waiting = [...this.#waiting, asked];
      if (this.#waiting.length === 1) this.#put();
    });
  }

  /** Takes a key; false where it is not an answer, or there is no question. */
  answer(key: string): boolean {
    const [first] = this.#waiting;
    if (first === undefined || (key !== 'y' && key !== 'n')) return false;
    first.settle(key === 'y' ? 'approve' : 'refuse');
    return true;
  }

  #settle(asked: Asked, answer: Answer, resolve: (answer: Answer) => void): void {
    if (!this.#waiting.includes(asked)) return;
    const wasFirst = this.#waiting[0] === asked;
    this.#waiting = this.#waiting.filter((other) => other !== asked);
    if (answer === undefined) this.#show([`nobody waits for ${escapeHostileLine(asked.question.rule)} any more`]);
    if (wasFirst) this.#put();
    resolve(answer);
  }

  #put(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const { rule, reason, call } = first.question;
    this.#show([
      escapeHostileLine(`held by rule ${rule}: ${reason}`),
      escapeHostileLine(`  ${call.slice(0, CALL_LENGTH_MAX)}${call.length > CALL_LENGTH_MAX ? '…' : ''}`),
    ]);
  }
}

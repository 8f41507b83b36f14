// One approval: everything that is known of it, and the keys that decide. Approving asks twice, refusing wants a reason.
import { asMcprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ApprovalDetail, ApprovalSummary } from '../protocol/approvals.ts';
import { detailLines, whatText } from './approval-words.ts';
import type { ApprovalSource, ApprovalsOptions } from './approvals-screen.ts';
import { isPrintable } from './keys.ts';
import { back, type Hint, type Move, part, type Row, row, type Screen, type Size } from './screen.ts';
import { wrapLine } from './wrap.ts';

type Doing = { readonly kind: 'reading' } | { readonly kind: 'confirming'; readonly what: 'approve' | 'withdraw' } | { readonly kind: 'typing' };

const decisions: readonly (readonly [ApprovalSummary['may'][number], Hint])[] = [
  ['approve', ['a', 'approve']],
  ['refuse', ['d', 'deny']],
  ['withdraw', ['c', 'cancel']],
];
const typingHints: readonly Hint[] = [
  ['type', 'the reason'],
  ['enter', 'refuse'],
  ['esc', 'back'],
];
const confirmHints = (what: string): readonly Hint[] => [
  ['y', `yes, ${what}`],
  ['esc', 'no'],
];

export class ApprovalScreen implements Screen {
  readonly title: string;
  readonly #source: ApprovalSource;
  readonly #options: Pick<ApprovalsOptions, 'now' | 'changed'>;
  readonly #id: string;
  #detail: ApprovalDetail | undefined;
  #doing: Doing = { kind: 'reading' };
  #reason = '';
  #said: string | undefined;
  #asking = false;
  #askedMs = Number.NEGATIVE_INFINITY;
  #top = 0;

  constructor(source: ApprovalSource, approval: ApprovalSummary, options: Pick<ApprovalsOptions, 'now' | 'changed'>) {
    this.#source = source;
    this.#options = options;
    this.#id = approval.approvalId;
    this.title = whatText(approval);
  }

  get hints(): readonly Hint[] {
    if (this.#doing.kind === 'confirming') return confirmHints(this.#doing.what);
    if (this.#doing.kind === 'typing') return typingHints;
    const may = this.#detail?.may ?? [];
    return [...decisions.flatMap(([what, hint]) => (may.includes(what) ? [hint] : [])), ['↑↓', 'scroll'], ['q', 'back']];
  }

  press(key: string, size: Size): Move | undefined {
    const { kind } = this.#doing;
    if (kind === 'typing') this.#type(key);
    else if (kind === 'confirming') this.#confirm(key);
    else if (key === 'q' || key === 'escape' || key === 'left') return back;
    else this.#choose(key, size);
    return undefined;
  }

  work(nowMs: number): number | undefined {
    if (!this.#asking && nowMs - this.#askedMs >= limits.browserRefreshMs) {
      this.#askedMs = nowMs;
      void this.#ask(() => this.#source.detail(this.#id));
    }
    return limits.browserRefreshMs;
  }

  rows(size: Size): Row[] {
    const foot = this.#foot(size.width);
    const height = Math.max(1, size.height - foot.length);
    const lines = this.#detail === undefined ? ['asking the gateway'] : detailLines(this.#detail, this.#options.now());
    const body = lines.flatMap((text) =>
      text === '' ? [row('')] : wrapLine({ indent: text.search(/\S/), parts: [{ text: text.trimStart(), style: 'plain' }] }, size.width),
    );
    this.#top = Math.max(0, Math.min(this.#top, body.length - height));
    const shown = body.slice(this.#top, this.#top + height);
    return [...shown, ...Array.from({ length: Math.max(0, height - shown.length) }, () => row('')), ...foot];
  }

  #foot(width: number): Row[] {
    switch (this.#doing.kind) {
      case 'confirming':
        return [row(''), row(part('warn', this.#doing.what === 'approve' ? 'approve this very call, once?' : 'take it back?'), part('strong', '  y / n'))];
      case 'typing':
        return [row(''), row(part('warn', 'why not? '), part('strong', this.#reason.slice(-Math.max(1, width - 12))), part('bar', ' '))];
      case 'reading':
        return this.#said === undefined ? [] : [row(''), row(part('strong', this.#said))];
    }
  }

  #choose(key: string, size: Size): void {
    const may = this.#detail?.may ?? [];
    const steps: Readonly<Record<string, number>> = { up: -1, k: -1, down: 1, j: 1, pageUp: -size.height, pageDown: size.height, ' ': size.height };
    this.#said = undefined;
    if (Object.hasOwn(steps, key)) this.#top += steps[key] ?? 0;
    else if (key === 'a' && may.includes('approve')) this.#doing = { kind: 'confirming', what: 'approve' };
    else if (key === 'c' && may.includes('withdraw')) this.#doing = { kind: 'confirming', what: 'withdraw' };
    else if (key === 'd' && may.includes('refuse')) this.#doing = { kind: 'typing' };
  }

  #confirm(key: string): void {
    if (this.#doing.kind !== 'confirming') return;
    const { what } = this.#doing;
    this.#doing = { kind: 'reading' };
    if (key === 'y') void this.#decide(what === 'approve' ? 'approved' : 'withdrawn', () => this.#source[what](this.#id));
  }

  #type(key: string): void {
    if (key === 'escape') {
      this.#doing = { kind: 'reading' };
      this.#reason = '';
    } else if (key === 'backspace') this.#reason = Array.from(this.#reason).slice(0, -1).join('');
    else if (key === 'enter' && this.#reason.trim() !== '') {
      const reason = this.#reason;
      this.#reason = '';
      this.#doing = { kind: 'reading' };
      void this.#decide('refused', () => this.#source.refuse(this.#id, reason));
    } else if (isPrintable(key)) this.#reason += key;
  }

  async #decide(done: string, call: () => Promise<unknown>): Promise<void> {
    await this.#ask(async () => {
      await call();
      this.#said = done;
      return this.#source.detail(this.#id);
    });
  }

  async #ask(call: () => Promise<ApprovalDetail>): Promise<void> {
    this.#asking = true;
    try {
      this.#detail = await call();
    } catch (error) {
      const { message, remedy } = asMcprecError(error);
      this.#said = `${message}; ${remedy}`;
    }
    this.#asking = false;
    this.#options.changed();
  }
}

// The list of approvals, live: what waits, for whom, how long still.
import { asMcprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ApprovalDetail, ApprovalSummary } from '../protocol/approvals.ts';
import { ApprovalScreen } from './approval-screen.ts';
import { personText, stateWord, whatText } from './approval-words.ts';
import { type Column, layout, line } from './columns.ts';
import { Cursor } from './cursor.ts';
import { back, cellParts, emptyRows, type Hint, type Move, part, type Row, row, type Screen, type ScreenStyle, type Size, selectedRow } from './screen.ts';
import { countText, timeText } from './words.ts';

/** What is asked of the gateway. */
export interface ApprovalSource {
  list(all: boolean): Promise<readonly ApprovalSummary[]>;
  detail(id: string): Promise<ApprovalDetail>;
  approve(id: string): Promise<ApprovalSummary>;
  refuse(id: string, reason: string): Promise<ApprovalSummary>;
  withdraw(id: string): Promise<ApprovalSummary>;
}

export interface ApprovalsOptions {
  readonly all: boolean;
  readonly first: readonly ApprovalSummary[];
  readonly now: () => number;
  /** There is something new to draw. */
  readonly changed: () => void;
}

const columns: readonly Column[] = [
  { title: 'ASKED (UTC)', width: 16, drop: 3 },
  { title: 'WHO', width: 20, grow: 2, drop: 0 },
  { title: 'WHAT', width: 22, grow: 3, drop: 0 },
  { title: 'CONNECTION', width: 10, grow: 1, drop: 1 },
  { title: 'RULE', width: 10, grow: 1, drop: 2 },
  { title: 'STATE', width: 18, drop: 0 },
];

const stateStyles = {
  pending: 'busy',
  approved: 'good',
  used: 'good',
  refused: 'bad',
  expired: 'warn',
  unused: 'warn',
  withdrawn: 'note',
  superseded: 'warn',
  session_ended: 'note',
} as const satisfies Record<ApprovalSummary['state'], ScreenStyle>;

export class ApprovalsScreen implements Screen {
  readonly title = 'approvals';
  readonly #source: ApprovalSource;
  readonly #options: ApprovalsOptions;
  readonly #cursor = new Cursor();
  #approvals: readonly ApprovalSummary[];
  #asking = false;
  #askedMs = 0;
  #trouble: string | undefined;

  constructor(source: ApprovalSource, options: ApprovalsOptions) {
    this.#source = source;
    this.#options = options;
    this.#approvals = options.first;
  }

  get hints(): readonly Hint[] {
    return [
      ['↑↓', 'move'],
      ['enter', 'look and decide'],
      ['q', 'quit'],
    ];
  }

  press(key: string, size: Size): Move | undefined {
    if (this.#cursor.press(key, this.#approvals.length, listHeight(size))) return undefined;
    if (key === 'q' || key === 'escape') return back;
    const approval = this.#approvals[this.#cursor.at];
    if (approval === undefined || (key !== 'enter' && key !== 'right')) return undefined;
    return { kind: 'open', screen: new ApprovalScreen(this.#source, approval, this.#options) };
  }

  work(nowMs: number): number | undefined {
    if (!this.#asking && nowMs - this.#askedMs >= limits.browserRefreshMs) {
      this.#askedMs = nowMs;
      void this.#refresh();
    }
    return limits.browserRefreshMs;
  }

  rows(size: Size): Row[] {
    const height = listHeight(size);
    this.#cursor.select(this.#cursor.at, this.#approvals.length, height);
    const { at, top } = this.#cursor;
    const head = row(part('strong', this.#countLine()), ...(this.#trouble === undefined ? [] : [part('warn', `   ${this.#trouble}`)]));
    if (this.#approvals.length === 0)
      return [head, ...emptyRows(['nothing waits for you', 'what is asked for shows here by itself'], { width: size.width, height })];
    const widths = layout(columns, size.width - 2);
    const titles = line(
      columns.map(({ title }) => title),
      widths,
      columns,
    );
    const shown = this.#approvals.slice(top, top + height);
    return [head, row(''), row(part('note', `  ${titles}`)), ...shown.map((approval, i) => this.#row(approval, top + i === at, widths, size.width))];
  }

  #row(approval: ApprovalSummary, selected: boolean, widths: readonly number[], width: number): Row {
    const { requestedAtMs, requester, connection, rule, state } = approval;
    const cells = [timeText(requestedAtMs).slice(0, 16), personText(requester), whatText(approval), connection, rule, stateWord(approval, this.#options.now())];
    if (selected) return selectedRow(`› ${line(cells, widths, columns)}`, width);
    return row('  ', ...cellParts(cells, widths, ['note', 'plain', 'strong', 'plain', 'note', stateStyles[state]], columns));
  }

  #countLine(): string {
    const yours = this.#approvals.filter(({ may }) => may.includes('approve')).length;
    return `${countText(this.#approvals.length, 'approval')}, ${yours} for you to decide`;
  }

  async #refresh(): Promise<void> {
    this.#asking = true;
    const selected = this.#approvals[this.#cursor.at]?.approvalId;
    try {
      this.#approvals = await this.#source.list(this.#options.all);
      const at = this.#approvals.findIndex(({ approvalId }) => approvalId === selected);
      if (at >= 0) this.#cursor.at = at;
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = asMcprecError(error).message;
    }
    this.#asking = false;
    this.#options.changed();
  }
}

// Count line, blank, titles.
function listHeight({ height }: Size): number {
  return Math.max(1, height - 3);
}

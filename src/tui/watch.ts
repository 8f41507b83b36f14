// Opens the live screen of approvals on a terminal.
import type { Clock } from '../base/clock.ts';
import { type ApprovalSource, ApprovalsScreen } from './approvals-screen.ts';
import { type ShowOptions, showScreens } from './show.tsx';
import { ScreenStack } from './stack.ts';

export interface WatchOptions extends ShowOptions {
  readonly source: ApprovalSource;
  /** Those that are over, too. */
  readonly all: boolean;
  readonly clock: Clock;
}

/** Shows what waits until its user leaves it. Rejects with what the gateway says first; later troubles stand on the screen. */
export async function watchApprovals({ source, all, clock, ...terminal }: WatchOptions): Promise<void> {
  const first = await source.list(all);
  await showScreens((ended) => {
    const stack = new ScreenStack(clock, ended);
    stack.open(new ApprovalsScreen(source, { all, first, now: () => clock.wallMs(), changed: () => stack.work() }));
    return stack;
  }, terminal);
}

// What `connect` and `exec` say of approvals: that a grant waits for one, and what became of one that a call needs.
import { isoTime } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import type { ForwarderEvent, ForwarderOptions } from '../forwarder/options.ts';
import { parseDuration } from '../policy/duration.ts';
import type { Io } from './io.ts';

/** Commander's `--wait <duration>` and `--no-wait`. */
export interface WaitOption {
  readonly wait?: string | boolean | undefined;
}

/** How long a grant's approval is waited for. Throws `usage`. */
export function approvalWait({ wait }: WaitOption, io: Io): ForwarderOptions['approvalWait'] {
  const { signal } = io;
  if (wait === false) return { msMax: 0, signal };
  if (wait === undefined || wait === true) return { msMax: undefined, signal };
  const msMax = parseDuration(wait);
  if (msMax === undefined) throw new McprecError('usage', `--wait ${wait} is not a duration`, { remedy: 'write it like 30s or 10m' });
  return { msMax, signal };
}

type ApprovalEvent = Extract<ForwarderEvent, { event: 'approval' | 'approval_pending' }>;

/** The line for such an event; undefined where it says nothing new to who is connected. Not yet safe to print. */
export function approvalText(event: ApprovalEvent): string | undefined {
  if (event.event === 'approval_pending') {
    const who = `${event.min === 1 ? 'somebody' : `${event.min} people`} of ${event.approvers.join(' or ')}`;
    return `${event.connection} needs an approval by ${who}, before ${isoTime(event.expiresAtMs)}; send them: ${event.link}`;
  }
  switch (event.state) {
    case 'approved':
      return `${event.connection}: the call held by ${event.rule} is approved: it goes on where its client still waits, else once when it is made again (${event.approvalId})`;
    case 'refused':
      return `${event.connection}: the call held by ${event.rule} was refused (${event.approvalId})`;
    case 'expired':
    case 'unused':
      return `${event.connection}: the approval of the call held by ${event.rule} is over (${event.approvalId})`;
    case 'pending':
    case 'used':
    case 'withdrawn':
    case 'superseded':
    case 'session_ended':
      return undefined;
    default:
      return event.state satisfies never;
  }
}

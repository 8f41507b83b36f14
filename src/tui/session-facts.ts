// A session's head: who, on which connection, when, what was recorded, how much of it the gateway has.
import type { SessionSummary } from '../journal/session-rows.ts';
import type { OpeningFacts } from './recording.ts';
import type { Fact } from './sections.ts';
import { countText, durationText, identityText, recordText, timeText } from './words.ts';

/** What is known of a session before its exchanges are read; values may be hostile. */
export function sessionFacts(session: SessionSummary, opening: OpeningFacts, nowMs: number): Fact[] {
  const { sessionId, connection, kind, gateway, identity, calls, denied, masked, size, received, logId } = session;
  const { reason, upstream, device } = opening;
  const where = gateway !== undefined ? `through ${gateway}` : `solo, straight to ${upstream ?? 'the upstream'}`;
  return [
    ['session', sessionId],
    ['who', whoText(identity)],
    ['connection', `${connection} (${kind}), ${where}`],
    ...(device !== undefined ? [['device', device] as const] : []),
    ...(reason !== undefined ? [['reason', reason] as const] : []),
    ['opened', `${timeText(session.openedMs)} UTC, ${stateText(session, nowMs)}`],
    ['recording', recordText(session.record)],
    ['counts', `${countText(calls, 'call')}, ${denied.toLocaleString('en-US')} denied, ${countText(masked, 'value')} masked`],
    ['log', `${logId}, ${countText(size, 'entry', 'entries')}`],
    ...(gateway !== undefined ? [['synced', received >= size ? 'the gateway has all of it' : `the gateway has ${received} of ${size} entries`] as const] : []),
    ['receipts', receiptsText(session)],
  ];
}

/** Who vouches for the session besides its owner. */
function receiptsText({ gateway, size, receipted }: SessionSummary): string {
  if (gateway === undefined) return 'self-attested: a solo session has nobody’s word but its owner’s';
  if (receipted === 0) return 'self-attested so far: the gateway has receipted none of it';
  return receipted >= size
    ? 'the gateway has receipted all of it'
    : `the gateway has receipted ${receipted} of ${size} entries; the rest is self-attested so far`;
}

/** `open for 4m 12s`, `closed after 4m 12s`, `crashed; …`. */
export function stateText({ state, openedMs, endedMs }: SessionSummary, nowMs: number): string {
  const lasted = durationText(Math.max(0, (endedMs ?? nowMs) - openedMs));
  switch (state) {
    case 'open':
      return `open for ${lasted}`;
    case 'closed':
      return `closed after ${lasted}`;
    case 'crashed':
      return `crashed; last heard of after ${lasted}`;
  }
}

function whoText(identity: SessionSummary['identity']): string {
  if (identity === undefined) return identityText(identity);
  const { email, subject, issuer, groups = [] } = identity;
  const name = email === undefined ? subject : `${email} (${subject})`;
  return `${name} at ${issuer}${groups.length === 0 ? '' : `, groups ${groups.join(', ')}`}`;
}

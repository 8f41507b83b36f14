// What is said of held calls to their callers, and by which MACs they are known again.
import { createHmac, type KeyObject } from 'node:crypto';
import { isoTime } from '../base/clock.ts';
import type { ApprovalId, SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { HeldCall } from '../path/hold.ts';
import type { PathRules } from '../path/rules.ts';
import type { HeldNotice, Refusal } from '../protocol/refusal.ts';
import type { Approval, NewApproval } from '../store/approval.ts';
import type { SessionLog } from '../store/store.ts';
import { stateText } from './approval-desk.ts';
import { type Known, nameOf, showCall } from './approval-words.ts';

/** The session's own key, and its id, so that what is made for one fits no other. */
export interface Keyed {
  readonly sessionId: SessionId;
  readonly reconcileKey: KeyObject;
}

/** What is needed of the session whose call it is. */
export interface HoldingSession extends Keyed {
  readonly connection: string;
  readonly identity: { readonly issuer: string; readonly subject: string; readonly email?: string | undefined };
  readonly log: SessionLog;
  readonly expiresMs: number;
  /** Those in force now: they may have changed while the call waited. */
  readonly rules: PathRules;
}

/** What a client is told whose call waits. */
export function noticeOf(approval: Approval, held: HeldCall, { who, link }: { who: string; link: string }): HeldNotice {
  const { approvalId, rule, expiresMs } = approval;
  const again = 'then make the very same call again: it goes through once';
  const remedy = `It needs an approval by ${who}; send them ${link} and wait until it is given (before ${isoTime(expiresMs)}), ${again}`;
  return { rule, reason: held.hold.reason, approvalId, decisionId: held.decisionId, remedy };
}

/** What is over, as the caller is told. */
export function refusedBy(approval: Approval, { hold, decisionId }: HeldCall): Refusal {
  const { state, rule, reason, endedBy, approvalId } = approval;
  if (state === 'refused') {
    const why = `${endedBy === undefined ? 'an approver' : nameOf(endedBy)} refused it${reason === undefined ? '' : `: ${reason}`}`;
    return { rule, reason: why, remedy: `Do not try it again before you have spoken with them (${approvalId})`, decisionId, hidden: false };
  }
  return {
    rule,
    reason: `${hold.reason}; its approval ${approvalId} is ${stateText(state)}`,
    remedy: 'Make the call again to ask anew',
    decisionId,
    hidden: false,
  };
}

/** Where so many calls of this person wait that nobody is asked about one more. */
export function tooMany({ hold, decisionId }: HeldCall): Refusal {
  const reason = `${hold.reason}: it needs an approval, and ${limits.openApprovalsMax} requests of yours wait for one already`;
  return { rule: hold.rule, reason, remedy: 'Wait until some are decided, or take them back with: mcprec approvals cancel', decisionId, hidden: false };
}

/** What an approval is bound to: a MAC under the session's key, which both ends destroy when it ends (RULES R3). */
export function bindingOf({ reconcileKey, sessionId }: Keyed, digest: Uint8Array): Uint8Array {
  return createHmac('sha256', reconcileKey).update(`mcprec-hold-v1\n${sessionId}\n`).update(digest).digest();
}

/** By what the next round of a call is known, whose state the upstream has just given; likewise. */
export function roundMac({ reconcileKey, sessionId }: Keyed, { hold, round }: HeldCall, state: string): Uint8Array {
  const hmac = createHmac('sha256', reconcileKey).update(`mcprec-round-v1\n${sessionId}\n`).update(hold.ruleDigest);
  return hmac
    .update(round?.digest ?? new Uint8Array())
    .update(state)
    .digest();
}

/** What is asked for where this call is held. */
export function callApproval(
  session: HoldingSession,
  held: HeldCall,
  { approvalId, binding, nowMs, waitMsMax, ...known }: Known & { approvalId: ApprovalId; binding: Uint8Array; nowMs: number; waitMsMax: number },
): NewApproval {
  const { hold } = held;
  const { issuer, subject, email } = session.identity;
  // A metric that is sent again is never the same: such a call is held no longer than its caller waits.
  const withinMs = held.message === undefined ? Math.min(hold.withinMs, waitMsMax) : hold.withinMs;
  return {
    approvalId,
    kind: 'call',
    sessionId: session.sessionId,
    connection: session.connection,
    requester: { issuer, subject, ...(email !== undefined && { email }) },
    rule: hold.rule,
    ruleDigest: hold.ruleDigest,
    binding,
    approvers: hold.approvers,
    min: hold.min,
    shown: showHeld(session, held, known).shown,
    requestedMs: nowMs,
    expiresMs: Math.min(session.expiresMs, nowMs + withinMs),
  };
}

/** What approvers are shown, masked as the record of this very call is. */
export function showHeld({ rules }: HoldingSession, held: HeldCall, known: Known): ReturnType<typeof showCall> {
  return showCall(rules.maskingOf(held.hold.masks).record, held, known);
}

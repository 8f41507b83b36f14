// Where requests for approvals are opened, changed and ended: the store, the session's log, whoever waits and the webhooks hear the same.
import { EventEmitter } from 'node:events';
import { McprecError } from '../base/errors.ts';
import { type ApprovalId, type IdSource, newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { EntryDecision, EntryDraft } from '../evidence/entry.ts';
import type { Masker } from '../mask/masker.ts';
import { maskValue, statementBytes } from '../mask/value.ts';
import { formName } from '../policy/tool-changes.ts';
import { approvalPaths } from '../protocol/approvals.ts';
import type { Approval, ApprovalState, Ending, NewApproval, Requester, Use, Vote } from '../store/approval.ts';
import type { Store } from '../store/store.ts';
import type { SessionEvents } from './events.ts';
import { type MachineOwners, sameHuman } from './same-human.ts';
import type { Webhooks } from './webhooks.ts';

export interface DeskParts {
  readonly store: Store;
  readonly ids: IdSource;
  readonly events: SessionEvents;
  readonly webhooks: Webhooks;
  /** The gateway's own, for what approvers write. */
  readonly masker: Masker;
  readonly publicUrl: string;
  readonly machineOwners: () => MachineOwners;
}

/** What an entry says of an approval. */
export type EntryOutcome =
  | 'approved'
  | 'approved-used'
  | 'approved-unused'
  | 'refused'
  | 'expired'
  | 'withdrawn'
  | 'superseded'
  | 'session-ended'
  | 'turned-away';

const outcomes = {
  refused: 'refused',
  expired: 'expired',
  unused: 'approved-unused',
  withdrawn: 'withdrawn',
  superseded: 'superseded',
  session_ended: 'session-ended',
} as const satisfies Record<Ending['to'], EntryOutcome>;

/** How often a change is tried again where somebody else came in between. */
const TRIES_MAX = 5;

export class ApprovalDesk {
  readonly #parts: DeskParts;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** What an approver opens. It is no key: whoever opens it must still be an approver. */
  link(approvalId: ApprovalId): string {
    return `${this.#parts.publicUrl}${approvalPaths.page(approvalId)}`;
  }

  /** `open` where the same was asked for and is open; `full` where so many of this person are open already that one more is refused. */
  async open(approval: NewApproval): Promise<'opened' | 'open' | 'full'> {
    const { issuer, subject } = approval.requester;
    const who = JSON.stringify([issuer, subject]);
    const before = this.#opening.get(who) ?? 0;
    // Those that are being opened count: a burst would see none of itself in the store.
    this.#opening.set(who, before + 1);
    try {
      if (before + (await this.#parts.store.countOpenApprovals({ issuer, subject })) >= limits.openApprovalsMax) return 'full';
      return (await this.#open(approval)) ? 'opened' : 'open';
    } finally {
      const left = (this.#opening.get(who) ?? 1) - 1;
      if (left > 0) this.#opening.set(who, left);
      else this.#opening.delete(who);
    }
  }
  readonly #opening = new Map<string, number>();

  async #open(approval: NewApproval): Promise<boolean> {
    const { store, webhooks } = this.#parts;
    const deliveries = webhooks.announce('approval.requested', { ...approval, state: 'pending', votes: [] }, this.link(approval.approvalId));
    const opened = await store.openApproval(approval, { deliveries });
    if (opened) webhooks.nudge();
    return opened;
  }

  /** One more has approved. Returns the approval as it is then. Throws `approval_closed` where it is not pending. */
  async vote(approvalId: ApprovalId, voter: Requester): Promise<Approval> {
    const { store, ids, webhooks, machineOwners } = this.#parts;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const before = await this.#pending(approvalId);
      if (before.votes.some((vote) => sameHuman(vote, voter, machineOwners()))) return before;
      const vote: Vote = { ...voter, atMs: ids.clock.wallMs() };
      const votes = [...before.votes, vote];
      const after: Approval = { ...before, votes, state: votes.length >= before.min ? 'approved' : 'pending' };
      const entries = [this.entry(after, 'approved', { by: voter })];
      const deliveries = after.state === 'approved' ? webhooks.announce('approval.approved', after, this.link(approvalId)) : [];
      if (!(await store.vote(before, vote, { entries, deliveries }))) continue;
      this.#told(after);
      return after;
    }
    throw new McprecError('journal_locked', `${approvalId} is decided by several at once`, { remedy: 'try again' });
  }

  /** Ends it, unless it is not in the state any more in which it was read. */
  async end(approval: Approval, to: Ending['to'], how: { readonly by?: Requester; readonly reason?: string } = {}): Promise<boolean> {
    const { store, ids, webhooks, masker } = this.#parts;
    const { approvalId, state } = approval;
    if (state !== 'pending' && state !== 'approved') return false;
    const reason = how.reason === undefined ? undefined : maskValue(masker, { reason: how.reason }).value.reason;
    const over: Approval = { ...approval, state: to, ...(how.by && { endedBy: how.by }) };
    const entries = [this.entry(over, outcomes[to], how)];
    const deliveries = webhooks.announce(to === 'refused' ? 'approval.refused' : 'approval.ended', over, this.link(approvalId));
    const ending: Ending = {
      approvalId,
      from: state,
      to,
      atMs: ids.clock.wallMs(),
      entries,
      deliveries,
      ...(how.by && { by: how.by }),
      ...(reason !== undefined && { reason: reason as NonNullable<Ending['reason']> }),
    };
    if (!(await store.endApproval(ending))) return false;
    this.#told(over);
    return true;
  }

  /** Refuses it, as `vote` approves it. Throws `approval_closed` also where somebody else was first at the same moment. */
  async refuse(approvalId: ApprovalId, by: Requester, reason: string): Promise<Approval> {
    while (!(await this.end(await this.#pending(approvalId), 'refused', { by, reason })));
    return this.#seen(approvalId);
  }

  /** Ends what waited, or was approved and not used, for too long. */
  async endExpired(nowMs: number): Promise<void> {
    for (const approval of await this.#parts.store.expiredApprovals(nowMs)) await this.end(approval, approval.state === 'approved' ? 'unused' : 'expired');
  }

  /** Uses it up in the commit of the call's entries. False where it cannot be used any more. */
  async use(approval: Approval, use: Use): Promise<boolean> {
    if (!(await this.#parts.store.spendApproval(approval.approvalId, use))) return false;
    this.#told({ ...approval, state: 'used' });
    return true;
  }

  /** After a session has ended, and these with it, in one commit: nobody need wait any more. */
  sessionEnded(approvals: readonly Approval[]): void {
    for (const approval of approvals) this.#told({ ...approval, state: 'session_ended' });
  }

  /** Somebody who may not decide it has tried to: that is in the record, so often as `limits.turnedAwayMax` of one approval. */
  async turnedAway(approval: Approval, by: Requester, why: string): Promise<void> {
    const { store } = this.#parts;
    const count = this.#turnedAway.get(approval.approvalId) ?? 0;
    if (count >= limits.turnedAwayMax) return;
    this.#turnedAway.set(approval.approvalId, count + 1);
    await store.note(approval, [this.entry(approval, 'turned-away', { by, reason: why })]);
  }
  readonly #turnedAway = new Map<ApprovalId, number>();

  /** Says what became of an approval: in the session's log, or in the gateway's own of a grant that has opened none so far. */
  entry(
    approval: Approval,
    outcome: EntryOutcome,
    how: { readonly by?: Requester; readonly reason?: string; readonly exchange?: EntryDraft['exchange']; readonly accepts?: Uint8Array } = {},
  ): EntryDraft {
    const { ids, masker } = this.#parts;
    const { approvalId, kind, rule, votes, min, connection, requester } = approval;
    const isOfNoSession = approval.sessionId === undefined;
    const stated = {
      approval: approvalId,
      outcome,
      kind,
      rule,
      approvedBy: votes,
      needed: min,
      ...(isOfNoSession && { connection, requester }),
      ...(how.accepts && { accepts: formName(how.accepts) }),
      ...(how.by && { by: { issuer: how.by.issuer, subject: how.by.subject, ...(how.by.email !== undefined && { email: how.by.email }) } }),
    };
    const decision: EntryDecision = { effect: outcome === 'approved-used' ? 'allow' : 'hold', id: newId('dec', ids), rule };
    return {
      kind: isOfNoSession ? 'grant-request' : 'approval',
      wallMs: ids.clock.wallMs(),
      monoUs: ids.clock.monoUs(),
      wireBytes: 0,
      decision,
      maskerVersion: masker.version,
      payload: statementBytes(masker, stated, how.reason === undefined ? {} : { reason: how.reason }),
      ...(how.exchange !== undefined && { exchange: how.exchange }),
    };
  }

  /** Calls `call` after each change; returns what takes that back. */
  follow(approvalId: ApprovalId, call: () => void): () => void {
    this.#changes.on(approvalId, call);
    return () => void this.#changes.off(approvalId, call);
  }

  async #pending(approvalId: ApprovalId): Promise<Approval> {
    const approval = await this.#seen(approvalId);
    if (approval.state !== 'pending') throw new McprecError('approval_closed', `${approvalId} is ${stateText(approval.state)}`);
    return approval;
  }

  async #seen(approvalId: ApprovalId): Promise<Approval> {
    const approval = await this.#parts.store.approval(approvalId);
    if (approval === undefined) throw new McprecError('not_found', 'there is no such approval');
    return approval;
  }

  #told(approval: Approval): void {
    const { events, webhooks } = this.#parts;
    const { approvalId, sessionId, state } = approval;
    this.#changes.emit(approvalId);
    if (sessionId !== undefined && approval.kind === 'call') events.publish(sessionId, { event: 'approval', approvalId, state, rule: approval.rule });
    if (state !== 'pending') this.#turnedAway.delete(approvalId);
    webhooks.nudge();
  }
}

/** A state in words. */
export function stateText(state: ApprovalState): string {
  switch (state) {
    case 'pending':
      return 'waiting for an approver';
    case 'approved':
      return 'approved and not used yet';
    case 'used':
      return 'approved and used';
    case 'refused':
      return 'refused';
    case 'expired':
      return 'expired: nobody decided in time';
    case 'unused':
      return 'expired: it was approved and not used in time';
    case 'withdrawn':
      return 'withdrawn by whoever asked for it';
    case 'superseded':
      return 'overtaken: another rule holds now';
    case 'session_ended':
      return 'over: the session has ended';
  }
}

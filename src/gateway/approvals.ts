// What people do with requests for approvals: look at them, approve, refuse, withdraw. Who may is looked at in the moment of doing it.
import { McprecError } from '../base/errors.ts';
import { type ApprovalId, parseId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { ApprovalDetail, ApprovalSummary } from '../protocol/approvals.ts';
import type { Approval, Requester } from '../store/approval.ts';
import { type ApprovalDesk, stateText } from './approval-desk.ts';
import { summaryOf } from './approval-words.ts';
import { historyOf } from './history.ts';
import type { HoldsParts } from './holds.ts';
import type { Reveals } from './reveals.ts';
import { type MachineOwners, sameHuman, samePerson } from './same-human.ts';
import type { Caller } from './tokens.ts';

export interface ApprovalsParts extends Omit<HoldsParts, 'waitMsMax' | 'tools'> {
  readonly desk: ApprovalDesk;
  readonly reveals: Reveals;
  readonly machineOwners: () => MachineOwners;
}

export class Approvals {
  readonly #parts: ApprovalsParts;

  constructor(parts: ApprovalsParts) {
    this.#parts = parts;
  }

  /** Newest first: what the caller may decide or has asked for, and everything for an administrator. */
  async list(
    caller: Caller,
    { all, limit = limits.approvalsListMax }: { readonly all: boolean; readonly limit?: number | undefined },
  ): Promise<readonly ApprovalSummary[]> {
    const found = await this.#parts.store.approvals({ open: !all, limit: limits.approvalsListMax });
    const seen = found.filter((approval) => caller.admin || isApprover(caller, approval) || samePerson(caller.identity, approval.requester));
    return seen.slice(0, limit).map((approval) => this.#summary(caller, approval));
  }

  /** Throws `not_found`, and `approval_denied` for whom it does not concern. `waitMs`: waits so long while it is pending. */
  async detail(caller: Caller, id: string, waitMs: number): Promise<ApprovalDetail> {
    const first = await this.#find(id);
    const own = samePerson(caller.identity, first.requester);
    if (!caller.admin && !own && !isApprover(caller, first)) throw notAnApprover(first);
    const approval = waitMs > 0 ? await this.#changed(first, waitMs) : first;
    const { store, ids, reveals } = this.#parts;
    const history = approval.kind === 'call' && approval.sessionId !== undefined ? await historyOf(store, approval.sessionId) : undefined;
    const mayDecide = isApprover(caller, approval) && !this.#isOwn(caller, approval) && approval.state === 'pending';
    const revealed = mayDecide ? reveals.of(approval.approvalId, ids.clock.wallMs()) : undefined;
    return { ...this.#summary(caller, approval), ...(history && { history }), ...(revealed && { revealed }) };
  }

  /** Throws `not_found`, `approval_denied`, `approval_closed`. */
  async approve(caller: Caller, id: string): Promise<ApprovalSummary> {
    const approval = await this.#decidable(caller, id);
    return this.#summary(caller, await this.#parts.desk.vote(approval.approvalId, personOf(caller)));
  }

  /** Throws the same. */
  async refuse(caller: Caller, id: string, reason: string): Promise<ApprovalSummary> {
    const approval = await this.#decidable(caller, id);
    const refused = await this.#parts.desk.refuse(approval.approvalId, personOf(caller), reason);
    this.#parts.reveals.drop(approval.approvalId);
    return this.#summary(caller, refused);
  }

  /** Whoever asked for it takes it back. Throws the same. */
  async withdraw(caller: Caller, id: string): Promise<ApprovalSummary> {
    const approval = await this.#open(await this.#find(id));
    if (!caller.admin && !this.#isOwn(caller, approval)) {
      throw new McprecError('approval_denied', 'only whoever asked for it can withdraw it', { remedy: 'refuse it with: mcprec approvals deny --reason …' });
    }
    if (!(await this.#parts.desk.end(approval, 'withdrawn', { by: personOf(caller) }))) return this.withdraw(caller, id);
    this.#parts.reveals.drop(approval.approvalId);
    return this.#summary(caller, await this.#find(id));
  }

  async #decidable(caller: Caller, id: string): Promise<Approval> {
    const { desk } = this.#parts;
    const approval = await this.#open(await this.#find(id));
    if (this.#isOwn(caller, approval)) {
      await desk.turnedAway(approval, personOf(caller), 'nobody decides about what they asked for themselves');
      throw new McprecError('approval_denied', 'nobody decides about what they asked for themselves', {
        remedy: 'have somebody else decide, or withdraw it with: mcprec approvals cancel',
      });
    }
    if (!isApprover(caller, approval)) {
      await desk.turnedAway(approval, personOf(caller), `not in ${approval.approvers.join(', ')} at the moment of deciding`);
      throw notAnApprover(approval);
    }
    if (approval.state !== 'pending') throw closed(approval);
    return approval;
  }

  /** Still open; one whose time is over ends here, should nobody have noticed yet. */
  async #open(approval: Approval): Promise<Approval> {
    const { store, desk, ids } = this.#parts;
    const nowMs = ids.clock.wallMs();
    if (approval.state !== 'pending' && approval.state !== 'approved') throw closed(approval);
    const session = approval.kind === 'call' && approval.sessionId !== undefined ? await store.session(approval.sessionId) : undefined;
    if (session !== undefined && (session.state !== 'open' || session.expiresMs <= nowMs)) {
      throw new McprecError('approval_closed', 'the session whose call it was has ended');
    }
    if (approval.expiresMs > nowMs) return approval;
    await desk.endExpired(nowMs);
    throw closed(await this.#find(approval.approvalId));
  }

  #isOwn({ identity }: Caller, { requester }: Approval): boolean {
    return sameHuman(identity, requester, this.#parts.machineOwners());
  }

  #summary(caller: Caller, approval: Approval): ApprovalSummary {
    const own = this.#isOwn(caller, approval);
    const open = approval.state === 'pending' || approval.state === 'approved';
    const decides = approval.state === 'pending' && !own && isApprover(caller, approval);
    const voted = approval.votes.some((vote) => sameHuman(vote, caller.identity, this.#parts.machineOwners()));
    const may: ApprovalSummary['may'] = [
      ...(decides && !voted ? (['approve'] as const) : []),
      ...(decides ? (['refuse'] as const) : []),
      ...(open && (own || caller.admin) ? (['withdraw'] as const) : []),
    ];
    return summaryOf(approval, { link: this.#parts.desk.link(approval.approvalId), may });
  }

  async #find(id: string): Promise<Approval> {
    const parsed = parseId('apr', id);
    const approval = parsed === undefined ? undefined : await this.#parts.store.approval(parsed);
    if (approval === undefined) throw new McprecError('not_found', 'there is no such approval');
    return approval;
  }

  /** The approval after its next change, or after `waitMs`. */
  async #changed(approval: Approval, waitMs: number): Promise<Approval> {
    const { desk } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    const unfollow = desk.follow(approval.approvalId, resolve);
    const timer = setTimeout(resolve, Math.min(waitMs, limits.approvalWaitMsMax));
    try {
      // Read again: it may have changed before one listened.
      const now = await this.#find(approval.approvalId);
      if (now.state !== 'pending') return now;
      await promise;
      return await this.#find(approval.approvalId);
    } finally {
      clearTimeout(timer);
      unfollow();
    }
  }
}

function isApprover({ identity }: Caller, { approvers }: Approval): boolean {
  return identity.groups.some((group) => approvers.includes(group));
}

function personOf({ identity: { issuer, subject, email } }: Caller): Requester {
  return { issuer, subject, ...(email !== undefined && { email }) };
}

function notAnApprover({ approvers }: Approval): McprecError {
  return new McprecError('approval_denied', `your groups are none of those that decide: ${approvers.join(', ')}`);
}

function closed({ approvalId, state }: { readonly approvalId: ApprovalId; readonly state: Approval['state'] }): McprecError {
  return new McprecError('approval_closed', `${approvalId} is ${stateText(state)}`);
}

// Grants that need an approval: asked for with the wish for the grant, picked up by making the same wish again.
import { createHash, createHmac, type KeyObject } from 'node:crypto';
import { McprecError } from '../base/errors.ts';
import { type IdSource, newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { Masker } from '../mask/masker.ts';
import { maskValue } from '../mask/value.ts';
import type { Approval as Needed } from '../policy/config.ts';
import type { ApprovalSummary } from '../protocol/approvals.ts';
import type { GrantRequest, Identity } from '../protocol/control.ts';
import type { Approval } from '../store/approval.ts';
import type { Store } from '../store/store.ts';
import { type ApprovalDesk, stateText } from './approval-desk.ts';
import { nameOf, showGrant, summaryOf } from './approval-words.ts';

export interface GrantApprovalsParts {
  readonly store: Store;
  readonly desk: ApprovalDesk;
  readonly ids: IdSource;
  readonly masker: Masker;
  /** By which the same wish is known again. */
  readonly bindingKey: KeyObject;
}

export interface GrantWish {
  readonly identity: Identity;
  readonly request: Pick<GrantRequest, 'connection' | 'reason' | 'ttlSeconds' | 'device'>;
  readonly deviceId: string;
  readonly ttlMs: number;
  readonly needs: Needed;
}

export type GrantVerdict = { readonly kind: 'approved'; readonly approval: Approval } | { readonly kind: 'pending'; readonly approval: ApprovalSummary };

const TRIES_MAX = 5;

export class GrantApprovals {
  readonly #parts: GrantApprovalsParts;

  constructor(parts: GrantApprovalsParts) {
    this.#parts = parts;
  }

  /** Throws `approval_refused` where it was refused and that is not long ago, `connection_denied` where nobody could approve it. */
  async ask(wish: GrantWish): Promise<GrantVerdict> {
    const { store, desk, ids } = this.#parts;
    const { identity, needs } = wish;
    if (needs.approvers.length === 0)
      throw new McprecError('connection_denied', `no group may approve ${wish.request.connection} for you: your access entries name different approvers`);
    const binding = this.#bindingOf(wish);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const nowMs = ids.clock.wallMs();
      const known = await store.approvalOfGrant(identity, binding);
      const current = known !== undefined && known.expiresMs > nowMs && Buffer.compare(known.ruleDigest, digestOf(wish)) === 0 ? known : undefined;
      if (current?.state === 'approved') return { kind: 'approved', approval: current };
      if (current?.state === 'pending') return { kind: 'pending', approval: this.#summary(current) };
      if (current?.state === 'refused') throw refused(current);
      if (known !== undefined) await desk.end(known, known.expiresMs > nowMs ? 'superseded' : known.state === 'approved' ? 'unused' : 'expired');
      const approval = this.#newApproval(wish, binding, nowMs);
      const opened = await desk.open(approval);
      if (opened === 'full') throw new McprecError('approval_too_many', `${limits.openApprovalsMax} requests of yours wait for an approval already`);
      if (opened === 'opened') return { kind: 'pending', approval: this.#summary({ ...approval, state: 'pending', votes: [] }) };
    }
    throw new McprecError('journal_locked', 'the approval changes all the time', { remedy: 'try again' });
  }

  #newApproval(wish: GrantWish, binding: Uint8Array, nowMs: number) {
    const { ids, masker } = this.#parts;
    const { identity, request, needs, ttlMs } = wish;
    const { issuer, subject, email } = identity;
    const given = maskValue(masker, { device: request.device.name, ...(request.reason !== undefined && { why: request.reason }) }).value;
    return {
      approvalId: newId('apr', ids),
      kind: 'grant' as const,
      connection: request.connection,
      requester: { issuer, subject, ...(email !== undefined && { email }) },
      rule: 'access',
      ruleDigest: digestOf(wish),
      binding,
      approvers: needs.approvers,
      min: needs.min,
      shown: showGrant(masker, { ...given, ttlMs }, `opening ${request.connection} needs an approval`),
      requestedMs: nowMs,
      expiresMs: nowMs + needs.withinMs,
    };
  }

  #summary(approval: Approval): ApprovalSummary {
    return summaryOf(approval, { link: this.#parts.desk.link(approval.approvalId), may: ['withdraw'] });
  }

  // Over the masked reason: nothing that is stored is a function of what was masked (RULES R3).
  #bindingOf({ identity, request, deviceId }: GrantWish): Uint8Array {
    const { masker, bindingKey } = this.#parts;
    const reason = maskValue(masker, { reason: request.reason ?? null }).value.reason;
    const what = [identity.issuer, identity.subject, deviceId, request.connection, reason, request.ttlSeconds ?? null];
    return createHmac('sha256', bindingKey).update('mcprec-grant-wish-v1\n').update(JSON.stringify(what)).digest();
  }
}

/** An approval holds for what policy asks for now, and no longer once that has changed. */
function digestOf({ request, needs, ttlMs }: GrantWish): Uint8Array {
  const { approvers, min, withinMs } = needs;
  return createHash('sha256')
    .update(JSON.stringify(['mcprec-grant-v1', request.connection, approvers, min, withinMs, ttlMs]))
    .digest();
}

function refused({ approvalId, state, reason, endedBy }: Approval): McprecError {
  const by = endedBy === undefined ? '' : ` by ${nameOf(endedBy)}`;
  return new McprecError('approval_refused', `the grant was ${stateText(state)}${by}${reason === undefined ? '' : `: ${reason}`} (${approvalId})`);
}

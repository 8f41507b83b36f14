// Asks for a grant and waits where somebody must approve it first: once that is done, the grant is picked up.

import { isoTime } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { type ApprovalSummary, approvalDetailSchema, approvalPaths } from '../protocol/approvals.ts';
import { type GrantWish, type HeldGrant, requestGrant } from './grant.ts';

export interface GrantWaiting {
  /** How long an approval is waited for; undefined: as long as it may be given. */
  readonly msMax: number | undefined;
  /** Called once for each approval that is waited for. */
  readonly pending: (approval: ApprovalSummary) => void;
  /** Ends the waiting; the request for the approval stays. */
  readonly signal: AbortSignal;
}

/**
 * The grant. Throws what `requestGrant` throws, `approval_refused`, `approval_expired` where it came to nothing, `approval_pending` where the
 * waiting was cut short, `cancelled`.
 */
export async function awaitGrant(identity: GatewayIdentity, wish: GrantWish, waiting: GrantWaiting): Promise<HeldGrant> {
  const late = waiting.msMax === undefined ? undefined : AbortSignal.timeout(waiting.msMax);
  const told = new Set<string>();
  for (;;) {
    const answer = await requestGrant(identity, wish);
    if ('grant' in answer) return answer.grant;
    const { approval } = answer;
    if (!told.has(approval.approvalId)) waiting.pending(approval);
    told.add(approval.approvalId);
    await decided(identity, approval, waiting, late);
  }
}

async function decided(identity: GatewayIdentity, approval: ApprovalSummary, { signal, msMax }: GrantWaiting, late: AbortSignal | undefined): Promise<void> {
  const path = `${approvalPaths.approval(approval.approvalId)}?wait=${limits.approvalWaitMsMax}`;
  const stop = late === undefined ? signal : AbortSignal.any([signal, late]);
  for (;;) {
    if (signal.aborted)
      throw new McprecError('cancelled', `no longer waiting for ${approval.approvalId}`, {
        remedy: 'the request stays open; withdraw it with: mcprec approvals cancel',
      });
    if (late?.aborted || msMax === 0) throw stillPending(approval);
    try {
      const { state, refusal, endedBy } = approvalDetailSchema.parse((await identity.request('GET', path, { signal: stop })).json());
      if (state === 'pending') continue;
      if (state === 'approved' || state === 'used') return;
      if (state === 'refused') {
        const by = endedBy === undefined ? '' : ` by ${endedBy.email ?? endedBy.subject}`;
        throw new McprecError('approval_refused', `the grant was refused${by}: ${refusal ?? 'no reason was given'} (${approval.approvalId})`);
      }
      throw new McprecError('approval_expired', `the request for an approval is over (${state.replace('_', ' ')}): ${approval.approvalId}`);
    } catch (error) {
      if (!stop.aborted) throw error;
    }
  }
}

function stillPending({ approvalId, approvers, link, expiresAtMs }: ApprovalSummary): McprecError {
  return new McprecError('approval_pending', `the grant waits for an approval by ${approvers.join(' or ')}: ${link}`, {
    remedy: `send them the link and run the command again with the same flags, before ${isoTime(expiresAtMs)} (${approvalId})`,
  });
}

// The store contract: requests for approvals, their votes and ends, and the deliveries that tell of them.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newId, type SessionId } from '../../src/base/ids.ts';
import { markMasked } from '../../src/base/masked.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import type { Delivery, NewApproval, Use, Vote } from '../../src/store/approval.ts';
import { draft, ending, ids, newExchange, opening, request, startMs } from './fixtures.ts';
import type { StoreAtHand } from './store.ts';

const requester = { issuer: 'https://login.example', subject: 'maya', email: 'maya@shop.example' };

function asked(sessionId: SessionId | undefined, over: Partial<NewApproval> = {}): NewApproval {
  return {
    approvalId: newId('apr', ids),
    kind: sessionId === undefined ? 'grant' : 'call',
    ...(sessionId !== undefined && { sessionId }),
    connection: 'datadog',
    requester,
    rule: 'prod-mutes',
    ruleDigest: Buffer.alloc(32, 1),
    binding: randomBytes(32),
    approvers: ['sre-leads'],
    min: 1,
    shown: markMasked('{"tool":"mute_monitor"}'),
    requestedMs: startMs,
    expiresMs: startMs + 600_000,
    ...over,
  };
}

const voteOf = (subject: string): Vote => ({ issuer: 'https://login.example', subject, atMs: startMs + 1 });

function useOf(sessionId: SessionId, over: Partial<Use> = {}): Use {
  const exchange = newExchange();
  return { sessionId, atMs: startMs + 2, entries: [request(exchange), draft('approval', { exchange })], claims: [exchange], ...over };
}

export function approvalsContract(t: StoreAtHand): void {
  describe('approvals', () => {
    async function kinds(gatewayLog: Parameters<typeof t.store.entries>[0]): Promise<string[]> {
      return (await t.store.entries(gatewayLog, 0, 100)).map((row) => decodeLeaf(row.leaf).kind);
    }

    it('keeps a request with its entry, once for the same call while it is open, also over a restart', async () => {
      const { sessionId, gatewayLog } = await t.openSession();
      const first = asked(sessionId);
      expect(await t.store.openApproval(first, { entries: [draft('decision')] })).toBe(true);
      await t.reopen();
      expect(await t.store.openApproval({ ...first, approvalId: newId('apr', ids) }, { entries: [draft('decision')] })).toBe(false);
      expect(await t.store.openApproval({ ...first, approvalId: newId('apr', ids), ruleDigest: Buffer.alloc(32, 2) }, {})).toBe(true);
      const found = await t.store.approval(first.approvalId);
      expect(found).toMatchObject({ state: 'pending', votes: [], approvers: ['sre-leads'], min: 1, requester, sessionId, shown: '{"tool":"mute_monitor"}' });
      expect(await t.store.approvalOfCall(sessionId, first.binding)).toMatchObject({ ruleDigest: expect.anything() });
      expect(await t.store.approvalOfCall(sessionId, randomBytes(32))).toBeUndefined();
      expect(await t.store.openApprovals(sessionId)).toHaveLength(2);
      expect(await kinds(gatewayLog)).toEqual(['open', 'decision']);
    });

    it('is approved with the last vote that it needs; of two at once one must look again', async () => {
      const { sessionId, gatewayLog } = await t.openSession();
      const made = asked(sessionId, { min: 2 });
      await t.store.openApproval(made, {});
      const read = await t.store.approval(made.approvalId);
      if (read === undefined) throw new Error('it is gone');
      const along = { entries: [draft('approval')] };
      expect(await Promise.all([t.store.vote(read, voteOf('ada'), along), t.store.vote(read, voteOf('ben'), along)])).toEqual([true, false]);
      const second = await t.store.approval(made.approvalId);
      expect(second).toMatchObject({ state: 'pending', votes: [{ subject: 'ada' }] });
      expect(await t.store.vote(second ?? read, voteOf('ben'), along)).toBe(true);
      expect(await t.store.approval(made.approvalId)).toMatchObject({ state: 'approved', votes: [{ subject: 'ada' }, { subject: 'ben' }] });
      expect(await kinds(gatewayLog)).toEqual(['open', 'approval', 'approval']);
    });

    it('is used once, in the commit of the call’s own entries', async () => {
      const { sessionId, gatewayLog } = await t.openSession();
      const made = asked(sessionId);
      await t.store.openApproval(made, {});
      expect(await t.store.spendApproval(made.approvalId, useOf(sessionId))).toBe(false);
      const read = await t.store.approval(made.approvalId);
      if (read !== undefined) await t.store.vote(read, voteOf('ada'), {});
      expect(await t.store.spendApproval(made.approvalId, useOf(sessionId, { atMs: made.expiresMs }))).toBe(false);
      const uses = await Promise.all([t.store.spendApproval(made.approvalId, useOf(sessionId)), t.store.spendApproval(made.approvalId, useOf(sessionId))]);
      expect(uses).toEqual([true, false]);
      expect(await t.store.approval(made.approvalId)).toMatchObject({ state: 'used', endedMs: startMs + 2 });
      expect(await kinds(gatewayLog)).toEqual(['open', 'message', 'approval']);
    });

    it('is not used for an exchange that was executed before', async () => {
      const { sessionId, log } = await t.openSession();
      const made = asked(sessionId);
      await t.store.openApproval(made, {});
      const read = await t.store.approval(made.approvalId);
      if (read !== undefined) await t.store.vote(read, voteOf('ada'), {});
      const use = useOf(sessionId);
      await log.claim(use.claims[0] ?? newExchange());
      expect(await t.store.spendApproval(made.approvalId, use)).toBe(false);
      expect(await t.store.approval(made.approvalId)).toMatchObject({ state: 'approved' });
    });

    it('ends once, with who ended it and why', async () => {
      const { sessionId } = await t.openSession();
      const made = asked(sessionId);
      await t.store.openApproval(made, {});
      const refused = {
        approvalId: made.approvalId,
        from: 'pending',
        to: 'refused',
        atMs: startMs + 3,
        by: voteOf('ada'),
        reason: markMasked('not now'),
      } as const;
      expect(await t.store.endApproval(refused)).toBe(true);
      expect(await t.store.endApproval({ ...refused, to: 'expired' })).toBe(false);
      expect(await t.store.approval(made.approvalId)).toMatchObject({ state: 'refused', reason: 'not now', endedBy: { subject: 'ada' }, endedMs: startMs + 3 });
      expect(await t.store.openApproval({ ...made, approvalId: newId('apr', ids) }, {})).toBe(true);
    });

    it('ends with its session, whose MACs go too', async () => {
      const { sessionId } = await t.openSession();
      const made = asked(sessionId);
      await t.store.openApproval(made, {});
      const mac = randomBytes(32);
      await t.store.keepRound(mac, sessionId, startMs + 600_000);
      await t.store.endSession(ending(sessionId));
      expect(await t.store.approval(made.approvalId)).toMatchObject({ state: 'session_ended', binding: expect.objectContaining({ length: 0 }) });
      await expect(t.store.openApproval(asked(sessionId), { entries: [draft('decision')] })).rejects.toMatchObject({ code: 'session_closed' });
      expect(await t.store.spendRound(mac, useOf(sessionId))).toBe(false);
    });

    it('finds those whose time is over', async () => {
      const { sessionId } = await t.openSession();
      const [early, late] = [asked(sessionId), asked(sessionId, { expiresMs: startMs + 700_000 })];
      await t.store.openApproval(early, {});
      await t.store.openApproval(late, {});
      expect((await t.store.expiredApprovals(startMs + 600_000)).map(({ approvalId }) => approvalId)).toEqual([early.approvalId]);
      expect(await t.store.approvals({ open: true, limit: 10 })).toHaveLength(2);
      expect(await t.store.countOpenApprovals(early.requester)).toBe(2);
      await t.store.endApproval({ approvalId: early.approvalId, from: 'pending', to: 'expired', atMs: startMs });
      expect(await t.store.countOpenApprovals(early.requester)).toBe(1);
      expect(await t.store.countOpenApprovals({ ...early.requester, subject: 'somebody else' })).toBe(0);
      expect(await t.store.approvals({ open: true, limit: 10 })).toHaveLength(1);
      expect(await t.store.approvals({ open: false, limit: 10 })).toHaveLength(2);
    });

    it('of a grant is used up by the session that it opens', async () => {
      const made = asked(undefined);
      await t.store.openApproval(made, {});
      const read = await t.store.approvalOfGrant(requester, made.binding);
      if (read === undefined) throw new Error('it is not found');
      const wish = () => ({ ...opening(), approvalId: made.approvalId });
      expect(await t.store.openSession(wish())).toBe(false);
      await t.store.vote(read, voteOf('ada'), {});
      const opened = wish();
      expect(await t.store.openSession(opened)).toBe(true);
      expect(await t.store.openSession(wish())).toBe(false);
      expect(await t.store.approval(made.approvalId)).toMatchObject({ state: 'used', sessionId: opened.session.sessionId });
    });

    it('lets a further round of an approved call through once', async () => {
      const { sessionId } = await t.openSession();
      const mac = randomBytes(32);
      await t.store.keepRound(mac, sessionId, startMs + 600_000);
      expect(await t.store.spendRound(randomBytes(32), useOf(sessionId))).toBe(false);
      expect(await t.store.spendRound(mac, useOf(sessionId, { atMs: startMs + 600_000 }))).toBe(false);
      expect(await Promise.all([t.store.spendRound(mac, useOf(sessionId)), t.store.spendRound(mac, useOf(sessionId))])).toEqual([true, false]);
    });

    it('keeps what webhooks are still to be told, written with what it tells of', async () => {
      const { sessionId } = await t.openSession();
      const delivery: Delivery = { eventId: newId('evt', ids), hook: 'slack', body: markMasked('{"type":"approval.requested"}'), dueMs: startMs + 10 };
      const made = asked(sessionId);
      await t.store.openApproval(made, { deliveries: [delivery, { ...delivery, hook: 'pager', dueMs: startMs }] });
      await t.store.openApproval({ ...made, approvalId: newId('apr', ids) }, { deliveries: [{ ...delivery, eventId: newId('evt', ids) }] });
      expect(await t.store.nextDeliveryMs()).toBe(startMs);
      await t.reopen();
      expect((await t.store.dueDeliveries(startMs + 10, 10)).map(({ hook, tries }) => [hook, tries])).toEqual([
        ['pager', 0],
        ['slack', 0],
      ]);
      await t.store.postponeDelivery({ ...delivery, hook: 'pager' }, startMs + 99);
      await t.store.dropDelivery(delivery);
      expect(await t.store.dueDeliveries(startMs + 99, 10)).toMatchObject([{ hook: 'pager', tries: 1, dueMs: startMs + 99 }]);
    });
  });
}

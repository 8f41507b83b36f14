// The store contract: sessions.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { ending, opening, startMs } from './fixtures.ts';
import type { StoreAtHand } from './store.ts';

export function sessionsContract(t: StoreAtHand): void {
  describe('sessions', () => {
    it('keeps a session with its device, token and logs over a restart', async () => {
      const made = await t.openSession();
      await t.reopen();
      expect(await t.store.session(made.sessionId)).toMatchObject({
        ...made.session,
        state: 'open',
        logs: expect.arrayContaining([
          expect.objectContaining({ logId: made.forwarderLog, vantage: 'forwarder', size: 0 }),
          expect.objectContaining({ logId: made.gatewayLog, vantage: 'gateway', size: 1 }),
        ]),
      });
      expect(await t.store.sessionOfGrant(made.session.grantId)).toMatchObject({ sessionId: made.sessionId });
      expect(await t.store.findDevice(made.device.publicKey)).toEqual(made.device);
      expect(await t.store.findDevice(randomBytes(32))).toBeUndefined();
    });

    it('refuses a second session on the same log of a laptop, and writes nothing of it', async () => {
      const first = await t.openSession();
      const second = { ...opening(), forwarderLog: first.forwarderLog };
      expect(await t.store.openSession(second)).toBe(false);
      expect(await t.store.session(second.session.sessionId)).toBeUndefined();
      expect(await t.store.findDevice(second.device.publicKey)).toBeUndefined();
    });

    it('finds a session by its token until the token ends', async () => {
      const made = await t.openSession();
      expect(await t.store.sessionOfToken(made.token.hash, startMs)).toEqual({ sessionId: made.sessionId, expiresMs: made.token.expiresMs });
      expect(await t.store.sessionOfToken(made.token.hash, made.token.expiresMs)).toBeUndefined();
      expect(await t.store.sessionOfToken(randomBytes(32), startMs)).toBeUndefined();
    });

    it('renews an open session: the old token works on, the new one too', async () => {
      const made = await t.openSession();
      const token = { hash: randomBytes(32), expiresMs: startMs + 600_000 };
      expect(await t.store.renewSession({ sessionId: made.sessionId, token, expiresMs: startMs + 9, groups: ['sre', 'leads'] })).toBe(true);
      expect(await t.store.sessionOfToken(made.token.hash, startMs)).toEqual({ sessionId: made.sessionId, expiresMs: made.token.expiresMs });
      expect(await t.store.sessionOfToken(token.hash, startMs)).toMatchObject({ sessionId: made.sessionId });
      expect(await t.store.session(made.sessionId)).toMatchObject({ expiresMs: startMs + 9, identity: { groups: ['sre', 'leads'] } });
    });

    it('ends a session once, and with it its keys and tokens', async () => {
      const made = await t.openSession();
      const both = await Promise.all([t.store.endSession(ending(made.sessionId, 'revoked')), t.store.endSession(ending(made.sessionId, 'closed'))]);
      expect(both).toEqual([true, false]);
      const ended = await t.store.session(made.sessionId);
      expect(ended).toMatchObject({ state: 'revoked', endReason: 'done', endedMs: startMs + 5 });
      expect(ended?.wrappedKeys).toBeUndefined();
      expect(await t.store.sessionOfToken(made.token.hash, startMs)).toBeUndefined();
      expect(await t.store.renewSession({ sessionId: made.sessionId, token: made.token, expiresMs: 1, groups: [] })).toBe(false);
      expect((await t.store.entries(made.gatewayLog, 0, 10)).length).toBe(2);
    });

    it('lists newest first, by owner, in pages, and knows which have expired', async () => {
      const mine = await t.openSession();
      const later = await t.openSession(opening({ openedMs: startMs + 10, expiresMs: startMs + 20 }));
      const other = await t.openSession(opening({ openedMs: startMs + 5, identity: { issuer: 'https://login.example', subject: 'jonas', groups: [] } }));
      const idsOf = async (query: Parameters<Store['sessions']>[0]) => (await t.store.sessions(query)).map((s) => s.sessionId);
      expect(await idsOf({ limit: 10 })).toEqual([later.sessionId, other.sessionId, mine.sessionId]);
      expect(await idsOf({ limit: 1 })).toEqual([later.sessionId]);
      expect(await idsOf({ limit: 10, beforeMs: startMs + 5 })).toEqual([mine.sessionId]);
      expect(await idsOf({ limit: 10, owner: { issuer: 'https://login.example', subject: 'jonas' } })).toEqual([other.sessionId]);
      expect(await t.store.expiredSessions(startMs + 20)).toEqual([later.sessionId]);
    });
  });
}

// What every store of a gateway must do, whatever database it is on.
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId, type SessionId } from '../../src/base/ids.ts';
import { markMasked } from '../../src/base/masked.ts';
import type { SessionLog, SessionOpening, Store } from '../../src/store/store.ts';
import { ids, opening, startMs } from './fixtures.ts';
import { approvalsContract } from './store-approvals.ts';
import { ingestContract } from './store-ingest.ts';
import { sessionLogContract } from './store-logs.ts';
import { removalsContract } from './store-removals.ts';
import { sessionsContract } from './store-sessions.ts';

export interface StoreHarness {
  /** Opens the same store again and again; a fresh one for each harness. */
  open(): Store;
  dispose(): void;
}

/** The store under test. */
export interface StoreAtHand {
  readonly store: Store;
  /** Closes it and opens it again, as a restart does. */
  reopen(): Promise<void>;
  openSession(made?: SessionOpening): Promise<SessionOpening & { readonly sessionId: SessionId; readonly log: SessionLog }>;
}

export function storeContract(name: string, makeHarness: () => StoreHarness): void {
  describe(`store contract: ${name}`, () => {
    let harness: StoreHarness;
    let store: Store;
    beforeEach(() => {
      harness = makeHarness();
      store = harness.open();
    });
    afterEach(async () => {
      await store.close();
      harness.dispose();
    });
    const atHand: StoreAtHand = {
      get store() {
        return store;
      },
      async reopen() {
        await store.close();
        store = harness.open();
      },
      async openSession(made = opening()) {
        expect(await store.openSession(made)).toBe(true);
        const log = await store.openLog(made.session.sessionId);
        if (log === undefined) throw new Error('the session has no log');
        return { ...made, sessionId: made.session.sessionId, log };
      },
    };
    sessionsContract(atHand);
    sessionLogContract(atHand);
    ingestContract(atHand);
    removalsContract(atHand);
    guardsContract(atHand);
    approvalsContract(atHand);
  });
}

function guardsContract(t: StoreAtHand): void {
  describe('guards', () => {
    it('lets a proof be used once, also at the same moment and after a restart', async () => {
      const proof = randomBytes(32);
      expect((await Promise.all([t.store.spendProof(proof, startMs + 1), t.store.spendProof(proof, startMs + 1)])).toSorted()).toEqual([false, true]);
      await t.reopen();
      expect(await t.store.spendProof(proof, startMs + 1)).toBe(false);
      await t.store.sweep(startMs + 1);
      expect(await t.store.spendProof(proof, startMs + 9)).toBe(true);
    });

    it('keeps handles until they expire', async () => {
      const [a, b] = [randomBytes(32), randomBytes(32)];
      await t.store.keepHandles([a, b], startMs + 10);
      await t.store.keepHandles([a], startMs + 20);
      await t.reopen();
      expect(await t.store.handleExpiry(a, startMs + 15)).toBe(startMs + 20);
      expect(await t.store.handleExpiry(b, startMs + 15)).toBeUndefined();
      expect(await t.store.handleExpiry(randomBytes(32), startMs)).toBeUndefined();
      await t.store.sweep(startMs + 15);
      expect(await t.store.handleExpiry(b, startMs)).toBeUndefined();
    });

    it('keeps what a session has spent', async () => {
      const [one, other] = [newId('ses', ids), newId('ses', ids)];
      await t.store.keepBudget(one, 'a', 1);
      await t.store.keepBudget(one, 'a', 2);
      await t.store.keepBudget(one, 'b', 1);
      await t.reopen();
      expect([...(await t.store.budgets(one))].toSorted()).toEqual([
        ['a', 2],
        ['b', 1],
      ]);
      expect(await t.store.budgets(other)).toEqual(new Map());
    });

    it('keeps how tools look, the newest look of each', async () => {
      const [a, b, known, changed] = [randomBytes(32), randomBytes(32), randomBytes(32), randomBytes(32)];
      const definition = markMasked('{"text":"what it says of itself"}');
      await t.store.keepTools([
        { tool: a, known, changed: undefined, definition: undefined },
        { tool: b, known, changed, definition },
      ]);
      await t.store.keepTools([{ tool: a, known, changed, definition }]);
      await t.store.keepTools([{ tool: b, known: changed, changed: undefined, definition: undefined }]);
      await t.reopen();
      const seen = (await t.store.tools()).map((tool) => [
        ...[tool.tool, tool.known, tool.changed].map((mac) => mac && Buffer.from(mac).toString('hex')),
        tool.definition,
      ]);
      const hex = (...macs: readonly (Buffer | undefined)[]) => macs.map((mac) => mac?.toString('hex'));
      expect(seen.toSorted()).toEqual(
        [
          [...hex(a, known, changed), definition],
          [...hex(b, changed, undefined), undefined],
        ].toSorted(),
      );
    });
  });
}

// The store contract: the gateway’s own logs.
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/base/ids.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { verifyLog } from '../../src/evidence/verify.ts';
import { draft, ending, ids, newExchange, request, startMs } from './fixtures.ts';
import type { StoreAtHand } from './store.ts';

export function sessionLogContract(t: StoreAtHand): void {
  describe('the log of a session', () => {
    it('verifies and counts, over a restart that starts monotonic time anew', async () => {
      const afterMs = startMs + 3_601_000;
      const made = await t.openSession();
      await made.log.append([{ ...request(newExchange()), monoUs: 3_600_000_000, wallMs: startMs + 3_600_000 }]);
      await t.reopen();
      const log = await t.store.openLog(made.sessionId);
      await log?.append([
        { ...request(newExchange(), 'x'.repeat(5000)), wallMs: afterMs },
        draft('decision', {
          wallMs: afterMs,
          direction: 'up',
          exchange: newExchange(),
          decision: { effect: 'deny', id: newId('dec', ids) },
        }),
      ]);
      await log?.append([draft('message', { direction: 'down', message: 'end', wallMs: afterMs })]);
      await t.store.endSession({ ...ending(made.sessionId), entries: [draft('close', { wallMs: afterMs })] });
      const head = await t.store.log(made.gatewayLog);
      expect(head).toMatchObject({ size: 7, calls: 2, denied: 1 });
      if (head === undefined) throw new Error('the log is gone');
      const rows = await t.store.entries(made.gatewayLog, 0, 100);
      expect(rows.map((row) => decodeLeaf(row.leaf)).map(({ kind, wallMs }) => [kind, wallMs - startMs])).toEqual([
        ['open', 0],
        ['message', 3_600_000],
        ['restart', 3_601_000],
        ['message', 3_601_000],
        ['decision', 3_601_000],
        ['message', 3_601_000],
        ['close', 3_601_000],
      ]);
      expect(rows[3]?.payload?.coding).toBe('zstd');
      const report = verifyLog(
        { ...head, masked: 0, state: 'closed' },
        rows.map((row) => {
          const { payload } = row;
          const unpacked = payload && { salt: payload.salt, bytes: payload.coding === 'zstd' ? zstdDecompressSync(payload.bytes) : payload.bytes };
          return { index: row.index, leaf: row.leaf, leafHash: row.leafHash, ...(unpacked && { payload: unpacked }), ...(row.names && { names: row.names }) };
        }),
      );
      expect(report.findings).toEqual([]);
      expect(report.entries).toBe(7);
    });

    it('keeps the order of many that are written at once', async () => {
      const made = await t.openSession();
      const exchanges = Array.from({ length: 300 }, newExchange);
      await Promise.all(exchanges.map((exchange) => made.log.append([request(exchange)])));
      const again = await t.store.openLog(made.sessionId);
      await again?.append([request(newExchange())]);
      const rows = await t.store.entries(made.gatewayLog, 1, 1000);
      expect(rows.map((row) => row.index)).toEqual(Array.from({ length: 301 }, (_, i) => i + 1));
      expect((await t.store.log(made.gatewayLog))?.size).toBe(302);
    });

    it('takes an exchange once only, also at the same moment, and writes nothing of the repeat', async () => {
      const made = await t.openSession();
      const exchange = newExchange();
      const outcomes = await Promise.allSettled([
        made.log.append([request(exchange)]),
        made.log.append([request(exchange)]),
        made.log.append([request(newExchange())]),
      ]);
      expect(outcomes.map((o) => o.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(outcomes[1]).toMatchObject({ reason: { code: 'exchange_repeated' } });
      await t.reopen();
      await expect((await t.store.openLog(made.sessionId))?.append([request(exchange)])).rejects.toMatchObject({ code: 'exchange_repeated' });
      expect((await t.store.log(made.gatewayLog))?.size).toBe(3);
      const other = await t.openSession();
      await other.log.append([request(exchange)]);
    });

    it('lets an answer follow its request', async () => {
      const made = await t.openSession();
      const exchange = newExchange();
      await made.log.append([request(exchange)]);
      await made.log.append([draft('message', { exchange, direction: 'down', message: 'response' })]);
      expect((await t.store.log(made.gatewayLog))?.size).toBe(3);
    });

    it('claims without an entry where nothing is recorded', async () => {
      const made = await t.openSession();
      const exchange = newExchange();
      expect(await made.log.claim(exchange)).toBe(true);
      expect(await made.log.claim(exchange)).toBe(false);
      expect((await t.store.log(made.gatewayLog))?.size).toBe(1);
    });

    it('takes nothing behind its end, and others go on', async () => {
      const made = await t.openSession();
      const other = await t.openSession();
      const outcomes = await Promise.allSettled([
        t.store.endSession(ending(made.sessionId)),
        made.log.append([request(newExchange())]),
        other.log.append([request(newExchange())]),
      ]);
      // Ending reads the log's head first, so the entry may come before it; never behind.
      const rows = await t.store.entries(made.gatewayLog, 0, 10);
      expect(outcomes[0]).toEqual({ status: 'fulfilled', value: true });
      expect(outcomes[2]?.status).toBe('fulfilled');
      expect(rows.length).toBe(outcomes[1]?.status === 'fulfilled' ? 3 : 2);
      await expect(made.log.append([request(newExchange())])).rejects.toMatchObject({ code: 'session_closed' });
    });
  });
}

// The store contract: contents taken out for good, and what is uploaded of them later.
import { describe, expect, it } from 'vitest';
import type { LogId } from '../../src/base/ids.ts';
import { newId } from '../../src/base/ids.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { readRemoval } from '../../src/evidence/statements.ts';
import { decodePayload } from '../../src/journal/coding.ts';
import { ownStatement } from '../../src/mask/value.ts';
import type { Removal } from '../../src/store/removal-store.ts';
import type { Store } from '../../src/store/store.ts';
import { draft, ending, ids, Laptop, newExchange, opening, request, startMs } from './fixtures.ts';
import type { StoreAtHand } from './store.ts';

const erasure: Removal = { kind: 'erasure', reason: 'asked for', by: 'priya' };
const pruning: Removal = { kind: 'retention', reason: 'older than 30 days' };

/** What the index logs say of a log: kind, range, and why. */
async function statedOf(store: Store, logId: LogId) {
  const found = [];
  for (const { indexLog, index } of await store.removalsOf(logId)) {
    const [row] = await store.entries(indexLog, index, 1);
    if (row?.payload === undefined) throw new Error('there is no such entry');
    const leaf = decodeLeaf(row.leaf);
    const { from, to, reason } = readRemoval(decodePayload(row.payload));
    expect(leaf.subject).toBe(logId);
    found.push([leaf.kind, from, to, reason]);
  }
  return found;
}

async function contentsOf(store: Store, logId: LogId) {
  const rows = await store.entries(logId, 0, 100);
  return rows.flatMap(({ index, payload, names }) => (payload || names ? [index] : []));
}

/** Makes the tree cover a log as it stands. */
async function receipt(store: Store, logId: LogId) {
  const log = await store.log(logId);
  const index = await store.treeSize();
  if (log === undefined) throw new Error('there is no such log');
  const leaf = { index, logId, leaf: Buffer.of(1), size: log.size, root: log.root, note: 'a note' };
  await store.growTree({ leaves: [leaf], nodes: [], head: { size: index + 1, note: 'a head' }, atMs: startMs });
}

export function removalsContract(t: StoreAtHand): void {
  const ended = async (made = opening()) => {
    const session = await t.openSession(made);
    await session.log.append([request(newExchange()), request(newExchange())]);
    const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()), request(newExchange()), request(newExchange()));
    await t.store.ingest(made.forwarderLog, laptop.upload(0, 2), startMs);
    await t.store.endSession(ending(session.sessionId));
    return { ...session, laptop };
  };

  describe('removals', () => {
    it('takes payloads and names of both logs, but for the opening, and says so in the index log', async () => {
      const [{ sessionId, gatewayLog, forwarderLog }, other] = [await ended(), await ended()];
      await t.store.removeContents(sessionId, erasure);
      await t.store.rewrite();
      expect([await contentsOf(t.store, gatewayLog), await contentsOf(t.store, forwarderLog)]).toEqual([[0], []]);
      expect(await contentsOf(t.store, other.gatewayLog)).toEqual([0, 1, 2]);
      expect(await statedOf(t.store, gatewayLog)).toEqual([['erasure', 1, 4, 'asked for']]);
      expect(await statedOf(t.store, forwarderLog)).toEqual([['erasure', 1, 2, 'asked for']]);
      expect(await t.store.session(sessionId)).toMatchObject({ logs: [{ removal: erasure }, { removal: erasure }] });
      await t.reopen();
      expect(await statedOf(t.store, other.gatewayLog)).toEqual([]);
    });

    it('keeps what is uploaded later without its contents, and says so too', async () => {
      const { sessionId, forwarderLog, laptop } = await ended();
      await t.store.removeContents(sessionId, erasure);
      expect(await t.store.ingest(forwarderLog, laptop.upload(2, 3), startMs)).toMatchObject({ kind: 'stored', log: { size: 3 } });
      const { entries, ...rest } = laptop.upload(3);
      // An answer that the gateway recorded itself is left out of an upload; it has it no more.
      expect(await t.store.ingest(forwarderLog, { ...rest, entries: entries.map(({ leaf }) => ({ leaf, held: new Uint8Array(32) })) }, startMs)).toMatchObject({
        kind: 'stored',
        log: { size: 4 },
      });
      expect(await contentsOf(t.store, forwarderLog)).toEqual([]);
      expect((await statedOf(t.store, forwarderLog)).map(([, from, to]) => [from, to])).toEqual([
        [1, 2],
        [2, 3],
        [3, 4],
      ]);
    });

    it('takes entries that a laptop has erased before they were synced, where its index log says so, and no others', async () => {
      const made = opening();
      const { sessionId, forwarderLog, laptop } = await ended(made);
      const bare = (from: number) => {
        const whole = laptop.upload(from);
        return { ...whole, entries: whole.entries.map(({ leaf }) => ({ leaf })) };
      };
      expect(await t.store.ingest(forwarderLog, bare(2), startMs)).toMatchObject({ kind: 'invalid' });
      const stated = (to: number) => ownStatement({ session: sessionId, from: 1, to, reason: 'mine' });
      const sayIn = async (store: Store, deviceId = made.session.deviceId) => {
        const indexLog = newId('log', ids);
        await store.registerIndex(indexLog, deviceId);
        const index = new Laptop(indexLog).add(draft('index'), draft('erasure', { subject: forwarderLog, payload: stated(4) }));
        return store.ingest(indexLog, index.upload(0), startMs);
      };
      // What another device says of it does not count.
      const stranger = await ended();
      expect(await sayIn(t.store, stranger.session.deviceId)).toMatchObject({ kind: 'stored' });
      expect(await t.store.ingest(forwarderLog, bare(2), startMs)).toMatchObject({ kind: 'invalid' });
      expect(await sayIn(t.store)).toMatchObject({ kind: 'stored' });
      expect(await t.store.ingest(forwarderLog, bare(2), startMs)).toMatchObject({ kind: 'stored', log: { size: 4 } });
      expect(await statedOf(t.store, forwarderLog)).toEqual([['erasure', 1, 4, 'mine']]);
      // What the gateway had before stays: the laptop speaks of its own copy.
      expect(await contentsOf(t.store, forwarderLog)).toEqual([1]);
    });

    it('takes nothing from a session that is open', async () => {
      const { sessionId, log, gatewayLog } = await t.openSession();
      await log.append([request(newExchange())]);
      await expect(t.store.removeContents(sessionId, erasure)).rejects.toMatchObject({ code: 'usage' });
      expect(await contentsOf(t.store, gatewayLog)).toEqual([0, 1]);
      await expect(t.store.removeContents(newId('ses', ids), erasure)).rejects.toMatchObject({ code: 'not_found' });
    });

    it('prunes what is in the tree alone, the oldest first, and each session once', async () => {
      const made = [await ended(), await ended(), await ended()];
      const [first, second] = made;
      if (first === undefined || second === undefined) throw new Error('there are three');
      expect(await t.store.prunable(10)).toEqual([]);
      await expect(t.store.removeContents(first.sessionId, pruning)).rejects.toMatchObject({ code: 'usage' });
      for (const { gatewayLog } of made) await receipt(t.store, gatewayLog);
      for (const { forwarderLog } of [first, second]) await receipt(t.store, forwarderLog);
      expect((await t.store.prunable(10)).map(({ sessionId }) => sessionId).toSorted()).toEqual([first.sessionId, second.sessionId].toSorted());
      const before = t.store.usedBytes();
      await t.store.removeContents(first.sessionId, pruning);
      expect((await t.store.prunable(10)).map(({ sessionId }) => sessionId)).toEqual([second.sessionId]);
      expect(await statedOf(t.store, first.gatewayLog)).toEqual([['retention', 1, 4, 'older than 30 days']]);
      expect(before).toBeGreaterThan(0);
    });
  });
}

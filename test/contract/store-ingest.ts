// The store contract: taking in the logs of forwarders.
import { randomBytes } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ExchangeId, type LogId, newId } from '../../src/base/ids.ts';
import { limits } from '../../src/base/limits.ts';
import { markMasked } from '../../src/base/masked.ts';
import type { LogUpload } from '../../src/protocol/control.ts';
import { draft, ending, hexOf, ids, Laptop, newExchange, request, startMs } from './fixtures.ts';
import type { StoreAtHand } from './store.ts';

export function ingestContract(t: StoreAtHand): void {
  describe('ingest', () => {
    const upload = (made: { forwarderLog: LogId }, what: LogUpload) => t.store.ingest(made.forwarderLog, what, startMs);

    it('takes a log part by part, and a repeat as done', async () => {
      const made = await t.openSession();
      const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()), request(newExchange()), draft('close'));
      expect(await upload(made, laptop.upload(0, 2))).toMatchObject({ kind: 'stored', log: { size: 2 } });
      expect(await upload(made, laptop.upload(0, 2))).toMatchObject({ kind: 'stored', log: { size: 2 } });
      expect(await upload(made, laptop.upload(1, 4))).toMatchObject({ kind: 'stored', log: { size: 4, calls: 2, root: laptop.tail.frontier.root() } });
      await t.reopen();
      expect(await upload(made, laptop.upload(0))).toMatchObject({ kind: 'stored', log: { size: 4 } });
      const rows = await t.store.entries(made.forwarderLog, 0, 10);
      expect(rows.map(hexOf)).toEqual(laptop.entries.map(hexOf));
    });

    it('takes an answer that it recorded itself without its payload, and no other', async () => {
      const made = await t.openSession();
      const [own, foreign] = [newExchange(), newExchange()];
      const answer = (exchange: ExchangeId, text: string) =>
        draft('message', { exchange, direction: 'down', message: 'response', payload: markMasked(Buffer.from(text)) });
      const log = await t.store.openLog(made.session.sessionId);
      const text = `"${'disk full on web-1; '.repeat(200)}"`;
      await log?.append([request(own)]);
      await log?.append([answer(own, text)]);
      const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(own), answer(own, text), answer(foreign, text), answer(own, 'another'));
      const leftOut = (whole: LogUpload): LogUpload => ({
        ...whole,
        entries: whole.entries.map(({ leaf, payload, names }) => ({ leaf, ...(payload && { held: payload.salt }), ...(names && { names }) })),
      });
      expect(await upload(made, laptop.upload(0, 2))).toMatchObject({ kind: 'stored', log: { size: 2 } });
      // The same text in another exchange, and another text in this one, are not what the gateway has.
      expect(await upload(made, leftOut(laptop.upload(2, 4)))).toMatchObject({ kind: 'lacking', log: { size: 2 } });
      expect(await upload(made, leftOut(laptop.upload(2, 3)))).toMatchObject({ kind: 'stored', log: { size: 3 } });
      expect(await upload(made, laptop.upload(3, 4))).toMatchObject({ kind: 'stored', log: { size: 4 } });
      expect(await upload(made, leftOut(laptop.upload(4)))).toMatchObject({ kind: 'lacking', log: { size: 4 } });
      const [, , held] = await t.store.entries(made.forwarderLog, 0, 10);
      const { salt, bytes = Buffer.of(), coding } = held?.payload ?? {};
      expect([salt, (coding === 'zstd' ? zstdDecompressSync(bytes) : bytes).toString()]).toEqual([Buffer.from(laptop.entries[2]?.payload?.salt ?? []), text]);
    });

    it('refuses a gap and says what it has', async () => {
      const made = await t.openSession();
      const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()), request(newExchange()));
      await upload(made, laptop.upload(0, 1));
      expect(await upload(made, laptop.upload(2))).toMatchObject({ kind: 'conflict', log: { size: 1 } });
    });

    it('quarantines a fork and keeps what it had', async () => {
      const made = await t.openSession();
      const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()));
      const forked = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()), request(newExchange()));
      await upload(made, laptop.upload(0));
      const root = (await t.store.log(made.forwarderLog))?.root;
      expect(await upload(made, forked.upload(0))).toMatchObject({ kind: 'forked' });
      expect(await upload(made, laptop.add(request(newExchange())).upload(2))).toMatchObject({ kind: 'forked' });
      expect(await t.store.log(made.forwarderLog)).toMatchObject({ size: 2, root, quarantine: expect.stringContaining('entry 0') });
    });

    it('lets only one of two forks in that come at the same moment', async () => {
      const made = await t.openSession();
      const a = new Laptop(made.forwarderLog).add(draft('open'));
      const b = new Laptop(made.forwarderLog).add(draft('open'));
      const kinds = (await Promise.all([upload(made, a.upload(0)), upload(made, b.upload(0))])).map((o) => o.kind);
      expect(kinds.toSorted()).toEqual(['forked', 'stored']);
    });

    it('takes the same part from two at once', async () => {
      const made = await t.openSession();
      const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()));
      const kinds = (await Promise.all([upload(made, laptop.upload(0)), upload(made, laptop.upload(0)), upload(made, laptop.upload(0, 1))])).map((o) => o.kind);
      expect(kinds).toEqual(['stored', 'stored', 'stored']);
      expect((await t.store.log(made.forwarderLog))?.size).toBe(2);
    });

    it.each([
      ['another root', (u: LogUpload) => ({ ...u, root: randomBytes(32) }), 'root'],
      ['a changed leaf', (u: LogUpload) => ({ ...u, entries: u.entries.map((e, i) => (i === 1 ? { ...e, leaf: e.leaf.with(-1, 255) } : e)) }), 'entry 1'],
      [
        'another payload',
        (u: LogUpload) => ({
          ...u,
          entries: u.entries.map((e) => (e.payload ? { ...e, payload: { ...e.payload, bytes: zstdCompressSync(Buffer.from('no')) } } : e)),
        }),
        'payload',
      ],
      [
        'a bad coding',
        (u: LogUpload) => ({ ...u, entries: u.entries.map((e) => (e.payload ? { ...e, payload: { ...e.payload, bytes: Buffer.from('no') } } : e)) }),
        'payload',
      ],
      ['a dropped payload', (u: LogUpload) => ({ ...u, entries: u.entries.map(({ payload: _, ...e }) => e) }), 'payload'],
      [
        'other names',
        (u: LogUpload) => ({ ...u, entries: u.entries.map((e) => (e.names ? { ...e, names: { ...e.names, bytes: Buffer.from('{}') } } : e)) }),
        'names',
      ],
      ['entries in another order', (u: LogUpload) => ({ ...u, entries: u.entries.toReversed() }), 'entry 0'],
    ])('refuses %s and stores nothing', async (_, spoil, why) => {
      const made = await t.openSession();
      const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()));
      expect(await upload(made, spoil(laptop.upload(0)))).toMatchObject({ kind: 'invalid', reason: expect.stringContaining(why) });
      expect(await t.store.entries(made.forwarderLog, 0, 10)).toEqual([]);
      expect(await upload(made, laptop.upload(0))).toMatchObject({ kind: 'stored' });
    });

    it('refuses payloads that are small and grow to more than an upload may have', async () => {
      const made = await t.openSession();
      const bomb = 'x'.repeat(limits.uploadInflatedBytesMax / 4);
      const laptop = new Laptop(made.forwarderLog).add(draft('open'), ...Array.from({ length: 5 }, () => request(newExchange(), bomb)));
      expect(await upload(made, laptop.upload(0))).toMatchObject({ kind: 'invalid', reason: 'entry 5: the payloads of the upload are too long' });
      expect(await upload(made, laptop.upload(0, 2))).toMatchObject({ kind: 'stored' });
    });

    it('refuses the leaves of another log, an unknown log, and its own', async () => {
      const made = await t.openSession();
      const stranger = new Laptop(newId('log', ids)).add(draft('open'));
      expect(await upload(made, stranger.upload(0))).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('another log') });
      expect(await t.store.ingest(newId('log', ids), stranger.upload(0), startMs)).toEqual({ kind: 'unknown' });
      expect(await t.store.ingest(made.gatewayLog, new Laptop(made.gatewayLog).add(draft('open')).upload(0), startMs)).toEqual({ kind: 'unknown' });
    });

    it('goes on after the session has ended here', async () => {
      const made = await t.openSession();
      await t.store.endSession(ending(made.sessionId));
      expect(await upload(made, new Laptop(made.forwarderLog).add(draft('open'), draft('close')).upload(0))).toMatchObject({
        kind: 'stored',
        log: { size: 2 },
      });
    });
  });
}

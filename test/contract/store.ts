// What every store of a gateway must do, whatever database it is on.
import { createHash, randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ExchangeId, type LogId, newId, type SessionId } from '../../src/base/ids.ts';
import { markMasked } from '../../src/base/masked.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import { emptyTail, extend, type LogTail } from '../../src/evidence/tail.ts';
import { verifyLog } from '../../src/evidence/verify.ts';
import type { LogUpload, UploadedEntry } from '../../src/protocol/control.ts';
import type { SessionEnding, SessionOpening, Store } from '../../src/store/store.ts';

export interface StoreHarness {
  /** Opens the same store again and again; a fresh one for each harness. */
  open(): Store;
  dispose(): void;
}

export const startMs = 1_800_000_000_000;
const clock = { wallMs: () => startMs, monoUs: () => 1_000 };
const ids = { clock, random: systemRandom };

export function draft(kind: EntryDraft['kind'], more: Partial<EntryDraft> = {}): EntryDraft {
  return { kind, wallMs: startMs, monoUs: 1_000, wireBytes: 0, ...more };
}

export function request(exchange: ExchangeId, text = '{"jsonrpc":"2.0","id":1,"method":"ping"}'): EntryDraft {
  return draft('message', {
    exchange,
    direction: 'up',
    message: 'request',
    wireBytes: text.length,
    payload: markMasked(Buffer.from(text)),
    names: markMasked({ method: 'ping' }),
  });
}

export function opening(over: Partial<SessionOpening['session']> = {}): SessionOpening {
  const deviceId = newId('dev', ids);
  const identity = { issuer: 'https://login.example', subject: 'maya', email: 'maya@shop.example', groups: ['sre'] };
  return {
    session: {
      sessionId: newId('ses', ids),
      grantId: newId('grt', ids),
      connection: 'datadog',
      identity,
      deviceId,
      reason: 'incident 7',
      client: { program: 'mcprec', pid: 7 },
      openedMs: startMs,
      expiresMs: startMs + 3_600_000,
      wrappedKeys: randomBytes(64),
      ...over,
    },
    token: { hash: randomBytes(32), expiresMs: startMs + 300_000 },
    device: {
      deviceId,
      publicKey: randomBytes(32),
      issuer: identity.issuer,
      subject: identity.subject,
      name: 'laptop',
      proofThumbprint: 'abc',
      enrolledMs: startMs,
    },
    forwarderLog: newId('log', ids),
    gatewayLog: newId('log', ids),
    entries: [draft('open', { payload: markMasked(Buffer.from('{}')) })],
  };
}

function ending(sessionId: SessionId, state: SessionEnding['state'] = 'closed'): SessionEnding {
  return { sessionId, state, reason: 'done', atMs: startMs + 5, entries: [draft('close')] };
}

/** A forwarder's log and its uploads. */
export class Laptop {
  tail: LogTail;
  entries: UploadedEntry[] = [];
  constructor(logId: LogId) {
    this.tail = emptyTail(logId);
  }
  add(...drafts: EntryDraft[]): this {
    const added = extend(this.tail, drafts, systemRandom);
    this.tail = added.tail;
    for (const { leaf, payload, names } of added.entries) {
      const packed = payload && { salt: payload.salt, bytes: zstdCompressSync(payload.bytes), coding: 'zstd' as const };
      this.entries.push({ leaf, ...(packed && { payload: packed }), ...(names && { names }) });
    }
    return this;
  }
  upload(from: number, until = this.entries.length): LogUpload {
    const tail = Laptop.#rootOf(this.tail.logId, this.entries.slice(0, until));
    return { from, entries: this.entries.slice(from, until), root: tail };
  }
  static #rootOf(logId: LogId, entries: readonly UploadedEntry[]): Uint8Array {
    const tail = emptyTail(logId);
    for (const { leaf } of entries) tail.frontier.append(createHash('sha256').update(Uint8Array.of(0)).update(leaf).digest());
    return tail.frontier.root();
  }
}

/** An entry with its bytes as hex, so that a Buffer equals the Uint8Array that went in. */
function hexOf({ leaf, payload, names }: UploadedEntry): unknown {
  const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');
  return [hex(leaf), payload?.coding, hex(payload?.salt), hex(payload?.bytes), hex(names?.salt), hex(names?.bytes)];
}

const newExchange = () => newId('exc', ids);

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
    const reopen = async () => {
      await store.close();
      store = harness.open();
    };
    const openSession = async (made = opening()) => {
      expect(await store.openSession(made)).toBe(true);
      const log = await store.openLog(made.session.sessionId);
      if (log === undefined) throw new Error('the session has no log');
      return { ...made, sessionId: made.session.sessionId, log };
    };

    describe('sessions', () => {
      it('keeps a session with its device, token and logs over a restart', async () => {
        const made = await openSession();
        await reopen();
        expect(await store.session(made.sessionId)).toMatchObject({
          ...made.session,
          state: 'open',
          logs: expect.arrayContaining([
            expect.objectContaining({ logId: made.forwarderLog, vantage: 'forwarder', size: 0 }),
            expect.objectContaining({ logId: made.gatewayLog, vantage: 'gateway', size: 1 }),
          ]),
        });
        expect(await store.sessionOfGrant(made.session.grantId)).toMatchObject({ sessionId: made.sessionId });
        expect(await store.findDevice(made.device.publicKey)).toEqual(made.device);
        expect(await store.findDevice(randomBytes(32))).toBeUndefined();
      });

      it('refuses a second session on the same log of a laptop, and writes nothing of it', async () => {
        const first = await openSession();
        const second = { ...opening(), forwarderLog: first.forwarderLog };
        expect(await store.openSession(second)).toBe(false);
        expect(await store.session(second.session.sessionId)).toBeUndefined();
        expect(await store.findDevice(second.device.publicKey)).toBeUndefined();
      });

      it('finds a session by its token until the token ends', async () => {
        const made = await openSession();
        expect(await store.sessionOfToken(made.token.hash, startMs)).toEqual({ sessionId: made.sessionId, expiresMs: made.token.expiresMs });
        expect(await store.sessionOfToken(made.token.hash, made.token.expiresMs)).toBeUndefined();
        expect(await store.sessionOfToken(randomBytes(32), startMs)).toBeUndefined();
      });

      it('renews an open session: the old token works on, the new one too', async () => {
        const made = await openSession();
        const token = { hash: randomBytes(32), expiresMs: startMs + 600_000 };
        expect(await store.renewSession({ sessionId: made.sessionId, token, expiresMs: startMs + 9, groups: ['sre', 'leads'] })).toBe(true);
        expect(await store.sessionOfToken(made.token.hash, startMs)).toEqual({ sessionId: made.sessionId, expiresMs: made.token.expiresMs });
        expect(await store.sessionOfToken(token.hash, startMs)).toMatchObject({ sessionId: made.sessionId });
        expect(await store.session(made.sessionId)).toMatchObject({ expiresMs: startMs + 9, identity: { groups: ['sre', 'leads'] } });
      });

      it('ends a session once, and with it its keys and tokens', async () => {
        const made = await openSession();
        const both = await Promise.all([store.endSession(ending(made.sessionId, 'revoked')), store.endSession(ending(made.sessionId, 'closed'))]);
        expect(both).toEqual([true, false]);
        const ended = await store.session(made.sessionId);
        expect(ended).toMatchObject({ state: 'revoked', endReason: 'done', endedMs: startMs + 5 });
        expect(ended?.wrappedKeys).toBeUndefined();
        expect(await store.sessionOfToken(made.token.hash, startMs)).toBeUndefined();
        expect(await store.renewSession({ sessionId: made.sessionId, token: made.token, expiresMs: 1, groups: [] })).toBe(false);
        expect((await store.entries(made.gatewayLog, 0, 10)).length).toBe(2);
      });

      it('lists newest first, by owner, in pages, and knows which have expired', async () => {
        const mine = await openSession();
        const later = await openSession(opening({ openedMs: startMs + 10, expiresMs: startMs + 20 }));
        const other = await openSession(opening({ openedMs: startMs + 5, identity: { issuer: 'https://login.example', subject: 'jonas', groups: [] } }));
        const idsOf = async (query: Parameters<Store['sessions']>[0]) => (await store.sessions(query)).map((s) => s.sessionId);
        expect(await idsOf({ limit: 10 })).toEqual([later.sessionId, other.sessionId, mine.sessionId]);
        expect(await idsOf({ limit: 1 })).toEqual([later.sessionId]);
        expect(await idsOf({ limit: 10, beforeMs: startMs + 5 })).toEqual([mine.sessionId]);
        expect(await idsOf({ limit: 10, owner: { issuer: 'https://login.example', subject: 'jonas' } })).toEqual([other.sessionId]);
        expect(await store.expiredSessions(startMs + 20)).toEqual([later.sessionId]);
      });
    });

    describe('the log of a session', () => {
      it('verifies, counts and survives a restart', async () => {
        const made = await openSession();
        await made.log.append([request(newExchange())]);
        await reopen();
        const log = await store.openLog(made.sessionId);
        await log?.append([
          request(newExchange(), 'x'.repeat(5000)),
          draft('decision', { direction: 'up', exchange: newExchange(), decision: { effect: 'deny', id: newId('dec', ids) } }),
        ]);
        await store.endSession(ending(made.sessionId));
        const head = await store.log(made.gatewayLog);
        expect(head).toMatchObject({ size: 5, calls: 2, denied: 1 });
        if (head === undefined) throw new Error('the log is gone');
        const rows = await store.entries(made.gatewayLog, 0, 100);
        expect(rows[2]?.payload?.coding).toBe('zstd');
        const { zstdDecompressSync } = await import('node:zlib');
        const report = verifyLog(
          { ...head, masked: 0, state: 'closed' },
          rows.map((row) => {
            const { payload } = row;
            const unpacked = payload && { salt: payload.salt, bytes: payload.coding === 'zstd' ? zstdDecompressSync(payload.bytes) : payload.bytes };
            return { index: row.index, leaf: row.leaf, leafHash: row.leafHash, ...(unpacked && { payload: unpacked }), ...(row.names && { names: row.names }) };
          }),
        );
        expect(report.findings).toEqual([]);
        expect(report.entries).toBe(5);
      });

      it('keeps the order of many that are written at once', async () => {
        const made = await openSession();
        const exchanges = Array.from({ length: 300 }, newExchange);
        await Promise.all(exchanges.map((exchange) => made.log.append([request(exchange)])));
        const again = await store.openLog(made.sessionId);
        await again?.append([request(newExchange())]);
        const rows = await store.entries(made.gatewayLog, 1, 1000);
        expect(rows.map((row) => row.index)).toEqual(Array.from({ length: 301 }, (_, i) => i + 1));
        expect((await store.log(made.gatewayLog))?.size).toBe(302);
      });

      it('takes an exchange once only, also at the same moment, and writes nothing of the repeat', async () => {
        const made = await openSession();
        const exchange = newExchange();
        const outcomes = await Promise.allSettled([
          made.log.append([request(exchange)]),
          made.log.append([request(exchange)]),
          made.log.append([request(newExchange())]),
        ]);
        expect(outcomes.map((o) => o.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(outcomes[1]).toMatchObject({ reason: { code: 'exchange_repeated' } });
        await reopen();
        await expect((await store.openLog(made.sessionId))?.append([request(exchange)])).rejects.toMatchObject({ code: 'exchange_repeated' });
        expect((await store.log(made.gatewayLog))?.size).toBe(3);
        const other = await openSession();
        await other.log.append([request(exchange)]);
      });

      it('lets an answer follow its request', async () => {
        const made = await openSession();
        const exchange = newExchange();
        await made.log.append([request(exchange)]);
        await made.log.append([draft('message', { exchange, direction: 'down', message: 'response' })]);
        expect((await store.log(made.gatewayLog))?.size).toBe(3);
      });

      it('claims without an entry where nothing is recorded', async () => {
        const made = await openSession();
        const exchange = newExchange();
        expect(await made.log.claim(exchange)).toBe(true);
        expect(await made.log.claim(exchange)).toBe(false);
        expect((await store.log(made.gatewayLog))?.size).toBe(1);
      });

      it('takes nothing behind its end, and others go on', async () => {
        const made = await openSession();
        const other = await openSession();
        const outcomes = await Promise.allSettled([
          store.endSession(ending(made.sessionId)),
          made.log.append([request(newExchange())]),
          other.log.append([request(newExchange())]),
        ]);
        // Ending reads the log's head first, so the entry may come before it; never behind.
        const rows = await store.entries(made.gatewayLog, 0, 10);
        expect(outcomes[0]).toEqual({ status: 'fulfilled', value: true });
        expect(outcomes[2]?.status).toBe('fulfilled');
        expect(rows.length).toBe(outcomes[1]?.status === 'fulfilled' ? 3 : 2);
        await expect(made.log.append([request(newExchange())])).rejects.toMatchObject({ code: 'session_closed' });
      });
    });

    describe('ingest', () => {
      const upload = (made: { forwarderLog: LogId }, what: LogUpload) => store.ingest(made.forwarderLog, what, startMs);

      it('takes a log part by part, and a repeat as done', async () => {
        const made = await openSession();
        const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()), request(newExchange()), draft('close'));
        expect(await upload(made, laptop.upload(0, 2))).toMatchObject({ kind: 'stored', log: { size: 2 } });
        expect(await upload(made, laptop.upload(0, 2))).toMatchObject({ kind: 'stored', log: { size: 2 } });
        expect(await upload(made, laptop.upload(1, 4))).toMatchObject({ kind: 'stored', log: { size: 4, calls: 2, root: laptop.tail.frontier.root() } });
        await reopen();
        expect(await upload(made, laptop.upload(0))).toMatchObject({ kind: 'stored', log: { size: 4 } });
        const rows = await store.entries(made.forwarderLog, 0, 10);
        expect(rows.map(hexOf)).toEqual(laptop.entries.map(hexOf));
      });

      it('refuses a gap and says what it has', async () => {
        const made = await openSession();
        const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()), request(newExchange()));
        await upload(made, laptop.upload(0, 1));
        expect(await upload(made, laptop.upload(2))).toMatchObject({ kind: 'conflict', log: { size: 1 } });
      });

      it('quarantines a fork and keeps what it had', async () => {
        const made = await openSession();
        const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()));
        const forked = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()), request(newExchange()));
        await upload(made, laptop.upload(0));
        const root = (await store.log(made.forwarderLog))?.root;
        expect(await upload(made, forked.upload(0))).toMatchObject({ kind: 'forked' });
        expect(await upload(made, laptop.add(request(newExchange())).upload(2))).toMatchObject({ kind: 'forked' });
        expect(await store.log(made.forwarderLog)).toMatchObject({ size: 2, root, quarantine: expect.stringContaining('entry 0') });
      });

      it('lets only one of two forks in that come at the same moment', async () => {
        const made = await openSession();
        const a = new Laptop(made.forwarderLog).add(draft('open'));
        const b = new Laptop(made.forwarderLog).add(draft('open'));
        const kinds = (await Promise.all([upload(made, a.upload(0)), upload(made, b.upload(0))])).map((o) => o.kind);
        expect(kinds.toSorted()).toEqual(['forked', 'stored']);
      });

      it('takes the same part from two at once', async () => {
        const made = await openSession();
        const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()));
        const kinds = (await Promise.all([upload(made, laptop.upload(0)), upload(made, laptop.upload(0)), upload(made, laptop.upload(0, 1))])).map(
          (o) => o.kind,
        );
        expect(kinds).toEqual(['stored', 'stored', 'stored']);
        expect((await store.log(made.forwarderLog))?.size).toBe(2);
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
        const made = await openSession();
        const laptop = new Laptop(made.forwarderLog).add(draft('open'), request(newExchange()));
        expect(await upload(made, spoil(laptop.upload(0)))).toMatchObject({ kind: 'invalid', reason: expect.stringContaining(why) });
        expect(await store.entries(made.forwarderLog, 0, 10)).toEqual([]);
        expect(await upload(made, laptop.upload(0))).toMatchObject({ kind: 'stored' });
      });

      it('refuses the leaves of another log, an unknown log, and its own', async () => {
        const made = await openSession();
        const stranger = new Laptop(newId('log', ids)).add(draft('open'));
        expect(await upload(made, stranger.upload(0))).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('another log') });
        expect(await store.ingest(newId('log', ids), stranger.upload(0), startMs)).toEqual({ kind: 'unknown' });
        expect(await store.ingest(made.gatewayLog, new Laptop(made.gatewayLog).add(draft('open')).upload(0), startMs)).toEqual({ kind: 'unknown' });
      });

      it('goes on after the session has ended here', async () => {
        const made = await openSession();
        await store.endSession(ending(made.sessionId));
        expect(await upload(made, new Laptop(made.forwarderLog).add(draft('open'), draft('close')).upload(0))).toMatchObject({
          kind: 'stored',
          log: { size: 2 },
        });
      });
    });

    describe('guards', () => {
      it('lets a proof be used once, also at the same moment and after a restart', async () => {
        const proof = randomBytes(32);
        expect((await Promise.all([store.spendProof(proof, startMs + 1), store.spendProof(proof, startMs + 1)])).toSorted()).toEqual([false, true]);
        await reopen();
        expect(await store.spendProof(proof, startMs + 1)).toBe(false);
        await store.sweep(startMs + 1);
        expect(await store.spendProof(proof, startMs + 9)).toBe(true);
      });

      it('keeps handles until they expire', async () => {
        const [a, b] = [randomBytes(32), randomBytes(32)];
        await store.keepHandles([a, b], startMs + 10);
        await store.keepHandles([a], startMs + 20);
        await reopen();
        expect(await store.handleExpiry(a, startMs + 15)).toBe(startMs + 20);
        expect(await store.handleExpiry(b, startMs + 15)).toBeUndefined();
        expect(await store.handleExpiry(randomBytes(32), startMs)).toBeUndefined();
        await store.sweep(startMs + 15);
        expect(await store.handleExpiry(b, startMs)).toBeUndefined();
      });
    });
  });
}

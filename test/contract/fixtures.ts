// What the store contract works with: openings, drafts, a laptop’s log and its uploads.
import { createHash, randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { type ExchangeId, type LogId, newId, type SessionId } from '../../src/base/ids.ts';
import { markMasked } from '../../src/base/masked.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import { emptyTail, extend, type LogTail } from '../../src/evidence/tail.ts';
import type { LogUpload, UploadedEntry } from '../../src/protocol/control.ts';
import type { SessionEnding, SessionOpening } from '../../src/store/store.ts';

export const startMs = 1_800_000_000_000;
const clock = { wallMs: () => startMs, monoUs: () => 1_000 };
export const ids = { clock, random: systemRandom };

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

export function ending(sessionId: SessionId, state: SessionEnding['state'] = 'closed'): SessionEnding {
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
export function hexOf({ leaf, payload, names }: UploadedEntry): unknown {
  const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');
  return [hex(leaf), payload?.coding, hex(payload?.salt), hex(payload?.bytes), hex(names?.salt), hex(names?.bytes)];
}

export const newExchange = () => newId('exc', ids);

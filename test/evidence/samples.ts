// Drafts, ids, clocks and randomness that tests of logs share.
import { hash } from 'node:crypto';
import fc from 'fast-check';
import type { Clock } from '../../src/base/clock.ts';
import { idFromBytes, type LogId } from '../../src/base/ids.ts';
import { markMasked } from '../../src/base/masked.ts';
import type { RandomBytes } from '../../src/base/random.ts';
import { directions, type EntryDraft, effects, entryKinds, messageKinds } from '../../src/evidence/entry.ts';
import type { Leaf } from '../../src/evidence/leaf.ts';

/** Random bytes that are the same in every run: SHA-256 of a counter. */
export function countingRandom(seed = 'mcprec'): RandomBytes {
  let n = 0;
  return (length) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) bytes.set(hash('sha256', `${seed}/${n++}`, 'buffer').subarray(0, length - at), at);
    return bytes;
  };
}

/** A clock that moves only by hand. */
export function handClock(wallMs = 1_763_800_000_000): Clock & { advance(ms: number): void; set(wallMs: number): void } {
  let wall = wallMs;
  let mono = 1_000;
  return {
    wallMs: () => wall,
    monoUs: () => mono,
    advance(ms) {
      wall += ms;
      mono += ms * 1000;
    },
    set(ms) {
      wall = ms;
    },
  };
}

export function bytes(length: number, fill: number): Uint8Array {
  return new Uint8Array(length).fill(fill);
}

export const logId: LogId = idFromBytes('log', bytes(16, 0x11));
export const sessionId = idFromBytes('ses', bytes(16, 0x22));

/** A masked payload of that text. */
export function payload(text: string) {
  return markMasked<Uint8Array>(Buffer.from(text));
}

export function openDraft(clock: Clock, more: Record<string, unknown> = {}): EntryDraft {
  const opening = {
    session: sessionId,
    connection: 'datadog',
    kind: 'mcp',
    record: 'full',
    identity: { issuer: 'https://login.example.com', subject: 'u-1', email: 'ada@example.com' },
    ...more,
  };
  return { kind: 'open', wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0, payload: payload(JSON.stringify(opening)) };
}

export function requestDraft(clock: Clock, n: number, more: Partial<EntryDraft> = {}): EntryDraft {
  return {
    kind: 'message',
    wallMs: clock.wallMs(),
    monoUs: clock.monoUs(),
    exchange: exchangeId(n),
    direction: 'up',
    message: 'request',
    decision: { effect: 'allow', id: idFromBytes('dec', bytes(16, n % 256)) },
    policyHash: bytes(32, 0x33),
    maskerVersion: 'm1',
    maskedCount: n % 3,
    wireBytes: 100 + n,
    payload: payload(`{"jsonrpc":"2.0","id":${n},"method":"tools/call","params":{"name":"search_datadog_logs"}}`),
    names: markMasked({ method: 'tools/call', tool: 'search_datadog_logs' }),
    mac: bytes(16, n % 256),
    messageNumber: n,
    ...more,
  };
}

export function answerDraft(clock: Clock, n: number, more: Partial<EntryDraft> = {}): EntryDraft {
  return {
    kind: 'message',
    wallMs: clock.wallMs(),
    monoUs: clock.monoUs(),
    exchange: exchangeId(n),
    direction: 'down',
    message: 'response',
    final: true,
    status: 200,
    wireBytes: 2000,
    payload: payload(`{"jsonrpc":"2.0","id":${n},"result":{"content":[{"type":"text","text":"${'log line '.repeat(300)}"}]}}`),
    ...more,
  };
}

export function closeDraft(clock: Clock): EntryDraft {
  return { kind: 'close', wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0 };
}

export function exchangeId(n: number) {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, n);
  return idFromBytes('exc', id);
}

const uint = fc.oneof(fc.nat(30), fc.nat(70_000), fc.maxSafeNat());
const positive = uint.map((n) => n + (n < Number.MAX_SAFE_INTEGER ? 1 : 0));
const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const idOf = <K extends 'log' | 'exc' | 'dec'>(kind: K) => fixed(16).map((b) => idFromBytes(kind, b));
const keysOf = <K extends string>(record: Record<K, number>) => fc.constantFrom(...(Object.keys(record) as K[]));

/** Any leaf that can be written. */
export const anyLeaf: fc.Arbitrary<Leaf> = fc.record(
  {
    logId: idOf('log'),
    index: uint,
    kind: keysOf(entryKinds),
    wallMs: uint,
    monoUs: uint,
    nonce: fixed(16),
    final: fc.boolean(),
    failed: fc.boolean(),
    maskedCount: fc.oneof(fc.constant(0), positive),
    wireBytes: fc.oneof(fc.constant(0), positive),
    storedBytes: fc.oneof(fc.constant(0), positive),
    exchange: idOf('exc'),
    parent: idOf('exc'),
    direction: keysOf(directions),
    message: keysOf(messageKinds),
    status: uint,
    decision: fc.record({ effect: keysOf(effects), id: idOf('dec'), rule: fc.string({ unit: 'binary' }) }, { requiredKeys: ['effect', 'id'] }),
    policyHash: fixed(32),
    maskerVersion: fc.string({ unit: 'grapheme' }),
    payloadCommitment: fixed(32),
    namesCommitment: fixed(32),
    mac: fixed(16),
    messageNumber: uint,
    totals: fc.record({ entries: uint, calls: uint, denied: uint, masked: uint }),
    subject: idOf('log'),
    head: fc.record({ size: uint, root: fixed(32) }),
    seen: fc.record({ size: uint, root: fixed(32) }),
  },
  { requiredKeys: ['logId', 'index', 'kind', 'wallMs', 'monoUs', 'nonce', 'final', 'failed', 'maskedCount', 'wireBytes', 'storedBytes'] },
);

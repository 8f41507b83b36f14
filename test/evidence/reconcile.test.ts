import { expect, test } from 'vitest';
import { idFromBytes } from '../../src/base/ids.ts';
import type { Leaf } from '../../src/evidence/leaf.ts';
import { type LaptopPart, reconcile } from '../../src/evidence/reconcile.ts';
import { bytes, exchangeId, logId } from './samples.ts';

const base: Leaf = {
  logId,
  index: 0,
  kind: 'message',
  wallMs: 1,
  monoUs: 1,
  nonce: bytes(16, 1),
  final: false,
  failed: false,
  maskedCount: 0,
  wireBytes: 9,
  storedBytes: 0,
};
const decision = (effect: 'allow' | 'deny' | 'hold') => ({ effect, id: idFromBytes('dec', bytes(16, 1)) });
const up = (mac: number, more: Partial<Leaf> = {}): Leaf => ({
  ...base,
  exchange: exchangeId(1),
  direction: 'up',
  message: 'request',
  mac: bytes(16, mac),
  messageNumber: 0,
  decision: decision('allow'),
  ...more,
});
const denied = (mac: number): Leaf => up(mac, { kind: 'decision', decision: decision('deny'), final: true, failed: true });
const held = (mac: number): Leaf => up(mac, { kind: 'decision', decision: decision('hold') });
/** Messages to the client by their MACs; the last is the answer. */
const down = (...macs: number[]): Leaf[] => [...events(...macs.slice(0, -1)), said(macs.length - 1, macs.at(-1) ?? 0)];
const said = (messageNumber: number, mac: number, more: Partial<Leaf> = {}): Leaf => ({
  ...base,
  exchange: exchangeId(1),
  direction: 'down',
  message: 'response',
  mac: bytes(16, mac),
  messageNumber,
  status: 200,
  final: true,
  ...more,
});
const events = (...macs: number[]): Leaf[] => macs.map((mac, i) => said(i, mac, { message: 'notification', final: false }));
const refusal = (messageNumber = 0): Leaf => said(messageNumber, 77, { failed: true });
const end = (more: Partial<Leaf> = {}): Leaf => ({
  ...base,
  exchange: exchangeId(1),
  direction: 'down',
  message: 'end',
  final: true,
  namesCommitment: bytes(32, 1),
  ...more,
});

const cases: readonly [string, Leaf[], Leaf[], LaptopPart, string][] = [
  ['an answered call', [up(1), ...down(2)], [up(1), ...down(2)], 'complete', 'matched'],
  ['a stream', [up(1), ...down(2, 3)], [up(1), ...down(2, 3)], 'complete', 'matched'],
  ['a notification', [up(1), end({ status: 202 })], [up(1), end({ status: 202 })], 'complete', 'matched'],
  ['another request', [up(1), ...down(2)], [up(9), ...down(2)], 'complete', 'differs'],
  ['a second request in an exchange', [up(1), up(8), ...down(2)], [up(1), ...down(2)], 'complete', 'differs'],
  ['a request without what was in it', [up(1, { mac: undefined }), ...down(2)], [up(1), ...down(2)], 'complete', 'differs'],
  ['another answer', [up(1), ...down(2)], [up(1), ...down(9)], 'complete', 'differs'],
  ['one message of a stream exchanged', [up(1), ...down(2, 3)], [up(1), ...down(9, 3)], 'complete', 'differs'],
  ['messages in another order', [up(1), ...down(2, 3)], [up(1), ...down(3, 2)], 'complete', 'differs'],
  ['a message left out of a stream', [up(1), said(1, 3)], [up(1), ...down(2, 3)], 'complete', 'differs'],
  ['a message left out, the others counted anew', [up(1), ...down(3)], [up(1), ...down(2, 3)], 'complete', 'differs'],
  ['a message put into a stream', [up(1), ...down(2, 8, 3)], [up(1), ...down(2, 3)], 'complete', 'differs'],
  ['a call that the gateway denied', [up(1), refusal()], [denied(1)], 'complete', 'matched'],
  ['a denied call with an answer after all', [up(1), ...down(2)], [denied(1)], 'complete', 'missing'],
  ['a denied call with more than the denial', [up(1), refusal(), refusal(1)], [denied(1)], 'complete', 'missing'],
  ['a call that the laptop denied', [denied(1)], [], 'complete', 'matched'],
  ['a call that the laptop says it denied', [denied(1)], [up(1), ...down(2)], 'complete', 'differs'],
  ['a held call with keep-alives', [up(1), ...down(7, 8, 2)], [held(1), up(1), ...down(7, 8, 2)], 'complete', 'matched'],
  ['a held call that was never approved', [up(1), refusal()], [held(1), end({ failed: true })], 'complete', 'matched'],
  ['a held call that was never approved, with an answer', [up(1), ...down(2)], [held(1), end({ failed: true })], 'complete', 'missing'],
  ['a held call whose answer was exchanged', [up(1), ...down(9)], [held(1), up(1), ...down(2)], 'complete', 'differs'],
  ['a held call whose answer became a failure', [up(1), refusal()], [held(1), up(1), ...down(2)], 'complete', 'differs'],
  ['a held call with a page in place of an answer', [up(1), refusal()], [held(1), up(1), said(0, 2, { message: 'http', status: 500 })], 'complete', 'matched'],
  ['a client that gave up', [up(1), end()], [up(1), ...down(2)], 'complete', 'truncated'],
  ['a client that gave up before the gateway had the call', [up(1), end()], [], 'complete', 'truncated'],
  ['a client that gave up, with an answer of its own', [up(1), ...down(8), end()], [up(1), ...down(2)], 'complete', 'differs'],
  ['a stream that broke off', [up(1), ...events(2), end()], [up(1), ...events(2), end()], 'complete', 'matched'],
  ['a stream that broke off, and more of it', [up(1), ...events(2, 3), end()], [up(1), ...events(2), end()], 'complete', 'missing'],
  ['an upstream that was not there', [up(1), refusal()], [up(1), end({ failed: true })], 'complete', 'matched'],
  ['an upstream that was not there, with an answer', [up(1), ...down(5)], [up(1), end({ failed: true })], 'complete', 'missing'],
  ['an answer still to come from the laptop', [up(1), ...events(2)], [up(1), ...down(2, 3)], 'pending', 'laptop_pending'],
  ['a call still to come from the laptop', [], [up(1), ...down(2)], 'pending', 'laptop_pending'],
  ['a client without a forwarder', [], [up(1), ...down(2)], 'none', 'no_laptop_record'],
  ['a call that the laptop’s log lacks', [], [up(1), ...down(2)], 'complete', 'missing'],
  ['an answer that the laptop’s log lacks', [up(1), said(0, 2, { final: true })], [up(1), ...down(2, 3)], 'complete', 'missing'],
  ['a call that the gateway lacks', [up(1), ...down(2)], [], 'complete', 'missing'],
  ['an answer that the gateway lacks', [up(1), ...down(2, 3)], [up(1), said(0, 2)], 'complete', 'missing'],
];

test.each(cases)('%s', (_what, laptop, gateway, part, state) => {
  const { counts, exchanges } = reconcile(laptop, gateway, part);
  expect(exchanges.map((found) => found.state)).toEqual([state]);
  expect(counts[state as 'matched']).toBe(1);
});

test('what a server’s process did is only where it runs, and no call', () => {
  const started = said(0, 9, { message: 'process', exchange: exchangeId(2) });
  const { counts, exchanges } = reconcile([up(1), ...down(2)], [started, up(1), ...down(2)], 'complete');
  expect([counts.matched, counts.missing, exchanges.length]).toEqual([1, 0, 1]);
});

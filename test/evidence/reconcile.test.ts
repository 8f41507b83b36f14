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
  decision: decision('allow'),
  ...more,
});
const down = (mac: number, more: Partial<Leaf> = {}): Leaf => ({
  ...base,
  exchange: exchangeId(1),
  direction: 'down',
  message: 'response',
  mac: bytes(16, mac),
  ...more,
});
const end = (more: Partial<Leaf> = {}): Leaf => ({
  ...base,
  exchange: exchangeId(1),
  direction: 'down',
  message: 'end',
  namesCommitment: bytes(32, 1),
  ...more,
});

test.each<[string, Leaf[], Leaf[], LaptopPart, string]>([
  ['an answered call', [up(1), down(2)], [up(1), down(2)], 'complete', 'matched'],
  ['a stream', [up(1), down(2), down(3)], [up(1), down(2), down(3)], 'complete', 'matched'],
  ['another request', [up(1), down(2)], [up(9), down(2)], 'complete', 'differs'],
  ['another answer', [up(1), down(2)], [up(1), down(9)], 'complete', 'differs'],
  ['one answer of a stream exchanged', [up(1), down(2), down(3)], [up(1), down(9), down(3)], 'complete', 'differs'],
  ['answers in another order', [up(1), down(2), down(3)], [up(1), down(3), down(2)], 'complete', 'differs'],
  ['a call that the gateway denied', [up(1), down(2)], [up(1, { kind: 'decision', decision: decision('deny') })], 'complete', 'matched'],
  ['a call that the laptop denied', [up(1, { kind: 'decision', decision: decision('deny') })], [], 'complete', 'matched'],
  [
    'a held call with keep-alives',
    [up(1), down(7, { message: 'notification' }), down(8, { message: 'notification' }), down(2)],
    [up(1, { kind: 'decision', decision: decision('hold') }), up(1), down(2)],
    'complete',
    'matched',
  ],
  ['a held call that was never approved', [up(1), down(2)], [up(1, { kind: 'decision', decision: decision('hold') })], 'complete', 'matched'],
  [
    'a held call whose answer was exchanged',
    [up(1), down(9)],
    [up(1, { kind: 'decision', decision: decision('hold') }), up(1), down(2)],
    'complete',
    'differs',
  ],
  ['a client that gave up', [up(1), end()], [up(1), down(2)], 'complete', 'truncated'],
  ['a client that gave up before the gateway had the call', [up(1), end()], [], 'complete', 'truncated'],
  ['an upstream that broke off', [up(1), down(2), end({ failed: true })], [up(1), down(2), end({ failed: true })], 'complete', 'matched'],
  ['an upstream that was not there', [up(1), down(5)], [up(1), end({ failed: true })], 'complete', 'matched'],
  ['an answer still to come from the laptop', [up(1), down(2)], [up(1), down(2), down(3)], 'pending', 'laptop_pending'],
  ['a call still to come from the laptop', [], [up(1), down(2)], 'pending', 'laptop_pending'],
  ['a client without a forwarder', [], [up(1), down(2)], 'none', 'no_laptop_record'],
  ['a call that the laptop’s log lacks', [], [up(1), down(2)], 'complete', 'missing'],
  ['an answer that the laptop’s log lacks', [up(1), down(2)], [up(1), down(2), down(3)], 'complete', 'missing'],
  ['a call that the gateway lacks', [up(1), down(2)], [], 'complete', 'missing'],
  ['an answer that the gateway lacks', [up(1), down(2), down(3)], [up(1), down(2)], 'complete', 'missing'],
])('%s', (_what, laptop, gateway, part, state) => {
  const { counts, exchanges } = reconcile(laptop, gateway, part);
  expect(exchanges.map((found) => found.state)).toEqual([state]);
  expect(counts[state as 'matched']).toBe(1);
});

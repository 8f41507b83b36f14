import { expect, test } from 'vitest';
import { commitment } from '../../src/evidence/commitment.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { leafHash } from '../../src/evidence/merkle.ts';
import { decodeNames, seal } from '../../src/evidence/seal.ts';
import { emptyTail, extend } from '../../src/evidence/tail.ts';
import { answerDraft, closeDraft, countingRandom, handClock, logId, openDraft, requestDraft } from './samples.ts';

const random = countingRandom();

test('sealing commits to payload and names with salts of their own', () => {
  const draft = requestDraft(handClock(), 1);
  const entry = seal(draft, { logId, index: 7, random });
  const leaf = decodeLeaf(entry.leaf);
  const { payload, names } = entry;
  if (!payload || !names) throw new Error('sealed without payload or names');
  expect(leaf).toMatchObject({ logId, index: 7, kind: 'message', message: 'request', storedBytes: payload.bytes.length, messageNumber: 1 });
  expect(leaf.payloadCommitment).toEqual(new Uint8Array(commitment('payload', payload.salt, payload.bytes)));
  expect(leaf.namesCommitment).toEqual(new Uint8Array(commitment('names', names.salt, names.bytes)));
  expect(decodeNames(names.bytes)).toEqual(draft.names);
  expect(Buffer.from(entry.leafHash).equals(leafHash(entry.leaf))).toBe(true);
  const fresh = [leaf.nonce, payload.salt, names.salt].map((b) => Buffer.from(b).toString('hex'));
  expect(new Set(fresh).size).toBe(3);
  // The same draft sealed again gives another leaf: nothing about it can be guessed from its hash.
  expect(Buffer.from(seal(draft, { logId, index: 7, random }).leaf).equals(entry.leaf)).toBe(false);
});

test('the two commitments differ even over the same salt and bytes', () => {
  const salt = random(32);
  const stored = Buffer.from('{}');
  expect(Buffer.from(commitment('payload', salt, stored)).equals(commitment('names', salt, stored))).toBe(false);
});

test('a log counts its calls, its denials and its masks, and its last entry states them', () => {
  const clock = handClock();
  const denied = requestDraft(clock, 2, {
    kind: 'decision',
    decision: { effect: 'deny', id: requestDraft(clock, 2).decision?.id ?? ('' as never), rule: 'no-delete' },
    maskedCount: 2,
  });
  const notification = requestDraft(clock, 4, { message: 'notification', maskedCount: 0 });
  const { entries, tail } = extend(
    emptyTail(logId),
    [openDraft(clock), requestDraft(clock, 1), answerDraft(clock, 1), denied, notification, closeDraft(clock)],
    random,
  );
  expect(tail).toMatchObject({ calls: 2, denied: 1, masked: 3, last: { kind: 'close' } });
  expect(decodeLeaf(entries[5]?.leaf ?? new Uint8Array()).totals).toEqual({ entries: 6, calls: 2, denied: 1, masked: 3 });
  expect(entries.map((entry) => entry.index)).toEqual([0, 1, 2, 3, 4, 5]);
});

test('nothing goes behind the end of a log', () => {
  const clock = handClock();
  const { tail } = extend(emptyTail(logId), [openDraft(clock), closeDraft(clock)], random);
  expect(() => extend(tail, [requestDraft(clock, 1)], random)).toThrow(expect.objectContaining({ code: 'session_closed' }));
});

test('extending leaves the tail it was given as it is', () => {
  const clock = handClock();
  const { tail } = extend(emptyTail(logId), [openDraft(clock)], random);
  const before = Buffer.from(tail.frontier.encode());
  extend(tail, [requestDraft(clock, 1), answerDraft(clock, 1)], random);
  expect(before.equals(tail.frontier.encode())).toBe(true);
});

test('a clock that goes back is an entry of its own, in front of the one that shows it', () => {
  const clock = handClock();
  const { tail } = extend(emptyTail(logId), [openDraft(clock)], random);
  clock.advance(100);
  clock.set(clock.wallMs() - 60_000);
  const { entries } = extend(tail, [requestDraft(clock, 1)], random);
  expect(entries.map((entry) => entry.draft.kind)).toEqual(['clock', 'message']);
  expect(entries[0]?.draft.wallMs).toBe(clock.wallMs());
});

test('a draft that comes late moves up by both clocks', () => {
  const clock = handClock();
  const late = requestDraft(clock, 1);
  clock.advance(5_000);
  const { entries } = extend(emptyTail(logId), [openDraft(clock), late], random);
  expect(entries.map((entry) => entry.draft.kind)).toEqual(['open', 'message']);
  expect(entries[1]?.draft).toMatchObject({ monoUs: clock.monoUs(), wallMs: clock.wallMs() });
});

test('names over the limit are not sealed', () => {
  const metrics = Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`checkout.metric.number.${i}`, 1]));
  expect(() => seal({ ...requestDraft(handClock(), 1), names: { metrics } as never }, { logId, index: 0, random })).toThrow(
    expect.objectContaining({ code: 'leaf_invalid' }),
  );
});

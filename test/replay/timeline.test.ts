import { expect, test } from 'vitest';
import { markMasked } from '../../src/base/masked.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { decodeNames, type StoredEntry } from '../../src/evidence/seal.ts';
import { emptyTail, extend } from '../../src/evidence/tail.ts';
import { pace, readExchanges } from '../../src/replay/timeline.ts';
import { answerDraft, closeDraft, countingRandom, exchangeId, handClock, logId, openDraft, requestDraft } from '../evidence/samples.ts';

type Clock = ReturnType<typeof handClock>;

function stored(make: (clock: Clock) => readonly EntryDraft[]): StoredEntry[] {
  const clock = handClock();
  const { entries } = extend(emptyTail(logId), [openDraft(clock), ...make(clock)], countingRandom());
  return entries.map(({ index, leaf, names }) => ({ index, leaf: decodeLeaf(leaf), leafBytes: leaf, ...(names && { names: decodeNames(names.bytes) }) }));
}

const denial = (rule: string) =>
  ({ kind: 'decision', final: true, failed: true, decision: { effect: 'deny', id: `dec_${'0'.repeat(32)}`, rule } }) as const as Partial<EntryDraft>;
const end = (clock: Clock, n: number, note: string | undefined, failed = true): EntryDraft =>
  answerDraft(clock, n, { message: 'end', failed, ...(note !== undefined && { names: markMasked({ note }) }) });

test('an exchange is its request and what answers it, among others that overlap', () => {
  const entries = stored((clock) => {
    const drafts = [requestDraft(clock, 1)];
    clock.advance(5);
    drafts.push(requestDraft(clock, 2, { parent: exchangeId(1) }));
    clock.advance(10);
    drafts.push(answerDraft(clock, 1, { message: 'notification', final: false, names: markMasked({ method: 'notifications/progress' }) }));
    clock.advance(15);
    drafts.push(answerDraft(clock, 2, { maskedCount: 4 }), answerDraft(clock, 1));
    return drafts;
  });
  const [one, two, ...rest] = readExchanges(entries);
  expect(rest).toEqual([]);
  expect(one).toMatchObject({
    exchange: exchangeId(1),
    method: 'tools/call',
    tool: 'search_datadog_logs',
    status: 200,
    outcome: 'ok',
    durationMs: 30,
    maskedCount: 1,
    wireBytes: 101 + 4000,
  });
  expect(one?.request?.index).toBe(1);
  expect(one?.answers.map((entry) => entry.index)).toEqual([3, 5]);
  expect(two).toMatchObject({ parent: exchangeId(1), durationMs: 25, maskedCount: 6, startedMs: (one?.startedMs ?? 0) + 5 });
});

test.each<[string, (clock: Clock) => EntryDraft[], string]>([
  ['answered', (clock) => [requestDraft(clock, 1), answerDraft(clock, 1)], 'ok'],
  ['a notification, ended by a 202', (clock) => [requestDraft(clock, 1), end(clock, 1, undefined, false)], 'ok'],
  ['answered with an error', (clock) => [requestDraft(clock, 1), answerDraft(clock, 1, { failed: true })], 'failed'],
  ['an upstream that is not there', (clock) => [requestDraft(clock, 1), end(clock, 1, 'upstream_unreachable')], 'failed'],
  ['a client that went away', (clock) => [requestDraft(clock, 1), end(clock, 1, 'client_gone')], 'aborted'],
  ['no answer yet', (clock) => [requestDraft(clock, 1), answerDraft(clock, 1, { final: false })], 'pending'],
  ['no answer before the session ended', (clock) => [requestDraft(clock, 1), closeDraft(clock)], 'aborted'],
  ['denied by a rule', (clock) => [requestDraft(clock, 1, denial('no-delete'))], 'denied'],
  ['refused before it was read', (clock) => [requestDraft(clock, 1, { ...denial('protocol'), message: 'opaque' })], 'refused'],
  ['refused at the next hop', (clock) => [requestDraft(clock, 1), end(clock, 1, 'refused: grant-revoked')], 'refused'],
])('%s', (_what, make, outcome) => {
  const [exchange] = readExchanges(stored(make));
  expect(exchange?.outcome).toBe(outcome);
  expect(exchange?.durationMs === undefined).toBe(outcome === 'pending');
});

test('a denial names its rule', () => {
  expect(readExchanges(stored((clock) => [requestDraft(clock, 1, denial('no-delete'))]))).toMatchObject([{ rule: 'no-delete' }]);
});

test('an exchange whose request is cut off has its answers still', () => {
  const entries = stored((clock) => [requestDraft(clock, 1), answerDraft(clock, 1)]).slice(2);
  const [exchange] = readExchanges(entries);
  expect(exchange).toMatchObject({ outcome: 'ok' });
  expect(exchange?.request).toBeUndefined();
  expect(exchange?.answers).toHaveLength(1);
});

test('a replay keeps the recorded pace, faster, with long pauses cut', () => {
  const entries = stored((clock) => {
    clock.advance(100);
    const first = requestDraft(clock, 1);
    clock.advance(60_000);
    const second = answerDraft(clock, 1);
    return [first, second, { kind: 'crashed', wallMs: clock.wallMs(), monoUs: 1, wireBytes: 0 }];
  });
  expect(pace(entries, { speed: 1, pauseMsMax: 5_000 })).toEqual([0, 100, 5_000, 0]);
  expect(pace(entries, { speed: 4, pauseMsMax: 60_000 })).toEqual([0, 25, 15_000, 0]);
});

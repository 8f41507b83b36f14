import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { newId } from '../../src/base/ids.ts';
import { limits } from '../../src/base/limits.ts';
import { markMasked } from '../../src/base/masked.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import { answerDraft, closeDraft, openDraft, requestDraft } from '../evidence/samples.ts';
import { findingsOf, ids, journalPath, open, openSession, recordSession } from './support.ts';

test('what is recorded is read back as it was', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  const request = requestDraft(systemClock, 1);
  const answer = answerDraft(systemClock, 1);
  await log.append([request, answer]);
  const [opened, first, second, ...rest] = journal.entries(log.logId, 0, 10);
  expect(rest).toEqual([]);
  expect(opened?.leaf.kind).toBe('open');
  expect(first).toMatchObject({
    index: 1,
    names: request.names,
    leaf: { exchange: request.exchange, decision: request.decision, messageNumber: 1, final: false },
  });
  expect(Buffer.from(first?.payload ?? []).equals(request.payload ?? Buffer.of())).toBe(true);
  // Long enough to be stored compressed.
  expect(answer.payload?.length).toBeGreaterThan(limits.zstdBytesMin);
  expect(Buffer.from(second?.payload ?? []).equals(answer.payload ?? Buffer.of())).toBe(true);
  expect(second).toMatchObject({ index: 2, leaf: { final: true, status: 200, storedBytes: answer.payload?.length } });
  const [outlined] = journal.outline(log.logId, 1, 1);
  expect(outlined).toMatchObject({ index: 1, names: request.names, leaf: { storedBytes: request.payload?.length } });
  expect(outlined).not.toHaveProperty('payload');
});

test('a session is listed with its counts, from open to closed', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal, { gateway: 'https://mcprec.example.com' });
  await log.append([
    requestDraft(systemClock, 1),
    answerDraft(systemClock, 1),
    requestDraft(systemClock, 2, { kind: 'decision', decision: { effect: 'deny', id: newId('dec', ids), rule: 'no-delete' } }),
  ]);
  expect(journal.findSession(log.sessionId)).toMatchObject({
    sessionId: log.sessionId,
    logId: log.logId,
    connection: 'datadog',
    kind: 'mcp',
    record: 'full',
    gateway: 'https://mcprec.example.com',
    identity: { issuer: 'https://login.example.com', subject: 'u-1', email: 'ada@example.com' },
    state: 'open',
    size: 4,
    calls: 2,
    denied: 1,
    masked: 3,
    received: 0,
  });
  await log.close(closeDraft(systemClock));
  const closed = journal.findSession(log.sessionId.slice(4, 24));
  expect(closed).toMatchObject({ state: 'closed', size: 5 });
  expect(closed.endedMs).toBeGreaterThanOrEqual(closed.openedMs);
  expect(findingsOf(path)).toEqual([]);
});

test('sessions are filtered, newest first', async () => {
  using journal = open(journalPath());
  const first = await recordSession(journal, 0);
  const second = await openSession(journal, { connection: 'datadog-intake', kind: 'datadog-intake' });
  const third = await recordSession(journal, 0);
  const idsOf = (query: Parameters<typeof journal.sessions>[0]) => journal.sessions(query).map((session) => session.sessionId);
  expect(idsOf({ limit: 10 })).toEqual([third.sessionId, second.sessionId, first.sessionId]);
  expect(idsOf({ limit: 1 })).toEqual([third.sessionId]);
  expect(idsOf({ limit: 10, connection: 'datadog' })).toEqual([third.sessionId, first.sessionId]);
  expect(idsOf({ limit: 10, state: 'open' })).toEqual([second.sessionId]);
});

test('a prefix finds one session, or says why not', async () => {
  using journal = open(journalPath());
  const first = await recordSession(journal, 0);
  await recordSession(journal, 0);
  expect(journal.findSession(first.sessionId).sessionId).toBe(first.sessionId);
  expect(() => journal.findSession('ses_0')).toThrow(expect.objectContaining({ code: 'id_ambiguous' }));
  for (const unknown of ['ses_ffff', 'nonsense', '', 'ses_', '%', "' OR 1=1"]) {
    expect(() => journal.findSession(unknown)).toThrow(expect.objectContaining({ code: 'not_found' }));
  }
});

test('appends of one turn are one commit, in the order they came', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  const done: number[] = [];
  const appends = Array.from({ length: 50 }, (_, n) => log.append([requestDraft(systemClock, n)]).then(() => done.push(n)));
  expect(log.size).toBe(1);
  await appends[0];
  // All of them are in the file when the first one is told so.
  expect(log.size).toBe(51);
  await Promise.all(appends);
  expect(done).toEqual(Array.from({ length: 50 }, (_, n) => n));
  expect(journal.entries(log.logId, 1, 100).map((entry) => entry.leaf.messageNumber)).toEqual(done);
  expect(findingsOf(path)).toEqual([]);
});

test('several sessions of one process share commits and keep their logs apart', async () => {
  const path = journalPath();
  using journal = open(path);
  const logs = await Promise.all(Array.from({ length: 5 }, () => openSession(journal)));
  await Promise.all(Array.from({ length: 400 }, (_, n) => logs[n % 5]?.append([requestDraft(systemClock, n)])));
  await Promise.all(logs.map((log) => log.close(closeDraft(systemClock))));
  expect(logs.map((log) => log.size)).toEqual([82, 82, 82, 82, 82]);
  expect(findingsOf(path)).toEqual([]);
});

test('what cannot be sealed fails alone', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  const tooLong: EntryDraft = { ...requestDraft(systemClock, 2), names: markMasked({ uri: 'x'.repeat(limits.namesBytesMax) }) };
  const results = await Promise.allSettled([log.append([requestDraft(systemClock, 1)]), log.append([tooLong]), log.append([requestDraft(systemClock, 3)])]);
  expect(results).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'leaf_invalid' } }, { status: 'fulfilled' }]);
  expect(journal.entries(log.logId, 1, 10).map((entry) => entry.leaf.messageNumber)).toEqual([1, 3]);
  await log.close(closeDraft(systemClock));
  expect(findingsOf(path)).toEqual([]);
});

test('nothing is recorded behind the close of a session', async () => {
  using journal = open(journalPath());
  const log = await openSession(journal);
  await log.close(closeDraft(systemClock));
  await expect(log.append([requestDraft(systemClock, 1)])).rejects.toMatchObject({ code: 'session_closed' });
  await expect(log.close(closeDraft(systemClock))).rejects.toMatchObject({ code: 'session_closed' });
  expect(log.size).toBe(2);
});

test('an opening that is none is refused, and the next one goes through', async () => {
  const path = journalPath();
  using journal = open(path);
  for (const wrong of [{ session: 'ses_1' }, { connection: '' }, { kind: 'ftp' }, { record: 'some' }, { identity: { issuer: 'x' } }, { gateway: 5 }]) {
    await expect(openSession(journal, wrong)).rejects.toMatchObject({ code: 'leaf_invalid' });
  }
  const log = await openSession(journal);
  const again = { logId: newId('log', ids), open: openDraft(systemClock, { session: log.sessionId }) };
  await expect(journal.openSession(again)).rejects.toMatchObject({ code: 'bug' });
  expect(journal.sessions({ limit: 10 })).toHaveLength(1);
  expect(findingsOf(path)).toEqual([]);
});

test('too many waiting entries are refused instead of piling up', async () => {
  using journal = open(journalPath());
  const log = await openSession(journal);
  const many = Array.from({ length: limits.appendQueueMax }, (_, n) => requestDraft(systemClock, n));
  const first = log.append(many);
  await expect(log.append([requestDraft(systemClock, 0)])).rejects.toMatchObject({ code: 'journal_behind' });
  await first;
  await log.append([requestDraft(systemClock, 1)]);
  // One of them says that others were refused.
  expect(log.size).toBe(limits.appendQueueMax + 3);
});

test('disposing writes what waits', async () => {
  const path = journalPath();
  const journal = open(path);
  const log = await openSession(journal);
  const append = log.append([requestDraft(systemClock, 1)]);
  journal[Symbol.dispose]();
  await append;
  using again = open(path, { mode: 'read' });
  expect(again.findSession(log.sessionId).size).toBe(2);
});

test('the file belongs to its user alone', async () => {
  const path = journalPath();
  using journal = open(path);
  await openSession(journal);
  for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('batches are found by the metric, check or event they name', async () => {
  const path = journalPath();
  using journal = open(path);
  const intake = await openSession(journal, { connection: 'datadog-intake', kind: 'datadog-intake' });
  const batch = (n: number, metrics: Record<string, number>, more: Partial<EntryDraft> = {}) =>
    requestDraft(systemClock, n, {
      message: 'http',
      names: markMasked({ method: 'POST /api/v2/series', metrics, checks: { 'app.ok': n }, events: { deployed: 1 } }),
      ...more,
    });
  await intake.append([
    batch(1, { 'checkout.latency': 3, 'checkout.errors': 1 }),
    batch(2, { 'checkout.latency': 5 }, { kind: 'decision', decision: { effect: 'deny', id: newId('dec', ids), rule: 'r' } }),
    batch(3, { 'checkout.asked': 1 }, { message: 'request' }),
  ]);
  expect(journal.whoSent('metric', 'checkout.asked', 10)).toMatchObject([{ index: 3, asked: true }]);
  expect(journal.whoSent('metric', 'checkout.latency', 10).map(({ index, count, denied }) => ({ index, count, denied }))).toEqual([
    { index: 2, count: 5, denied: true },
    { index: 1, count: 3, denied: false },
  ]);
  expect(journal.whoSent('metric', 'checkout.errors', 10)).toMatchObject([
    { sessionId: intake.sessionId, connection: 'datadog-intake', identity: { subject: 'u-1' }, count: 1, asked: false },
  ]);
  expect(journal.whoSent('check', 'app.ok', 1)).toHaveLength(1);
  expect(journal.whoSent('event', 'deployed', 10)).toHaveLength(3);
  expect(journal.whoSent('metric', 'deployed', 10)).toEqual([]);
  expect(findingsOf(path)).toEqual([]);
});

test('walking a log reads all of it in order', async () => {
  using journal = open(journalPath());
  const log = await openSession(journal);
  await log.append(Array.from({ length: limits.readEntriesMax + 5 }, (_, n) => requestDraft(systemClock, n)));
  expect([...journal.walk(log.logId)].map((entry) => entry.index)).toEqual(Array.from({ length: limits.readEntriesMax + 6 }, (_, n) => n));
  expect(() => journal.entries(newId('log', ids), 0, 1)).toThrow(expect.objectContaining({ code: 'not_found' }));
});

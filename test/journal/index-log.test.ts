// Index logs and signed checkpoints of a journal: what they list, and what they show that the entries alone do not.
import { generateKeyPairSync } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { logSigner } from '../../src/evidence/checkpoint.ts';
import { Checkpointer } from '../../src/journal/checkpointer.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { requestDraft } from '../evidence/samples.ts';
import { findingsOf, journalPath, open, openSession, recordSession, tamper } from './support.ts';

const signerOf = () => logSigner(generateKeyPairSync('ed25519').privateKey);
const signer = signerOf();
const gateway = 'https://mcprec.example.com';
const codesOf = (path: string) => findingsOf(path).map(({ code }) => code);

async function signedJournal(path: string, key = signer): Promise<void> {
  using journal = open(path);
  await recordSession(journal, 2, { gateway });
  await recordSession(journal, 2);
  await journal.notary.signAll(gateway, key);
  await journal.notary.signAll(undefined, key);
}

const kindsOf = (journal: Journal, log: Parameters<Journal['entries']>[0]) => journal.entries(log, 0, 100).map(({ leaf }) => leaf.kind);

test('each gateway, and solo use, has an index log with a leaf for each session and its end', async () => {
  const path = journalPath();
  await signedJournal(path);
  using journal = open(path);
  const [ofGateway, solo] = [await journal.indexLog(gateway), await journal.indexLog(undefined)];
  expect(solo).not.toBe(ofGateway);
  for (const log of [ofGateway, solo]) expect(kindsOf(journal, log)).toEqual(['index', 'opened', 'ended', 'key-change']);
  const [session] = journal.sessions({ limit: 2, connection: 'datadog' }).filter((found) => found.gateway === gateway);
  const entries = journal.entries(ofGateway, 0, 10);
  expect(entries[1]?.leaf.subject).toBe(session?.logId);
  expect(entries[2]?.leaf).toMatchObject({ subject: session?.logId, head: { size: session?.size } });
  expect(findingsOf(path)).toEqual([]);
  expect(journal.verifier().verifySession(session?.sessionId as never)).toMatchObject({ signed: session?.size, receipted: 0 });
});

test('another device key is stated before it signs, and both hold', async () => {
  const path = journalPath();
  await signedJournal(path);
  await signedJournal(path, signerOf());
  expect(findingsOf(path)).toEqual([]);
});

test.each([
  ['a checkpoint re-signed with another key', async (path: string) => resign(path), ['signature_invalid']],
  [
    'a checkpoint with another root',
    async (path: string) =>
      tamper(path, (db) => db.exec("UPDATE checkpoints SET note = replace(note, char(10) || '6' || char(10), char(10) || '5' || char(10)) WHERE log_no = 2")),
    ['signature_invalid'],
  ],
  ['a session removed whole, with its traces in the numbers', async (path: string) => removeLast(path), ['session_missing']],
])('%s is found', async (_what, change, codes) => {
  const path = journalPath();
  await signedJournal(path);
  await change(path);
  expect(codesOf(path)).toEqual(codes);
});

async function resign(path: string): Promise<void> {
  tamper(path, (db) => db.exec('DELETE FROM checkpoints WHERE log_no = 2'));
  const stranger = signerOf();
  tamper(path, (db) => {
    const { log_id: id, frontier } = db.prepare('SELECT log_id, frontier FROM logs WHERE log_no = 2').get() as { log_id: Buffer; frontier: Buffer };
    const size = frontier.readUInt32BE(4);
    db.prepare('INSERT INTO checkpoints VALUES (2, ?, ?)').run(
      size,
      stranger.sign(`mcprec/log/${id.toString('hex')}`, { size, root: frontier.subarray(8, 40) }),
    );
  });
}

/** As somebody does who knows SQLite: the counter is set back too. */
function removeLast(path: string): void {
  tamper(path, (db) =>
    db.exec(`DELETE FROM sessions WHERE log_no = 4; DELETE FROM entries WHERE entry_id >= ${4 * 2 ** 32}; DELETE FROM checkpoints WHERE log_no = 4;
      DELETE FROM logs WHERE log_no = 4; UPDATE sqlite_sequence SET seq = 3 WHERE name = 'logs'`),
  );
}

test('a session is signed after so many entries, soon after any, at each heartbeat and at its end', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] });
  try {
    const path = journalPath();
    using journal = open(path);
    const log = await openSession(journal);
    const trouble: unknown[] = [];
    const seen = { size: 9, root: new Uint8Array(32) };
    const checkpointer = new Checkpointer({
      log,
      notary: journal.notary,
      signer,
      clock: systemClock,
      seen: () => seen,
      trouble: (error) => trouble.push(error),
    });
    const signed = () => journal.verifier().verifySession(log.sessionId).signed;
    await vi.advanceTimersByTimeAsync(limits.checkpointMs);
    await vi.waitUntil(() => signed() === 1);
    for (let n = 0; n < limits.checkpointEntries; n++) await log.append([requestDraft(systemClock, n)]);
    await vi.waitUntil(() => signed() > limits.checkpointEntries - 2);
    await vi.advanceTimersByTimeAsync(limits.heartbeatMs);
    await vi.waitUntil(() => signed() === limits.checkpointEntries + 2);
    expect(journal.entries(log.logId, limits.checkpointEntries + 1, 1)[0]?.leaf).toMatchObject({ kind: 'heartbeat', seen });
    await log.append([requestDraft(systemClock, 1)]);
    await checkpointer.close();
    expect(signed()).toBe(log.size);
    expect([trouble, findingsOf(path)]).toEqual([[], []]);
  } finally {
    vi.useRealTimers();
  }
});

test('after an older copy was put back another index log begins, and says so', async () => {
  const path = journalPath();
  await signedJournal(path);
  using journal = open(path);
  const before = await journal.indexLog(gateway);
  await journal.restartIndex(gateway, 40);
  const after = await journal.indexLog(gateway);
  expect(JSON.parse(Buffer.from(journal.entries(after, 0, 1)[0]?.payload ?? []).toString())).toEqual({
    reason: 'restored',
    gateway,
    previous: { log: before, witnessed: 40 },
  });
  await recordSession(journal, 1, { gateway });
  await journal.notary.signAll(gateway, signer);
  expect(findingsOf(path)).toEqual([]);
});

// Erasure and retention: what is gone is gone from the file, the log verifies and says why; and bundles, by our code and by one that is not ours.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { markMasked } from '../../src/base/masked.ts';
import { parseBundle, verifyBundle } from '../../src/evidence/bundle.ts';
import { logSigner } from '../../src/evidence/checkpoint.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { entriesPerLog } from '../../src/journal/schema.ts';
import { closeDraft, payload, requestDraft } from '../evidence/samples.ts';
import { findingsOf, journalPath, open, openSession, tamper, temporaryDirectory } from './support.ts';

const signer = logSigner(generateKeyPairSync('ed25519').privateKey);
const secrets = ['forget-this-payload', 'forget.this.metric', 'forget-this-tool'];
const erasure = { kind: 'erasure', reason: 'asked for by the person', by: 'ada@example.com' } as const;

async function recordSecrets(journal: Journal, more: Record<string, unknown> = {}) {
  const log = await openSession(journal, more);
  for (let n = 0; n < 40; n++) {
    await log.append([
      requestDraft(systemClock, n, {
        payload: payload(`{"n":${n},"text":"${secrets[0]} ${randomBytes(n * 150).toString('hex')}"}`),
        names: markMasked({ tool: secrets[2] ?? '', metrics: { [secrets[1] ?? '']: n + 1 } }),
      }),
    ]);
  }
  await log.close(closeDraft(systemClock));
  await journal.notary.sign(log.logId, signer);
  return journal.findSession(log.sessionId);
}

/** Which of the secrets stand anywhere in the database file or beside it. */
function found(path: string): string[] {
  const text = ['', '-wal', '-shm'].map((end) => (existsSync(path + end) ? readFileSync(path + end, 'latin1') : '')).join('');
  return secrets.filter((secret) => text.includes(secret));
}

test('what is erased is nowhere in the file, and the log verifies as erased by authority', async () => {
  const path = journalPath();
  using journal = open(path);
  const session = await recordSecrets(journal);
  expect(found(path)).toEqual(secrets);
  await journal.eraser.remove(session, erasure, signer);
  journal.eraser.compact();
  expect(found(path)).toEqual([]);
  expect(findingsOf(path)).toEqual([]);
  expect(journal.verifier().verifySession(session.sessionId)).toMatchObject({ entries: 42, erased: 40, findings: [] });
  expect(journal.whoSent('metric', secrets[1] ?? '', 5)).toEqual([]);
});

test('a session of more entries than may wait for one commit', async () => {
  using journal = open(journalPath());
  const log = await openSession(journal);
  for (let n = 0; n <= limits.appendQueueMax; n += 1_000) {
    await log.append(Array.from({ length: 1_000 }, (_, i) => requestDraft(systemClock, n + i, { names: markMasked({ tool: 'a' }) })));
  }
  await log.close(closeDraft(systemClock));
  await journal.eraser.remove(journal.findSession(log.sessionId), erasure, signer);
  expect(journal.eraser.removableBytes(journal.findSession(log.sessionId))).toBe(0);
});

test('of sessions that were recorded side by side, what is erased is nowhere in the file and the rest stays', async () => {
  const path = journalPath();
  using journal = open(path);
  const logs = [await openSession(journal), await openSession(journal), await openSession(journal)];
  const mark = (k: number, n: number) => `mark-${k}-${n}-`;
  for (let n = 0; n < 120; n++) {
    // Rows between rows: SQLite moves them from page to page, and leaves copies behind.
    for (const [k, log] of logs.entries()) {
      const text = JSON.stringify(mark(k, n) + randomBytes((n * 37 + k * 101) % 700).toString('hex'));
      await log.append([requestDraft(systemClock, n, { payload: payload(text), names: markMasked({ tool: mark(k, n) }) })]);
    }
  }
  for (const log of logs) await log.close(closeDraft(systemClock));
  await journal.notary.signAll(undefined, signer);
  for (const log of logs.slice(0, 2)) await journal.eraser.remove(journal.findSession(log.sessionId), erasure, signer);
  journal.eraser.compact();
  const text = ['', '-wal'].map((end) => (existsSync(path + end) ? readFileSync(path + end, 'latin1') : '')).join('');
  expect([...text.matchAll(/mark-[01]-\d+-/g)]).toEqual([]);
  expect(new Set([...text.matchAll(/mark-2-\d+-/g)].map(([found]) => found)).size).toBe(120);
  expect(findingsOf(path)).toEqual([]);
});

test('an erased payload that was put back, and one that goes without an entry, are found', async () => {
  const path = journalPath();
  using journal = open(path);
  const session = await recordSecrets(journal);
  const columns = 'payload_salt, payload_coding, payload, names_salt, names';
  tamper(path, (db) => db.exec(`CREATE TABLE copy AS SELECT entry_id, ${columns} FROM entries`));
  await journal.eraser.remove(session, erasure, signer);
  tamper(path, (db) =>
    db.exec(`UPDATE entries SET (${columns}) = (SELECT ${columns} FROM copy c WHERE c.entry_id = entries.entry_id) WHERE entry_id = ${2 * entriesPerLog + 3}`),
  );
  expect(findingsOf(path).map(({ code, index }) => [code, index])).toContainEqual(['erased_restored', 3]);
  const other = await recordSecrets(journal);
  tamper(path, (db) => db.exec(`UPDATE entries SET payload = NULL, payload_salt = NULL WHERE entry_id = ${3 * entriesPerLog + 2}`));
  expect(journal.verifier().verifySession(other.sessionId).findings).toMatchObject([{ code: 'payload_missing', index: 2 }]);
});

test('an erasure that nobody signed does not count', async () => {
  const path = journalPath();
  using journal = open(path);
  const session = await recordSecrets(journal);
  await journal.eraser.remove(session, erasure, signer);
  tamper(path, (db) => db.exec('DELETE FROM checkpoints WHERE log_no = 1'));
  expect(journal.verifier().verifySession(session.sessionId).findings[0]?.code).toBe('payload_missing');
});

test('an open session is not erased, one without a receipt not pruned, a solo one is', async () => {
  const path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  const usage = { code: 'usage' };
  await expect(journal.eraser.remove(journal.findSession(log.sessionId), erasure, signer)).rejects.toMatchObject(usage);
  const ofGateway = await recordSecrets(journal, { gateway: 'https://mcprec.example.com' });
  const prune = { kind: 'retention', reason: 'older than 30d' } as const;
  await expect(journal.eraser.remove(ofGateway, prune, signer)).rejects.toMatchObject(usage);
  const solo = await recordSecrets(journal);
  const before = journal.eraser.fileBytes();
  expect(journal.eraser.removableBytes(solo)).toBeGreaterThan(50_000);
  await journal.eraser.remove(solo, prune, signer);
  journal.eraser.compact();
  expect(journal.eraser.fileBytes()).toBeLessThan(before);
  expect(journal.verifier().verifySession(solo.sessionId)).toMatchObject({ pruned: 40, receipted: 0, findings: [] });
  expect(journal.eraser.removableBytes(solo)).toBe(0);
});

const independent = new URL('../../docs/verify-bundle.mjs', import.meta.url).pathname;

/** What our code and the independent verifier make of a bundle. */
function judge(text: string): { readonly ours: readonly string[]; readonly code: number | null; readonly out: string } {
  const file = join(temporaryDirectory(), 'bundle.json');
  writeFileSync(file, text);
  const run = spawnSync(process.execPath, [independent, file], { encoding: 'utf8' });
  const report = verifyBundle(parseBundle(text));
  return { ours: [...report.findings, ...report.index.flatMap((one) => one.findings)].map(({ code }) => code), code: run.status, out: run.stdout + run.stderr };
}

type Loose = {
  session_log: { entries: { leaf: string; payload?: { bytes: string } }[]; checkpoints: string[] };
  index_logs: { entries: unknown[]; checkpoints: string[] }[];
};

test('a bundle verifies by itself, whole and after an erasure; whatever is changed in it, both verifiers find', async () => {
  using journal = open(journalPath());
  const session = await recordSecrets(journal);
  const whole = [...journal.exportSession(session.sessionId)].join('');
  expect(judge(whole)).toMatchObject({ ours: [], code: 0, out: expect.stringContaining('42 entries, 42 signed, 0 receipted: verified') });
  const changes: readonly ((bundle: Loose) => void)[] = [
    ({ session_log: log }) => void log.entries.splice(5, 1),
    ({ session_log: log }) => void log.entries.pop(),
    ({ session_log: log }) => void log.entries.splice(3, 0, log.entries[2] as never),
    ({ session_log: log }) => void log.entries.reverse(),
    ({ session_log: log }) => Object.assign(log.entries[3]?.payload ?? {}, { bytes: Buffer.from('other').toString('base64') }),
    ({ session_log: log }) => delete log.entries[3]?.payload,
    ({ session_log: log }) =>
      ([log.entries[3], log.entries[4]] = [{ ...(log.entries[3] as never as object), payload: log.entries[4]?.payload } as never, log.entries[4] as never]),
    ({ session_log: log }) => (log.checkpoints[0] = log.checkpoints[0]?.replace('\n42\n', '\n41\n') ?? ''),
    ({ index_logs: [index] }) => void index?.entries.splice(1, 1),
    ({ index_logs: [index] }) => void index?.entries.pop(),
  ];
  for (const [i, change] of changes.entries()) {
    const bundle = JSON.parse(whole) as Loose;
    change(bundle);
    const { ours, code } = judge(JSON.stringify(bundle));
    expect([i, ours.length > 0, code]).toEqual([i, true, 7]);
  }
  await journal.eraser.remove(session, erasure, signer);
  expect(judge([...journal.exportSession(session.sessionId)].join(''))).toMatchObject({ ours: [], code: 0 });
});

// What `mcprec verify` says of a journal that somebody tampered with who knows its format, but has not the device's key: which entry, and what it means.
import { generateKeyPairSync } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Database } from 'better-sqlite3';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { idFromBytes } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import { journalPath as journalIn } from '../../src/cli/home.ts';
import type { Io } from '../../src/cli/io.ts';
import { runVerify } from '../../src/cli/verify.ts';
import { logSigner, originOf } from '../../src/evidence/checkpoint.ts';
import type { Leaf } from '../../src/evidence/leaf.ts';
import { Frontier } from '../../src/evidence/merkle.ts';
import { entriesPerLog } from '../../src/journal/schema.ts';
import { bytes } from '../evidence/samples.ts';
import { open, recordSession, rewrite, tamper, temporaryDirectory } from '../journal/support.ts';

const signerOf = () => logSigner(generateKeyPairSync('ed25519').privateKey);
const signer = signerOf();
/** The first session's log; the index log is in front of it. */
const LOG = 2;
const at = (index: number) => LOG * entriesPerLog + index;
const columns = 'payload_salt, payload_coding, payload, names_salt, names';

async function verified(home: string): Promise<{ code: number; out: string }> {
  const stdout = new PassThrough();
  const io = { stdout, home, env: {}, clock: systemClock, random: systemRandom, signal: new AbortController().signal } as unknown as Io;
  const code = await runVerify({}, io);
  stdout.end();
  return { code, out: await text(stdout) };
}

/** A journal of two sessions, signed; the contents of the first are copied aside, and erased where that is asked for. */
async function journalFor(erase: boolean): Promise<string> {
  const home = temporaryDirectory();
  using journal = open(journalIn(home));
  const { sessionId } = await recordSession(journal, 4);
  await recordSession(journal, 4);
  await journal.notary.signAll(undefined, signer);
  tamper(journalIn(home), (db) => db.exec(`CREATE TABLE copy AS SELECT entry_id, ${columns} FROM entries`));
  if (erase) await journal.eraser.remove(journal.findSession(sessionId), { kind: 'erasure', reason: 'asked for' }, signer);
  return home;
}

const rewritten = (change: (leaves: Leaf[]) => Leaf[]) => (db: Database) => rewrite(db, LOG, change);
const leafOf = (leaves: Leaf[], index: number) => leaves[index] as Leaf;

function flip(db: Database): void {
  const payload = db.prepare('SELECT payload FROM entries WHERE entry_id = ?').pluck().get(at(3)) as Buffer;
  payload[payload.length >> 1] = (payload[payload.length >> 1] ?? 0) ^ 1;
  db.prepare('UPDATE entries SET payload = ? WHERE entry_id = ?').run(payload, at(3));
}

function swap(db: Database): void {
  const put = db.prepare(`UPDATE entries SET (${columns}) = (SELECT ${columns} FROM copy WHERE entry_id = ?) WHERE entry_id = ?`);
  put.run(at(5), at(3));
  put.run(at(3), at(5));
}

function resign(db: Database): void {
  const { log_id: id, frontier } = db.prepare('SELECT log_id, frontier FROM logs WHERE log_no = ?').get(LOG) as { log_id: Buffer; frontier: Buffer };
  const head = Frontier.decode(frontier);
  const note = signerOf().sign(originOf(idFromBytes('log', id)), { size: head.size, root: head.root() });
  db.prepare('UPDATE checkpoints SET note = ? WHERE log_no = ? AND size = ?').run(note, LOG, head.size);
}

test.each<[string, (db: Database) => void, RegExp]>([
  ['a payload byte flipped', flip, /entry 3: payload_(differs|unreadable): /],
  ['an entry edited with all hashes recomputed', rewritten((all) => all.with(3, { ...leafOf(all, 3), status: 500 })), /head_differs: .*this device signed/],
  ['an entry deleted in the middle', rewritten((all) => all.toSpliced(4, 1)), /end_missing: .*this device signed/],
  ['the end truncated', rewritten((all) => all.slice(0, -2)), /end_missing: .*this device signed/],
  ['two entries reordered', rewritten((all) => all.with(3, leafOf(all, 4)).with(4, leafOf(all, 3))), /head_differs: .*this device signed/],
  ['an entry inserted', rewritten((all) => all.toSpliced(4, 0, leafOf(all, 3))), /head_differs: .*this device signed/],
  ['the policy hash changed', rewritten((all) => all.with(3, { ...leafOf(all, 3), policyHash: bytes(32, 0x77) })), /head_differs: .*this device signed/],
  [
    'the clock set back',
    rewritten((all) => all.map((leaf, i) => (i < 4 ? leaf : { ...leaf, wallMs: leaf.wallMs - 3_600_000 }))),
    /entry 4: clock_unmarked: the wall clock was set back/,
  ],
  ['a payload swapped with another’s', swap, /entry 3: payload_differs: .*entry 5: payload_differs: /s],
  [
    'a session removed whole',
    (db) =>
      db.exec(
        `DELETE FROM sessions WHERE log_no = ${LOG}; DELETE FROM entries WHERE entry_id >= ${at(0)} AND entry_id < ${at(entriesPerLog)}; DELETE FROM checkpoints WHERE log_no = ${LOG}; DELETE FROM sent; DELETE FROM logs WHERE log_no = ${LOG}`,
      ),
    /journal: session_missing: /,
  ],
  ['a checkpoint re-signed with another key', resign, /signature_invalid: /],
])('%s is found', async (_what, change, said) => {
  const home = await journalFor(false);
  expect(await verified(home)).toMatchObject({ code: 0 });
  tamper(journalIn(home), change);
  expect(await verified(home)).toEqual({ code: 7, out: expect.stringMatching(said) });
});

test('an erased payload put back is found', async () => {
  const home = await journalFor(true);
  expect(await verified(home)).toEqual({ code: 0, out: expect.stringContaining('entries erased, authorised') });
  const put = `UPDATE entries SET (${columns}) = (SELECT ${columns} FROM copy c WHERE c.entry_id = entries.entry_id) WHERE entry_id = ${at(3)}`;
  tamper(journalIn(home), (db) => db.exec(put));
  expect(await verified(home)).toEqual({ code: 7, out: expect.stringMatching(/entry 3: erased_restored: what was erased by authority stands here again/) });
});

import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { journalPath as journalIn } from '../../src/cli/home.ts';
import type { Io } from '../../src/cli/io.ts';
import { runVerify, type VerifyOptions } from '../../src/cli/verify.ts';
import { open, recordSession, tamper, temporaryDirectory } from '../journal/support.ts';

async function run(home: string, options: VerifyOptions = {}, signal = new AbortController().signal): Promise<{ code: number; out: string }> {
  const stdout = new PassThrough();
  const io = { stdout, home, env: {}, clock: systemClock, random: systemRandom, signal } as unknown as Io;
  const code = await runVerify(options, io);
  stdout.end();
  return { code, out: await text(stdout) };
}

async function twoSessions(): Promise<{ home: string; first: string; second: string }> {
  const home = temporaryDirectory();
  using journal = open(journalIn(home));
  const first = await recordSession(journal, 2);
  const second = await recordSession(journal, 3, { connection: 'odd\u202ename' });
  return { home, first: first.sessionId, second: second.sessionId };
}

test('a journal that is as it was recorded', async () => {
  const { home, first, second } = await twoSessions();
  expect(await run(home)).toEqual({
    code: 0,
    out: `${first}  datadog  6 entries  verified\n${second}  odd\\u{202e}name  8 entries  verified\n2 sessions, 14 entries: all verified\n`,
  });
  expect(await run(home, { session: second })).toMatchObject({ code: 0, out: expect.stringContaining('1 session, 8 entries: all verified') });
});

test('a journal that was changed', async () => {
  const { home, first, second } = await twoSessions();
  tamper(journalIn(home), (db) => db.exec('DELETE FROM entries WHERE entry_id % 4294967296 = 3 AND entry_id > 3 * 4294967296'));
  const { code, out } = await run(home);
  expect(code).toBe(7);
  const lines = out.trimEnd().split('\n');
  expect(lines[0]).toBe(`${first}  datadog  6 entries  verified`);
  expect(lines[1]).toMatch(new RegExp(`^${second} .* 7 entries {2}\\d findings$`));
  expect(lines).toContain('  entry 3: entry_missing: entry 3 is missing: removed after it was recorded');
  expect(lines.at(-1)).toMatch(/^2 sessions, 13 entries: \d findings, 1 session not verified$/);
  expect(await run(home, { session: first })).toMatchObject({ code: 0 });
});

test('the answer for programs', async () => {
  const { home, first } = await twoSessions();
  tamper(journalIn(home), (db) => db.exec('DELETE FROM sessions WHERE log_no = 3'));
  const { code, out } = await run(home, { json: true });
  expect(code).toBe(7);
  expect(JSON.parse(out)).toMatchObject({
    verified: false,
    sessions: [{ sessionId: first, entries: 6, findings: [] }],
    findings: [{ code: 'session_missing' }, { code: 'session_missing' }],
  });
});

test('a session that is not there, and no journal at all', async () => {
  const { home } = await twoSessions();
  await expect(run(home, { session: 'ses_ffff' })).rejects.toMatchObject({ code: 'not_found' });
  await expect(run(temporaryDirectory())).rejects.toMatchObject({ code: 'not_found' });
});

test('Ctrl-C ends it', async () => {
  const { home } = await twoSessions();
  expect(await run(home, {}, AbortSignal.abort())).toEqual({ code: 130, out: '' });
});

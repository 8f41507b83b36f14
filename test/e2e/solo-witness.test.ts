// A witness of solo use: it co-signs the log of a laptop's solo sessions, and so an older copy, or another history, is found out.
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { type Sandbox, startSandbox } from '../../src/dev/sandbox.ts';
import { formatVerifier, type NoteVerifier, parseVerifier } from '../../src/evidence/note.ts';
import { type RunningWitness, startWitness } from '../../src/witness/server.ts';
import { startMcprec } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';
import { callMessage, post } from './clients.ts';
import { Connected, Laptop } from './harness.ts';

const directory = tempDir();
const logs: NoteVerifier[] = [];
const laptop = new Laptop();
let sandbox: Sandbox;
let witness: RunningWitness;
let named: string;

const witnessOn = (port: number) =>
  startWitness({
    name: 'witness.example/solo',
    keyFile: join(directory.path, 'key.pem'),
    stateFile: join(directory.path, 'state.json'),
    logs,
    host: '127.0.0.1',
    port,
    clock: systemClock,
    alarm: () => undefined,
  });

beforeAll(async () => {
  sandbox = await startSandbox();
  witness = await witnessOn(0);
  named = `${witness.url},${formatVerifier(witness.verifier)}`;
});
afterAll(async () => {
  await sandbox?.close();
  await witness?.[Symbol.asyncDispose]();
  laptop[Symbol.dispose]();
  directory[Symbol.dispose]();
});

const env = () => ({ ...laptop.env, MCPREC_WITNESS: named });

async function record(): Promise<{ readonly sessionId: string; readonly trouble: readonly string[] }> {
  const connected = await Connected.wait(startMcprec(['connect', '--url', sandbox.mcpUrl, '--json'], laptop.home, { env: env() }));
  await post(connected.endpoint, callMessage(1, 'search_datadog_logs', { query: 'a' }));
  const { sessionId } = connected.session();
  await connected[Symbol.asyncDispose]();
  const events = connected.process.stdout.map((line) => JSON.parse(line) as { event: string; message?: string });
  return { sessionId, trouble: events.flatMap(({ event, message }) => (event === 'trouble' && message !== undefined ? [message] : [])) };
}

async function verify() {
  await using command = startMcprec(['verify'], laptop.home, { env: env() });
  const { code } = await command.end();
  return { code, said: command.stdout.join('\n') };
}

test('it is told which log to know, co-signs it, and finds an older copy of the journal out', async () => {
  const unknown = await record();
  const [, key = ''] = /with --log (\S+)/.exec(unknown.trouble.join('\n')) ?? [];
  expect(await verify()).toMatchObject({ code: 7, said: expect.stringContaining(`with --log ${key}`) });
  const { port } = new URL(witness.url);
  await witness[Symbol.asyncDispose]();
  logs.push(parseVerifier(key));
  witness = await witnessOn(Number(port));

  expect((await record()).trouble).toEqual([]);
  copyFileSync(laptop.journal, join(directory.path, 'older.db'));
  expect((await record()).trouble).toEqual([]);
  expect(await verify()).toMatchObject({ code: 0, said: expect.stringMatching(/^.*3 sessions, \d+ entries: all verified$/s) });

  for (const end of ['', '-wal', '-shm']) rmSync(laptop.journal + end, { force: true });
  copyFileSync(join(directory.path, 'older.db'), laptop.journal);
  expect(await laptop.answer('verify')).toMatch(/2 sessions, \d+ entries: all verified\n$/);
  expect(await verify()).toEqual({
    code: 7,
    said: expect.stringMatching(/head_differs: solo sessions: the witness witness\.example\/solo has co-signed .*: an older copy of this journal was put back/),
  });
  expect((await record()).trouble.join('\n')).toMatch(/the solo log is not co-signed: the witness witness\.example\/solo has co-signed/);
});

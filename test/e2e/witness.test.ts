// A witness that must co-sign: the gateway and the laptop work with it, and say so where it is down, forgets, or belongs to somebody else.
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatVerifier, noteVerifier, rawPublicKey } from '../../src/evidence/note.ts';
import { freePort, startMcprec, type TestProcess } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { callMessage, post } from './clients.ts';
import { Connected, Laptop } from './harness.ts';
import { World } from './world.ts';

let world: World;
let directory: TempDir;
let witness: TestProcess;
let port: number;
let treeKey: string;
let witnessKey: string;
let maya: Laptop;

beforeAll(async () => {
  directory = tempDir();
  port = await freePort();
  world = await World.start();
  maya = new Laptop();
  await maya.login(world.url, 'maya.okafor');
  const id = await record();
  treeKey = (JSON.parse(await maya.answer('sessions', 'export', id)) as { tree: string }).tree;
  witnessKey = await startWitness();
  await world.gateway.stop();
  const text = readFileSync(world.config, 'utf8');
  writeFileSync(world.config, `${text}witnesses:\n  - { url: "http://127.0.0.1:${port}", key: "${witnessKey}" }\n`);
  await world.startGateway();
});
afterAll(async () => {
  await witness?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  maya?.[Symbol.dispose]();
  directory?.[Symbol.dispose]();
});

async function startWitness(): Promise<string> {
  const args = [
    'witness',
    '--name',
    'witness.example.com/w1',
    '--log',
    treeKey,
    '--listen',
    `127.0.0.1:${port}`,
    '--data',
    join(directory.path, 'w'),
    '--json',
  ];
  witness = startMcprec(args, directory.path);
  return (await witness.event<{ key: string }>('listening')).key;
}

/** One call (outside of an MCP session, which the server does not take) in a session of its own, over when this resolves. */
async function record(env: Readonly<Record<string, string>> = {}): Promise<string> {
  await using connected = await Connected.wait(startMcprec(['connect', 'datadog', '--json'], maya.home, { env: { ...maya.env, ...env } }));
  expect((await post(connected.endpoint, callMessage(1, 'search_datadog_logs', { query: 'a' }))).status).toBe(400);
  return connected.session().sessionId;
}

async function sync(key: string) {
  await using command = startMcprec(['sync'], maya.home, { env: { ...maya.env, MCPREC_WITNESS: key } });
  const { code } = await command.end();
  return { code, said: command.stderr };
}

async function receiptsOf(sessionId: string): Promise<string> {
  const { sessions } = await maya.json<{ sessions: { sessionId: string; receipted: number; size: number }[] }>('sessions', 'list');
  const found = sessions.find((one) => one.sessionId === sessionId);
  return found?.receipted === found?.size ? 'all' : String(found?.receipted);
}

test('a laptop that requires it gets receipts that it has co-signed', async () => {
  const id = await record({ MCPREC_WITNESS: witnessKey });
  expect(await receiptsOf(id)).toBe('all');
  expect(await maya.json('verify', '--session', id)).toMatchObject({ verified: true });
});

test('while it is down calls go on and nothing is receipted; once it is back the next sync gets the receipts', async () => {
  await witness.stop();
  const id = await record({ MCPREC_WITNESS: witnessKey });
  expect(await receiptsOf(id)).not.toBe('all');
  const down = await sync(witnessKey);
  expect(down.code).not.toBe(0);
  expect(down.said).toContain('witness');
  await startWitness();
  expect(await sync(witnessKey)).toMatchObject({ code: 0 });
  expect(await receiptsOf(id)).toBe('all');
});

test('a laptop that requires another witness takes no receipt', async () => {
  const stranger = noteVerifier('other.example.com/w2', 'cosignature', rawPublicKey(generateKeyPairSync('ed25519').privateKey));
  const id = await record({ MCPREC_WITNESS: formatVerifier(stranger) });
  expect(await receiptsOf(id)).not.toBe('all');
  const refused = await sync(formatVerifier(stranger));
  expect([refused.code, refused.said]).toEqual([7, expect.stringContaining('other.example.com/w2')]);
});

test('a gateway with an old copy of its data gets no co-signature: the witness has seen more', async () => {
  await world.gateway.stop();
  copyFileSync(world.file('database'), join(directory.path, 'old.db'));
  await world.startGateway();
  await record({ MCPREC_WITNESS: witnessKey });
  await world.gateway.stop();
  for (const end of ['-wal', '-shm']) rmSync(world.file('database') + end, { force: true });
  copyFileSync(join(directory.path, 'old.db'), world.file('database'));
  await world.startGateway();
  const id = await record({ MCPREC_WITNESS: witnessKey });
  expect(await receiptsOf(id)).not.toBe('all');
  const { code, said } = await sync(witnessKey);
  expect([code, said]).toEqual([7, expect.stringContaining('witness.example.com/w1')]);
  expect(witness.stderr).toMatch(/a rollback: \d+ entries, or another root, after \d+ were co-signed/);
});

// `witness: before-forward`: a call reaches the upstream only when its entry is in the gateway's tree and the required witness has signed that.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { formatVerifier, type NoteVerifier, noteVerifier, rawPublicKey } from '../../src/evidence/note.ts';
import { loadKeys } from '../../src/gateway/keys.ts';
import { type RunningWitness, startWitness } from '../../src/witness/server.ts';
import type { Caller } from './caller.ts';
import { TestWorld } from './support.ts';

const logs: NoteVerifier[] = [];
let world: TestWorld;
let sre: Caller;
let witness: RunningWitness;

const witnessOn = (port: number) =>
  startWitness({
    name: 'witness.example/w1',
    keyFile: join(world.directory, 'witness.pem'),
    stateFile: join(world.directory, 'witness.json'),
    logs,
    host: '127.0.0.1',
    port,
    clock: systemClock,
    alarm: () => undefined,
  });
const cosigned = (): number =>
  Object.values(JSON.parse(readFileSync(join(world.directory, 'witness.json'), 'utf8')) as Record<string, { size: number }>)[0]?.size ?? 0;

beforeAll(async () => {
  world = await TestWorld.start();
  witness = await witnessOn(0);
  const { signingKey } = loadKeys({ kind: 'file', path: join(world.directory, 'keys.json') }, {}, world.ids.random);
  logs.push(noteVerifier(new URL(world.gateway.publicUrl).host, 'ed25519', rawPublicKey(signingKey)));
  await world.changeConfig(
    (yaml) =>
      `${yaml.replace(/(datadog: \{ kind: mcp,)/, '$1 witness: before-forward,')}witnesses: [{ url: "${witness.url}", key: "${formatVerifier(witness.verifier)}" }]\n`,
  );
  sre = await world.caller('sre');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await witness[Symbol.asyncDispose]();
});

const call = { body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_logs","arguments":{}}}' };

it('a call goes on when the witness has co-signed, is refused while it is away, and goes on again', async () => {
  const grant = await sre.grant('datadog');
  const sent = () => world.upstream.received.length;
  const seen: number[] = [];
  world.upstream.server.prependListener('request', () => seen.push(cosigned()));
  for (let i = 0; i < 3; i++) expect((await grant.send(call)).status).toBe(200);
  // At each arrival the witness had signed a tree that was larger than at the one before.
  expect(seen).toHaveLength(3);
  expect(seen[0]).toBeGreaterThan(0);
  expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b));

  const { port } = new URL(witness.url);
  await witness[Symbol.asyncDispose]();
  const before = sent();
  const refused = await grant.send(call);
  expect([refused.status, refused.body.result.isError]).toEqual([200, true]);
  expect(JSON.stringify(refused.body)).toMatch(/witness.*cannot be reached.*not executed/);
  expect(sent()).toBe(before);
  // What asks for no witness is not held up.
  expect((await (await sre.grant('quiet')).send(call)).status).toBe(200);

  witness = await witnessOn(Number(port));
  const again = await grant.send(call);
  expect(again.body.result.isError).toBeUndefined();
  expect(sent()).toBe(before + 2);
});

it('a witness that takes the question and never answers is given up after its time: the call is refused, and the next one after that goes on', async () => {
  const grant = await sre.grant('datadog');
  const { port } = new URL(witness.url);
  await witness[Symbol.asyncDispose]();
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(Number(port), '127.0.0.1', resolve));
  const before = world.upstream.received.length;
  const refused = await grant.send(call);
  expect(refused.body.result.isError).toBe(true);
  expect(JSON.stringify(refused.body)).toMatch(/no co-signature came within 5 s|cannot be reached/);
  expect(world.upstream.received.length).toBe(before);
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
  witness = await witnessOn(Number(port));
  await expect.poll(async () => (await grant.send(call)).body.result.isError, { timeout: 10_000 }).toBeUndefined();
});

it('calls that come at once share a signature', async () => {
  const grant = await sre.grant('datadog');
  const answers = await Promise.all(Array.from({ length: 12 }, () => grant.send(call)));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
});

// A gateway that shows two people two histories, both signed with its key: neither sees it alone, and a witness that both ask tells.
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMcprec } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';
import { callMessage, post } from './clients.ts';
import { Laptop } from './harness.ts';
import { World } from './world.ts';

let world: World;
const maya = new Laptop();
const jonas = new Laptop();
const directory = tempDir();

beforeAll(async () => {
  world = await World.start({}, (yaml) => yaml.replaceAll('groups: [sre]', 'groups: [engineering]'));
  await maya.login(world.url, 'maya.okafor');
  await jonas.login(world.url, 'jonas.weber');
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  for (const laptop of [maya, jonas]) laptop[Symbol.dispose]();
  directory[Symbol.dispose]();
});

async function record(laptop: Laptop): Promise<string> {
  await using connected = await laptop.connect('datadog');
  await post(connected.endpoint, callMessage(1, 'search_datadog_logs', { query: 'a' }));
  return connected.session().sessionId;
}

/** `mcprec verify --gateway`, with a witness that is asked. */
async function verify(laptop: Laptop, witness = '') {
  await using command = startMcprec(['verify', '--gateway', world.url], laptop.home, { env: { ...laptop.env, MCPREC_WITNESS: witness } });
  const { code } = await command.end();
  return { code, said: command.stdout.join('\n') };
}

test('two people who are shown two histories find out by a witness, and whoever saw both alone', async () => {
  const id = await record(maya);
  const { tree } = JSON.parse(await maya.answer('sessions', 'export', id)) as { tree: string };
  await world.gateway.stop();
  const [first, second] = [join(directory.path, 'first.db'), join(directory.path, 'second.db')];
  const show = async (copy: string) => {
    await world.gateway.stop();
    for (const end of ['', '-wal', '-shm']) rmSync(world.file('database') + end, { force: true });
    copyFileSync(copy, world.file('database'));
    await world.startGateway();
  };
  copyFileSync(world.file('database'), second);
  await world.startGateway();
  await record(maya);
  await world.gateway.stop();
  copyFileSync(world.file('database'), first);
  await show(second);
  for (let n = 0; n < 3; n++) await record(jonas);
  expect(await verify(jonas)).toMatchObject({ code: 0 });

  const args = ['witness', '--name', 'witness.example.com/w1', '--log', tree, '--listen', '127.0.0.1:0', '--data', join(directory.path, 'w'), '--json'];
  await using witness = startMcprec(args, directory.path);
  const { key, url } = await witness.event<{ key: string; url: string }>('listening');
  // Its key, and where it is asked.
  expect(await verify(jonas, key)).toMatchObject({ code: 7, said: expect.stringContaining('lacks the signature of a required witness') });
  expect(await verify(jonas, `${url},${key}`)).toMatchObject({
    code: 0,
    said: expect.stringContaining('the witness witness.example.com/w1 was asked): all verified'),
  });
  await world.gateway.stop();
  copyFileSync(world.file('database'), second);
  await show(first);
  const shown = await verify(maya, `${url},${key}`);
  expect(shown).toEqual({
    code: 7,
    said: expect.stringMatching(/tree_differs: the witness witness\.example\.com\/w1 has co-signed .*others were shown another history/),
  });
  await show(second);
  const both = await verify(maya);
  expect(both).toEqual({ code: 7, said: expect.stringMatching(/tree_differs: .*two histories are shown/) });
  expect(both.said).toMatch(/session_missing: the gateway does not list ses_\S+, of which this laptop has a record/);
});

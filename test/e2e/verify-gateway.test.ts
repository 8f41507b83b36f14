// `mcprec verify --gateway`: what an engineer and an administrator see of it, before and after somebody wrote to the gateway's store.
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { newId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import { requestGrant } from '../../src/forwarder/grant.ts';
import { callMessage, post } from './clients.ts';
import { Laptop } from './harness.ts';
import { World } from './world.ts';

let world: World;
const maya = new Laptop();
const admin = new Laptop();

beforeAll(async () => {
  world = await World.start();
  await maya.login(world.url, 'maya.okafor');
  await admin.login(world.url, 'priya.raman');
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  for (const laptop of [maya, admin]) laptop[Symbol.dispose]();
});

test('it verifies both logs of each session, says which entry was changed, and misses what was removed', async () => {
  {
    await using connected = await maya.connect('datadog');
    await post(connected.endpoint, callMessage(7, 'search_datadog_logs', { query: 'service:checkout' }));
  }
  expect(await maya.answer('verify', '--gateway', world.url)).toMatch(
    /gateway \d+ entries, laptop \d+ entries, 1 matched {2}verified\n.*own sessions.*all verified\n$/,
  );
  await world.gateway.stop('SIGKILL');
  const db = new Database(world.file('database'));
  const log = db.prepare("SELECT log FROM logs WHERE vantage = 'forwarder'").pluck().get() as Buffer;
  db.prepare('DELETE FROM entries WHERE log = ? AND idx = 2').run(log);
  db.close();
  await world.startGateway();
  const { code, stdout } = await maya.run('verify', '--gateway', world.url);
  expect([code, stdout]).toEqual([7, expect.stringMatching(/laptop’s log, entry 2: entry_missing: .*removed after it was recorded/)]);
  const said = await maya.run('verify', '--gateway', world.url, '--json');
  expect(JSON.parse(said.stdout)).toMatchObject({ verified: false, whole: false, sessions: [{ connection: 'datadog' }] });
  const whole = JSON.parse((await admin.run('verify', '--gateway', world.url, '--json')).stdout);
  expect(whole).toMatchObject({ verified: false, whole: true, findings: [] });
});

type Listed = { sessions: { sessionId: string; laptop: string; reconciled: Record<string, number> }[] };

test('the gateway’s list shows how both records compare, and a session that was never synced as missing', async () => {
  const identity = await maya.identity();
  const wish = {
    connection: 'datadog',
    logId: newId('log', { clock: systemClock, random: systemRandom }),
    version: '1',
    reason: undefined,
    ttlSeconds: undefined,
  };
  const given = await requestGrant(identity, wish);
  if (!('grant' in given)) throw new Error('the grant waits for an approval');
  const { sessionId: lost, grantId } = given.grant.response;
  const stateOf = async (id: string) =>
    (await maya.json<Listed>('sessions', 'list', '--gateway', world.url)).sessions.find(({ sessionId }) => sessionId === id);
  expect(await stateOf(lost)).toMatchObject({ laptop: 'pending' });
  await identity.request('DELETE', `/v1/grants/${grantId}`);
  await identity[Symbol.asyncDispose]();
  const synced = await (async () => {
    await using connected = await maya.connect('datadog');
    await post(connected.endpoint, callMessage(7, 'search_datadog_logs', { query: 'service:checkout' }));
    return connected.session().sessionId;
  })();
  expect(await stateOf(synced)).toMatchObject({ laptop: 'complete', reconciled: { matched: 1, missing: 0 } });
  expect(await stateOf(lost)).toMatchObject({ laptop: 'missing', reconciled: { matched: 0 } });
  const text = await maya.answer('sessions', 'list', '--gateway', world.url);
  expect(text).toMatch(/LAPTOP’S RECORD +RECONCILED\n/);
  expect(text).toMatch(/ complete +1 matched\n/);
  expect(text).toMatch(/ missing: it never came +no calls\n/);
  expect(await maya.answer('sessions', 'show', lost, '--gateway', world.url)).toMatch(/laptop +missing: it never came\nreconciled +no calls\n/);
  expect(await maya.json('sessions', 'show', synced, '--gateway', world.url)).toMatchObject({ session: { laptop: 'complete' }, reconciled: { exchanges: [] } });
});

// What becomes of recorded sessions, by the commands: shown with its receipts, exported, erased, pruned, verified; and an old journal put back.
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { platform } from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { tamper } from '../journal/support.ts';
import { startMcprec, TestProcess } from '../support/process.ts';
import { callMessage, modernClient, post } from './clients.ts';
import { Laptop } from './harness.ts';
import { gatewayEntries } from './records.ts';
import { World } from './world.ts';

const QUERY = 'forget-this-query';
let world: World;
const maya = new Laptop();

beforeAll(async () => {
  world = await World.start();
  await maya.login(world.url, 'maya.okafor');
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
});

/** A session with that many calls, over and receipted when this resolves. */
async function record(calls: number): Promise<string> {
  await using connected = await maya.connect('datadog');
  await using client = await modernClient(connected.endpoint);
  for (let n = 0; n < calls; n++) {
    const { isError = false } = await client.callTool({ name: 'search_datadog_logs', arguments: { query: `${QUERY} ${n}` } });
    expect(isError).toBe(false);
  }
  return connected.session().sessionId;
}

/** The same of a call that goes straight to the sandbox, which does not let it in. */
async function solo(): Promise<string> {
  await using connected = await maya.connect('--url', world.sandbox.mcpUrl);
  await post(connected.endpoint, callMessage(0, 'search_datadog_logs', { query: QUERY }));
  return connected.session().sessionId;
}

const file = (name: string) => join(maya.home, name);

/** True where the text stands anywhere in the journal's files. */
function isOnDisk(text: string): boolean {
  return ['', '-wal', '-shm'].some((end) => existsSync(maya.journal + end) && readFileSync(maya.journal + end, 'latin1').includes(text));
}

test('receipts are shown: of the gateway, or that a session is self-attested', async () => {
  const [ofGateway, alone] = [await record(1), await solo()];
  const { sessions } = await maya.json<{ sessions: { sessionId: string; size: number; receipted: number }[] }>('sessions', 'list');
  const listed = sessions.map(({ sessionId, size, receipted }) => [sessionId, receipted === size ? 'all' : receipted]);
  expect(listed).toEqual([
    [alone, 0],
    [ofGateway, 'all'],
  ]);
  expect(await maya.answer('sessions', 'list')).toMatch(/ RECEIPTS\n.* self-attested\n.* all\n$/);
  expect(await maya.answer('sessions', 'show', ofGateway)).toContain('receipts    the gateway has receipted all of it\n');
  expect(await maya.answer('sessions', 'show', alone)).toContain('receipts    self-attested: a solo session');
});

test('a bundle verifies by mcprec and by the independent verifier, and neither takes a changed one', async () => {
  const id = await record(2);
  const text = await maya.answer('sessions', 'export', id);
  expect(await maya.answer('sessions', 'export', id, '--json')).toMatch(/^\{"mcprec_bundle":1/);
  const independent = async (path: string) => {
    await using run = new TestProcess(process.execPath, [new URL('../../docs/verify-bundle.mjs', import.meta.url).pathname, path], {});
    return (await run.end()).code;
  };
  const [good, bad] = [file('good.json'), file('bad.json')];
  writeFileSync(good, text);
  const bundle = JSON.parse(text) as { session_log: { entries: unknown[] } };
  bundle.session_log.entries.splice(2, 1);
  writeFileSync(bad, JSON.stringify(bundle));
  expect(await maya.answer('verify', '--bundle', good)).toMatch(/^ses_\S+ {2}\d+ entries, \d+ signed, \d+ receipted by the gateway\nverified\n$/);
  expect(await maya.json('verify', '--bundle', good)).toMatchObject({ verified: true, session: { sessionId: id, findings: [] } });
  const refused = await maya.run('verify', '--bundle', bad);
  expect([refused.code, refused.stdout]).toEqual([7, expect.stringContaining('findings: not verified')]);
  expect([await independent(good), await independent(bad)]).toEqual([0, 7]);
  writeFileSync(bad, 'no bundle');
  const none = await maya.run('verify', '--bundle', bad);
  expect(none.code).not.toBe(0);
  expect(none.stderr).toMatch(/^mcprec: .+; .+\n$/);
  expect((await maya.run('verify', '--bundle', file('absent.json'))).stderr).toMatch(/^mcprec: cannot read .+; .+\n$/);
});

test('an erased session is nowhere in the file, and verifies as erased, authorised', async () => {
  const id = await record(1);
  expect(isOnDisk('search_datadog_logs')).toBe(true);
  for (const one of (await maya.json<{ sessions: { sessionId: string }[] }>('sessions', 'list')).sessions) {
    const printed = await maya.answer('sessions', 'erase', one.sessionId, '--reason', 'asked for');
    expect(printed).toMatch(/^ses_\S+: payloads and names of \d+ entries are erased; its log still verifies and says so\n$/);
  }
  expect([isOnDisk('search_datadog_logs'), isOnDisk(QUERY)]).toEqual([false, false]);
  expect(await maya.answer('verify', '--session', id)).toMatch(/ verified, \d+ entries erased, authorised\n/);
  expect(await maya.json('verify', '--session', id)).toMatchObject({ verified: true, sessions: [{ findings: [] }] });
  const shown = await maya.answer('sessions', 'show', id);
  expect(shown).toMatch(/^\d\d:\d\d:\S+ +erased +\w+ /m);
  expect(shown).not.toContain('not decodable');
  expect(await maya.json('sessions', 'erase', id)).toEqual({ sessionId: id, erased: expect.any(Number) });
  const nobody = await maya.run('sessions', 'erase', 'ses_ffff');
  expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringMatching(/^mcprec: .+; .+\n$/)]);
  await using connected = await maya.connect('datadog');
  const open = await maya.run('sessions', 'erase', connected.session().sessionId);
  expect([open.code, open.stderr]).toEqual([2, expect.stringMatching(/is open; close it first\n$/)]);
});

test('with --at-gateway the gateway erases its copy, where it may be asked to; its owner is shown why', async () => {
  const id = await record(1);
  const inStore = () => ['', '-wal'].some((end) => existsSync(world.file('database') + end) && readFileSync(world.file('database') + end).includes(QUERY));
  const refused = await maya.run('sessions', 'erase', id, '--at-gateway', '--gateway', world.url);
  expect([refused.code, refused.stderr]).toEqual([5, expect.stringMatching(/only administrators may erase sessions at this gateway; ask one of them/)]);
  expect([inStore(), isOnDisk(QUERY)]).toEqual([true, true]);
  using admin = new Laptop();
  await admin.login(world.url, 'priya.raman');
  // The start of an id that this journal does not know.
  for (const { sessionId } of (await maya.json<{ sessions: { sessionId: string; gateway?: string }[] }>('sessions', 'list')).sessions.filter(
    ({ gateway }) => gateway !== undefined,
  ))
    expect(await admin.answer('sessions', 'erase', sessionId.slice(0, 24), '--at-gateway', '--gateway', world.url, '--reason', 'asked for')).toBe(
      `${sessionId}: the gateway has erased its copy; this journal has none\n`,
    );
  expect(inStore()).toBe(false);
  expect(await maya.answer('verify', '--gateway', world.url)).toMatch(/erased, authorised.*verified\n.*all verified\n$/s);
  expect(await maya.answer('verify', '--session', id)).toMatch(/ entries {2}verified\n/);
});

test('what was erased before it was synced is taken without contents, and verifies at the gateway as erased, authorised', async () => {
  const QUIET = 'forget-before-sync';
  const id = await (async () => {
    await using connected = await maya.connect('datadog');
    await world.gateway.stop();
    await post(connected.endpoint, callMessage(1, 'search_datadog_logs', { query: QUIET }));
    return connected.session().sessionId;
  })();
  expect(isOnDisk(QUIET)).toBe(true);
  await maya.answer('sessions', 'erase', id);
  expect(isOnDisk(QUIET)).toBe(false);
  await world.startGateway();
  await maya.answer('sync');
  const said = await maya.answer('verify', '--gateway', world.url);
  expect(said).toMatch(new RegExp(`${id}.*laptop \\d+ entries \\(\\d+ erased, authorised\\).*verified\\n`));
  expect(said).toMatch(/all verified\n$/);
});

test('pruning removes what is old and receipted, or too much, and says what is self-attested', async () => {
  const [ofGateway, alone] = [await record(1), await solo()];
  expect(await maya.json('sessions', 'prune', '--keep', '30d')).toEqual({ pruned: [], selfAttested: 0, notReceipted: 0 });
  tamper(maya.journal, (db) => db.exec(`DELETE FROM receipts WHERE log_no = (SELECT log_no FROM sessions WHERE session_id = '${ofGateway}')`));
  const printed = await maya.answer('sessions', 'prune', '--max-size', '1KB');
  expect(printed).toContain('of them self-attested: nobody else has seen them\n');
  expect(printed).toContain('1 session kept: the gateway has not receipted all of it yet; run: mcprec sync\n');
  expect(await maya.answer('verify', '--session', alone)).toMatch(/ verified, \d+ entries pruned\n/);
  expect(await maya.answer('verify', '--session', ofGateway)).toMatch(/ entries {2}verified\n/);
  for (const flags of [[], ['--keep', 'long'], ['--max-size', 'much']]) {
    const wrong = await maya.run('sessions', 'prune', ...flags);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/^mcprec: .+; .+\n$/)]);
  }
});

test('with MCPREC_KEEP every connect prunes what is too old, and says so in the record', async () => {
  using laptop = new Laptop({ MCPREC_KEEP: '1ms' });
  const session = async () => {
    await using connected = await laptop.connect('--url', world.sandbox.mcpUrl);
    await post(connected.endpoint, callMessage(1, 'search_datadog_logs', { query: QUERY }));
    return connected.session().sessionId;
  };
  const [first, second] = [await session(), await session()];
  expect(await laptop.answer('verify', '--session', first)).toMatch(/ verified, \d+ entries pruned\n/);
  expect(await laptop.answer('verify', '--session', second)).toMatch(/ entries {2}verified\n/);
  await using wrong = startMcprec(['connect', '--url', world.sandbox.mcpUrl], laptop.home, { env: { MCPREC_MAX_SIZE: 'much' } });
  expect([(await wrong.end()).code, wrong.stderr]).toEqual([2, expect.stringContaining('MCPREC_MAX_SIZE much is no size such as 500MB')]);
});

test.skipIf(platform !== 'linux')('nothing secret stands in the list of processes', async () => {
  await using connected = await maya.connect('datadog');
  const { localToken } = connected.session();
  const lines = readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'latin1')] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
  expect(lines.some((line) => line.includes('connect') && line.includes('datadog'))).toBe(true);
  for (const secret of [localToken, maya.env.MCPREC_PASSPHRASE ?? '', world.sandbox.credentials.apiKey]) {
    expect(secret.length).toBeGreaterThan(8);
    expect(lines.filter((line) => line.includes(secret))).toEqual([]);
  }
});

test('at --journal-max calls are refused with the reason and not sent, and go on by themselves when there is room', async () => {
  using laptop = new Laptop();
  const target = ['--url', world.sandbox.mcpUrl];
  const noise = (n: number) => callMessage(n, 'search_datadog_logs', { query: randomBytes(6_000).toString('hex') });
  {
    await using connected = await laptop.connect(...target);
    for (let n = 0; n < 30; n++) await post(connected.endpoint, noise(n));
  }
  await using full = await laptop.connect(...target, '--journal-max', '250KB');
  const sent = () => world.callsOf('search_datadog_logs');
  let refused = '';
  for (let n = 0; n < 40 && refused === ''; n++) {
    const before = sent();
    const answer = await post(full.endpoint, noise(n));
    if (sent() === before) refused = answer.text;
  }
  expect(refused).toMatch(/cannot grow: the disk is full, or it is as large as it may be/);
  await laptop.answer('sessions', 'prune', '--max-size', '1KB');
  const before = sent();
  await post(full.endpoint, callMessage(99, 'search_datadog_logs', { query: 'a' }));
  expect(sent()).toBe(before + 1);
  await full[Symbol.asyncDispose]();
  expect(await laptop.json('verify')).toMatchObject({ verified: true });
});

test('an old copy of the journal put back is found at the next sync: two notes as an alarm, and an index log that says so', async () => {
  await record(1);
  copyFileSync(maya.journal, file('backup.db'));
  const lost = await record(1);
  copyFileSync(file('backup.db'), maya.journal);
  const id = await record(1);
  // Its own sync has found it already, or this one does; after that, syncing works again.
  await maya.run('sync');
  expect(await maya.answer('sync')).toMatch(/ has everything\n$| sent to /);
  expect(indexReasons()).toEqual(['new', 'restored']);
  const store = openSqliteStore(world.file('database'), { clock: systemClock, random: systemRandom });
  const alarms = await store.alarms();
  await store.close();
  expect(alarms).toMatchObject([
    { what: expect.stringContaining('a fork: entry'), known: expect.stringContaining('mcprec/log/'), shown: expect.stringContaining('mcprec/log/') },
  ]);
  expect(await maya.json('verify', '--session', id)).toMatchObject({ verified: true, sessions: [{ receipted: 6 }] });
  // What the old copy lacks, the gateway has.
  expect((await gatewayEntries(world.file('database'), lost, 'forwarder')).length).toBe(6);
  expect((await maya.run('sessions', 'show', lost)).code).toBe(2);
});

/** Why each index log of the gateway began. */
function indexReasons(): string[] {
  let reasons: string[] = [];
  tamper(maya.journal, (db) => {
    const rows = db.prepare("SELECT payload FROM entries JOIN indexes ON entry_id = indexes.log_no << 32 WHERE gateway <> '' ORDER BY log_no").pluck();
    reasons = (rows.all() as Buffer[]).map((payload) => (JSON.parse(payload.toString()) as { reason: string }).reason);
  });
  return reasons;
}

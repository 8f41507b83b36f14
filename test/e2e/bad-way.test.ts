// What stands in the way between a laptop and an upstream, row by row: each ends with one line that says what happened and what to do, and loses nothing.
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pressButtons } from '../support/press.ts';
import { freePort, TestProcess } from '../support/process.ts';
import { Laptop, type Outcome } from './harness.ts';
import { World } from './world.ts';

let world: World;
const maya = new Laptop();
const tomas = new Laptop();
beforeAll(async () => {
  world = await World.start();
  await maya.login(world.url, 'maya.okafor');
  await tomas.login(world.url, 'tomas.lind');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
  tomas[Symbol.dispose]();
});

/** Nothing on stdout, and one line on stderr, where a login may first say how it is kept. */
function expectError(outcome: Outcome, code: number, line: RegExp): void {
  expect(outcome).toMatchObject({ code, signal: null, stdout: '' });
  const lines = outcome.stderr.split('\n').filter((text) => text !== '' && !text.startsWith('mcprec: the login is kept in '));
  expect(lines).toEqual([expect.stringMatching(line)]);
}

describe('a gateway', () => {
  test('where nobody listens, at login', async () => {
    using laptop = new Laptop();
    const url = `http://127.0.0.1:${await freePort()}`;
    expectError(
      await laptop.run('login', '--gateway', url),
      6,
      new RegExp(`^mcprec: cannot reach the gateway ${url}: .*; check the address and that the gateway runs; then: mcprec doctor$`),
    );
    expect(readdirSync(laptop.home)).not.toContain('logins.json');
  });

  test('that is another server', async () => {
    using laptop = new Laptop();
    expectError(
      await laptop.run('login', '--gateway', world.sandbox.url),
      6,
      /^mcprec: http:\/\/127\.0\.0\.1:\d+ is not an mcprec gateway: .*; check the address given with --gateway$/,
    );
  });

  test('that nobody logged in to', async () => {
    using laptop = new Laptop();
    for (const command of [['whoami'], ['sync'], ['connect', 'datadog'], ['exec', 'datadog', '--', 'true']]) {
      expectError(await laptop.run(...command), 4, /^mcprec: .*; run: mcprec login/);
    }
  });

  test('that died since, at connect and exec: no session is left behind', async () => {
    using laptop = new Laptop();
    await using other = await World.start();
    await laptop.login(other.url, 'maya.okafor');
    await other.gateway.stop('SIGKILL');
    for (const command of [
      ['connect', 'datadog'],
      ['exec', 'datadog', '--', 'true'],
    ]) {
      expectError(
        await laptop.run(...command),
        6,
        /^mcprec: cannot reach the gateway http:\S+: .*; check the address and that the gateway runs; then: mcprec doctor$/,
      );
    }
    expect(await laptop.json('sessions', 'list')).toEqual({ sessions: [], more: false });
    expect((await laptop.run('doctor')).code).toBe(6);
  });
});

describe('an identity provider', () => {
  test('that is down, at login and when the token has ended', async () => {
    await using other = await World.start({ accessTokenSeconds: 2 });
    using logged = new Laptop();
    using fresh = new Laptop();
    await logged.login(other.url, 'maya.okafor');
    await other.provider.close();
    for (const [laptop, ...command] of [[fresh, 'login', '--gateway', other.url] as const, [logged, 'connect', 'datadog'] as const]) {
      expectError(await laptop.run(...command), 6, /^mcprec: .*identity provider.*; check that the identity provider is up; then try again$/);
    }
    // The login is not lost over it.
    expect((await logged.run('whoami')).code).toBe(0);
  });

  test.each(['code', 'account'] as const)('where the person says no on the page of the %s', async (refuse) => {
    using laptop = new Laptop();
    await using login = laptop.start('login', '--gateway', world.url, '--json');
    const { verificationUriComplete } = await login.event<{ verificationUriComplete: string }>('device_code');
    await pressButtons(verificationUriComplete, { refuse });
    expect(await login.end()).toEqual({ code: 4, signal: null });
    expect(login.stderr).toBe('mcprec: the login was refused on the provider’s page; run: mcprec login, and allow it\n');
    expect(existsSync(`${laptop.home}/credentials.enc`)).toBe(false);
  });

  test('where nobody confirms the code in time', async () => {
    await using other = await World.start({ deviceCodeSeconds: 1 });
    using laptop = new Laptop();
    const late = await laptop.run('login', '--gateway', other.url, '--json');
    expect(late.code).toBe(4);
    expect(late.stderr).toBe('mcprec: the code was not confirmed in time; run: mcprec login, and confirm the new code\n');
  });
});

describe('a connection', () => {
  test('that does not exist: the error names those that do', async () => {
    for (const command of [
      ['connect', 'datadgo'],
      ['exec', 'datadgo', '--', 'true'],
    ]) {
      expectError(
        await maya.run(...command),
        2,
        /^mcprec: there is no connection named datadgo; you may use: datadog, datadog-intake; choose one of these, or ask the platform owner for access$/,
      );
    }
    expectError(await tomas.run('connect', 'datadgo'), 2, /^mcprec: there is no connection named datadgo; there is none that you may use; /);
    expect(await maya.json('sessions', 'list')).toEqual({ sessions: [], more: false });
  });

  test('that is not allowed: the error names the groups that are', async () => {
    expectError(
      await tomas.run('connect', 'datadog'),
      5,
      /^mcprec: none of your groups may use connection datadog \(allowed: sre, engineering, automation\); ask the platform owner for access$/,
    );
  });

  test('beside one that is allowed: nothing is opened at all', async () => {
    expectError(await maya.run('connect', 'datadog', 'nope'), 2, /^mcprec: there is no connection named nope; /);
    const { sessions } = await maya.json<{ sessions: { state: string }[] }>('sessions', 'list');
    expect(sessions.map(({ state }) => state)).toEqual(['closed']);
  });

  test.each([
    [['connect'], 'mcprec: no connection is named; name one, e.g. mcprec connect datadog, or give --url URL, or -- COMMAND'],
    [['connect', 'datadog', '--port', '0x50'], 'mcprec: --port 0x50 is not a port; give a number from 1 to 65535'],
    [['connect', 'datadog', '--ttl', 'soon'], 'mcprec: --ttl soon is not a duration; write it like 30m or 1h'],
    [
      ['connect', '--url', 'ftp://x'],
      'mcprec: --url ftp://x is not an http or https URL; give the address of the server’s MCP endpoint, e.g. https://example.com/mcp',
    ],
  ])('asked for wrongly: %j', async (command, line) => {
    expect(await maya.run(...command)).toMatchObject({ code: 2, stdout: '', stderr: `${line}\n` });
  });
});

const oldNode = '/usr/bin/node';
const oldVersion = existsSync(oldNode) ? await versionOf(oldNode) : undefined;

/** This machine's own Node, where it is one that better-sqlite3 would crash; `npm run test:long` fetches one. */
test.skipIf(oldVersion === undefined || !/^v(1\d|20|21|22\.([0-9]|1[0-8]))\./.test(oldVersion))('a Node that is too old is refused in words', async () => {
  await using run = new TestProcess(oldNode, [new URL('../../bin/mcprec.js', import.meta.url).pathname, 'sessions'], {});
  expect((await run.end()).code).toBe(3);
  expect([run.stdout, run.stderr]).toEqual([[], `mcprec: Node ${oldVersion?.slice(1)} is too old; install Node 22.19 or newer (24 is the reference)\n`]);
});

async function versionOf(node: string): Promise<string | undefined> {
  await using run = new TestProcess(node, ['--version'], {});
  await run.end();
  return run.stdout[0];
}

// `connect` and `exec` as a person and a script meet them: places that stay, ports that are taken, ends, children.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listenOnLoopback } from '../../src/dev/listen.ts';
import { freePort } from '../support/process.ts';
import { callMessage, legacyClient, post } from './clients.ts';
import { DevProcess, Laptop } from './harness.ts';
import { brief } from './records.ts';
import { World } from './world.ts';

let dev: DevProcess;
const maya = new Laptop();
beforeAll(async () => {
  dev = await DevProcess.start();
  await maya.login(dev.gateway, 'maya.okafor');
});
afterAll(async () => {
  await dev[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
});

/** Something else that holds a port. */
async function holder(port: number): Promise<AsyncDisposable> {
  const server: Server = createServer();
  await listenOnLoopback(server, port);
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

describe('the place of a connection', () => {
  test('is printed for each client before a session is opened, and stays until --rotate', { timeout: 60_000 }, async () => {
    const printed = async (client: string, ...more: string[]) => JSON.parse(await maya.answer('connect', 'datadog', '--print-config', client, ...more));
    const { name, url } = await printed('json');
    expect([name, url]).toEqual(['datadog', expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/mcp$/)]);
    expect(await printed('claude-code')).toEqual({ mcpServers: { datadog: { type: 'http', url } } });
    expect(await printed('cursor')).toEqual({ mcpServers: { datadog: { url } } });
    expect(await printed('vscode')).toEqual({ servers: { datadog: { type: 'http', url } } });
    expect(await maya.run('sessions', 'list', '--json')).toMatchObject({ stdout: '{"sessions":[],"more":false}\n' });
    for (const run of [1, 2]) {
      await using connected = await maya.connect('datadog');
      expect([run, connected.session().endpoint]).toEqual([run, url]);
    }
    const rotated = (await printed('json', '--rotate')).url;
    expect(new URL(rotated).port).toBe(new URL(url).port);
    expect(rotated).not.toBe(url);
    await using connected = await maya.connect('datadog');
    expect(connected.session().endpoint).toBe(rotated);
    expect((await post(url, callMessage(1, 'x'))).status).toBe(401);
    const wrong = await maya.run('connect', 'datadog', '--print-config', 'emacs');
    expect(wrong).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'mcprec: --print-config emacs: no such client; choose one of claude-code, cursor, vscode, json\n',
    });
  });

  test('moves on, and says so, where the remembered port is taken; --port is never moved', async () => {
    const url = new URL(JSON.parse(await maya.answer('connect', 'datadog', '--print-config', 'json')).url);
    await using _ = await holder(Number(url.port));
    await using moved = maya.start('connect', 'datadog');
    await moved.line((line) => line.includes('endpoint'));
    expect(moved.stderr).toMatch(
      new RegExp(`^mcprec: port ${url.port} is in use, perhaps by another mcprec connect; this one listens on \\d+, which clients must be told\\n$`),
    );
    expect((await moved.stop('SIGINT')).code).toBe(0);
    const port = await freePort();
    await using taken = await holder(port);
    expect(taken).toBeDefined();
    const refused = await maya.run('connect', 'datadog', '--port', String(port));
    expect(refused).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `mcprec: port ${port} is in use; choose another with --port, or stop the process that holds it\n`,
    });
    // What was remembered stays remembered.
    expect(JSON.parse(await maya.answer('connect', 'datadog', '--print-config', 'json')).url).toBe(url.href);
    // A listener that could not be opened opened no session either.
    const { sessions } = await maya.json<{ sessions: { state: string }[] }>('sessions', 'list');
    expect(sessions.filter(({ state }) => state !== 'closed')).toEqual([]);
  });
});

test('several processes record into one journal, each in a session of its own', async () => {
  const all = await Promise.all([1, 2, 3].map(() => maya.connect('datadog')));
  expect(new Set(all.map((each) => new URL(each.endpoint).port)).size).toBe(3);
  await Promise.all(
    all.map(async (each) => {
      await using client = await legacyClient(each.endpoint);
      for (let i = 0; i < 10; i++) await client.callTool({ name: 'search_datadog_services', arguments: {} });
    }),
  );
  for (const each of all) expect(await each.process.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  for (const each of all) {
    const calls = maya
      .entries(each.session().sessionId)
      .map(brief)
      .filter((line) => line === 'message up request search_datadog_services');
    expect(calls).toHaveLength(10);
  }
  expect(await maya.json('sync', '--status')).toMatchObject({ entries: 0 });
  expect(await maya.json('verify')).toMatchObject({ verified: true });
});

describe('an end', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s is clean, with a stream open', async (signal) => {
    await using connected = await maya.connect('datadog');
    await using client = await legacyClient(connected.endpoint);
    const { sessionId } = connected.session();
    expect(await connected.process.stop(signal)).toEqual({ code: 0, signal: null });
    expect(await connected.process.event('closed')).toMatchObject({ unsynced: 0, sessions: [{ sessionId }] });
    const recorded = maya.entries(sessionId).map(brief);
    expect([recorded[0], recorded.at(-1)]).toEqual(['open', 'close']);
    await client.close();
  });

  test('with a call under way waits a little, then gives it up and says so on the record', async () => {
    await using connected = await maya.connect('datadog');
    await using client = await legacyClient(connected.endpoint);
    await dev.fail({ kind: 'stall', on: 'search_datadog_hosts' });
    const stalled = client.callTool({ name: 'search_datadog_hosts', arguments: {} }).then(
      () => 'answered',
      () => 'failed',
    );
    const { sessionId } = connected.session();
    await expect.poll(() => maya.entries(sessionId).map(brief)).toContain('message up request search_datadog_hosts');
    expect(await connected.process.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    const entries = maya.entries(sessionId);
    const { leaf } = entries.find(({ names }) => names?.tool === 'search_datadog_hosts') ?? {};
    expect(entries.filter((entry) => entry.leaf.exchange === leaf?.exchange).map(brief)).toEqual([
      'message up request search_datadog_hosts',
      'message down end session_closed',
    ]);
    await client.close();
    expect(await stalled).toBe('failed');
  });

  test('with a gateway that is gone keeps what was not sent, and says how to send it', async () => {
    await using other = await World.start();
    using laptop = new Laptop();
    await laptop.login(other.url, 'maya.okafor');
    await using process = laptop.start('connect', 'datadog');
    await process.line((line) => line.includes('session '));
    await other.gateway.stop('SIGKILL');
    expect((await process.stop('SIGINT')).code).toBe(0);
    expect(process.stderr).toMatch(/\d+ entries are not at the gateway yet \(.*\); run: mcprec sync\n/);
    const sync = await laptop.run('sync');
    expect([sync.code, sync.stdout]).toEqual([6, '']);
    expect(sync.stderr).toMatch(/^mcprec: .+; .+\n$/);
    expect((await laptop.json<{ entries: number }>('sync', '--status')).entries).toBeGreaterThan(0);
    expect(await laptop.json('verify')).toMatchObject({ verified: true });
  });
});

describe('exec', () => {
  const node = process.execPath;

  test('gives the child its variables and streams, and returns its code', async () => {
    const script =
      'process.stdin.on("data", (d) => process.stdout.write(d)).on("end", () => { console.log(JSON.stringify(process.env)); console.error("to stderr"); process.exit(7); })';
    await using run = maya.start('exec', 'datadog', 'datadog-intake', '--', node, '-e', script);
    run.child.stdin?.end('what came in\n');
    expect(await run.end()).toEqual({ code: 7, signal: null });
    expect(run.stdout[0]).toBe('what came in');
    expect(run.stderr).toBe('to stderr\n');
    const env = JSON.parse(run.stdout[1] ?? '') as Record<string, string>;
    expect(env).toMatchObject({
      MCPREC_ENDPOINT_DATADOG: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/.+\/mcp$/),
      MCPREC_ENDPOINT_DATADOG_INTAKE: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      DD_URL: env.MCPREC_ENDPOINT_DATADOG_INTAKE,
      DD_API_KEY: env.MCPREC_TOKEN_DATADOG_INTAKE,
    });
    expect(env.MCPREC_PASSPHRASE).toBeUndefined();
  });

  test('passes signals on, and says with its code which one ended the child', async () => {
    await using handled = maya.start(
      'exec',
      'datadog',
      '--',
      node,
      '-e',
      'process.on("SIGTERM", () => process.exit(3)); console.log("up"); setInterval(() => {}, 1e6)',
    );
    await handled.line((line) => line === 'up');
    expect(await handled.stop('SIGTERM')).toEqual({ code: 3, signal: null });
    await using killed = maya.start('exec', 'datadog', '--', node, '-e', 'console.log("up"); setInterval(() => {}, 1e6)');
    await killed.line((line) => line === 'up');
    expect(await killed.stop('SIGINT')).toEqual({ code: 130, signal: null });
    const { sessions } = await maya.json<{ sessions: { state: string }[] }>('sessions', 'list', '--state', 'open');
    expect(sessions).toEqual([]);
  });

  test('without a command, or with one that is not there, is a usage error and leaves no session open', async () => {
    expect(await maya.run('exec', 'datadog')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'mcprec: no command is given; write it behind --, e.g. mcprec exec datadog -- python report.py\n',
    });
    expect(await maya.run('exec', 'datadog', '--', '/no/such/program')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'mcprec: /no/such/program cannot be started: there is no such program; check its name and PATH\n',
    });
    expect((await maya.json<{ sessions: unknown[] }>('sessions', 'list', '--state', 'open')).sessions).toEqual([]);
  });
});

// Files that are damaged, locked, too new, wrong or not writable: each command says so in one line, and leaves them as they are.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/dev/sandbox.ts';
import { freePort, startMcprec } from '../support/process.ts';
import { RawServer } from '../support/raw-http.ts';
import { tempDir } from '../support/temp.ts';
import { callMessage, post } from './clients.ts';
import { Laptop } from './harness.ts';
import { brief } from './records.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const tool = 'search_datadog_services';
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

/** One call of `tool`, with the upstream's credential, as a solo client has it. */
function search(endpoint: string, id: number) {
  return post(
    endpoint,
    { ...callMessage(id, tool), params: { name: tool, arguments: {}, _meta: meta } },
    {
      dd_api_key: sandbox.credentials.apiKey,
      dd_application_key: sandbox.credentials.applicationKey,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': tool,
    },
  );
}

/** A laptop with one recorded session. */
async function recorded(): Promise<Laptop & { sessionId: string }> {
  const laptop = new Laptop();
  const connected = await laptop.connect('--url', sandbox.mcpUrl);
  expect((await search(connected.endpoint, 1)).status).toBe(200);
  await connected.process.stop();
  return Object.assign(laptop, { sessionId: connected.session().sessionId });
}

const journalCommands = [
  ['sessions'],
  ['sessions', 'list', '--json'],
  ['verify'],
  ['sync', '--status'],
  ['sync'],
  ['connect', '--url', 'http://127.0.0.1:9/mcp'],
];

describe('a journal', () => {
  test('that is damaged is named by every command, and not touched', async () => {
    using laptop = await recorded();
    const whole = readFileSync(laptop.journal);
    const damaged = Buffer.concat([Buffer.from('not a database'), whole.subarray(14)]);
    writeFileSync(laptop.journal, damaged);
    for (const command of journalCommands) {
      const { code, stdout, stderr } = await laptop.run(...command);
      expect([command, code, stdout]).toEqual([command, 7, '']);
      expect(stderr).toMatch(
        new RegExp(
          `^mcprec: the journal ${laptop.journal} is no database, or is damaged \\(.*\\); keep the file, set MCPREC_HOME to a new directory, and run: mcprec verify\\n$`,
        ),
      );
    }
    expect(readFileSync(laptop.journal).equals(damaged)).toBe(true);
    writeFileSync(laptop.journal, whole);
    expect(await laptop.json('verify')).toMatchObject({ verified: true });
  });

  test('with a changed entry opens, and verify says which one', async () => {
    using laptop = await recorded();
    const db = new Database(laptop.journal);
    db.exec(`UPDATE entries SET names = CAST(replace(CAST(names AS TEXT), 'services', 'monitors') AS BLOB) WHERE names IS NOT NULL`);
    db.close();
    const { code, stdout } = await laptop.run('verify');
    expect(code).toBe(7);
    expect(stdout).toMatch(/entry \d+: \w+: .*names/);
    expect((await laptop.run('sessions', 'list')).code).toBe(0);
  });

  test('of a newer mcprec is refused by every command, and not touched', async () => {
    using laptop = await recorded();
    const db = new Database(laptop.journal);
    db.pragma('user_version = 99');
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.close();
    const before = readFileSync(laptop.journal);
    for (const command of journalCommands) {
      const { code, stdout, stderr } = await laptop.run(...command);
      expect([command, code, stdout]).toEqual([command, 7, '']);
      expect(stderr).toMatch(/^mcprec: .*journal\.db.*99.*; install the newer mcprec that wrote it\n$/);
    }
    expect(readFileSync(laptop.journal).equals(before)).toBe(true);
  });

  test('that another program keeps locked: calls are refused and not sent, and go on by themselves; connect says so', { timeout: 60_000 }, async () => {
    using laptop = new Laptop();
    await using connected = await laptop.connect('--url', sandbox.mcpUrl);
    const db = new Database(laptop.journal);
    db.exec('BEGIN EXCLUSIVE');
    const before = sandbox.received().length;
    const [answer, other] = await Promise.all([search(connected.endpoint, 1), laptop.run('connect', '--url', sandbox.mcpUrl)]);
    expect(JSON.parse(answer.text)).toMatchObject({
      result: {
        isError: true,
        content: [
          {
            text: expect.stringMatching(
              /^Denied by rule "recording": the call cannot be recorded \(the journal .* was locked by another process for 5 s\)\. Find the process that holds the file\./,
            ),
          },
        ],
      },
    });
    expect(sandbox.received()).toHaveLength(before);
    expect(other).toMatchObject({
      code: 7,
      stdout: '',
      stderr: expect.stringMatching(/^mcprec: the journal .* was locked by another process for 5 s; find the process that holds the file\n$/),
    });
    // Who only reads is not kept from it.
    expect((await laptop.run('sessions', 'list')).code).toBe(0);
    db.exec('ROLLBACK');
    db.close();
    expect(JSON.parse((await search(connected.endpoint, 2)).text).result.content).toHaveLength(1);
    expect((await connected.process.stop()).code).toBe(0);
    expect(laptop.entries(connected.session().sessionId).map(brief)).toEqual([
      'open',
      'gap',
      `message up request ${tool}`,
      expect.stringMatching(/^message down response/),
      'close',
    ]);
    expect(await laptop.json('verify')).toMatchObject({ verified: true });
  });
});

describe('a state directory', () => {
  test.each([
    ['below a file', (path: string) => join(path, 'file', 'home')],
    ['that nobody can write, not even root', () => '/proc/mcprec'],
  ])('%s is named before anything is opened', async (_name, at) => {
    using dir = tempDir();
    writeFileSync(join(dir.path, 'file'), 'x');
    const home = at(dir.path);
    const server = await RawServer.open();
    await using _ = server;
    for (const command of [
      ['connect', '--url', `${server.url}/mcp`],
      ['exec', '--url', `${server.url}/mcp`, '--', 'true'],
      ['login', '--gateway', server.url],
      ['sync'],
    ]) {
      await using run = startMcprec(command, home);
      expect([command, (await run.end()).code]).toEqual([command, 3]);
      expect(run.stderr).toMatch(
        new RegExp(`^mcprec: cannot (write in|make the directory) ${home}.*; make the directory writable, or set MCPREC_HOME to one that is\\n$`),
      );
      expect(run.stdout).toEqual([]);
    }
    expect(server.open).toBe(0);
  });
});

describe('a gateway.yaml', () => {
  const good = (port: number) => `listen: 127.0.0.1:${port}
data: sqlite:gateway.db
keys: file:gateway.keys
identity: { issuer: http://127.0.0.1:1, audience: a, client_id: c }
connections:
  datadog: { kind: mcp, upstream: "http://127.0.0.1:2/mcp", record: full }
access:
  - { groups: [sre], connections: [datadog] }
`;

  test.each([
    ['a typo', (text: string) => text.replace('record: full', 'recrod: full'), /gateway\.yaml:6:\d+: .*recrod.*record/],
    ['a connection that is not there', (text: string) => text.replace('[datadog]', '[datadgo]'), /gateway\.yaml:8:\d+: .*datadgo.*datadog/],
    ['YAML that is none', (text: string) => text.replace('[sre]', '[sre'), /gateway\.yaml:8:\d+: /],
  ])('with %s: file, line and column, from gateway and policy check alike', async (_name, spoil, line) => {
    using dir = tempDir();
    const file = join(dir.path, 'gateway.yaml');
    writeFileSync(file, spoil(good(await freePort())));
    for (const command of [
      ['gateway', '--config', file],
      ['policy', 'check', file],
    ]) {
      await using run = startMcprec(command, dir.path);
      expect([command, (await run.end()).code]).toEqual([command, 3]);
      expect(run.stderr + run.stdout.join('\n')).toMatch(line);
    }
    await using missing = startMcprec(['gateway', '--config', `${file}.not`], dir.path);
    expect((await missing.end()).code).toBe(3);
    expect(missing.stderr).toMatch(/^mcprec: cannot read .*gateway\.yaml\.not: .*; check that the file exists and may be read\n$/);
  });

  test('whose port is taken', async () => {
    using dir = tempDir();
    const server = await RawServer.open();
    await using _ = server;
    const file = join(dir.path, 'gateway.yaml');
    writeFileSync(file, good(server.port));
    await using run = startMcprec(['gateway', '--config', file], dir.path);
    expect((await run.end()).code).toBe(2);
    expect(run.stderr).toMatch(
      new RegExp(`mcprec: cannot listen on 127\\.0\\.0\\.1:${server.port}: .*; change listen, or stop the process that holds the port\\n$`),
    );
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { systemClock } from '../../src/base/clock.ts';
import { McprecError } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Io } from '../../src/cli/io.ts';
import { runPolicyCheck, runPolicyExplain, runPolicySchema } from '../../src/cli/policy.ts';
import { runPolicyTest } from '../../src/cli/policy-test.ts';

const GOOD = `data: sqlite:gateway.db
keys: file:keys.json
identity: { issuer: "https://login.example.com", audience: mcprec }
connections:
  datadog: { kind: mcp, upstream: "https://mcp.example.com/v1/mcp", record: full }
  intake: { kind: datadog-intake, upstream: "https://api.example.com" }
access:
  - { groups: [sre], connections: [datadog], tools: ["get_*", "delete_*"] }
  - { groups: [sre], connections: [intake], metrics: ["checkout.*"] }
rules:
  - { id: no-delete, deny: true, tools: ["delete_*"], message: Ask the platform team. }
`;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcprec-policy-'));
  file = join(folder, 'gateway.yaml');
  writeFileSync(file, GOOD);
});
afterEach(() => rmSync(folder, { recursive: true }));

function terminal(env: Record<string, string> = {}): { io: Io; printed: () => string } {
  const stdout = new PassThrough();
  const io = {
    stdin: new PassThrough() as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: new PassThrough() as unknown as NodeJS.WriteStream,
    env,
    clock: systemClock,
    random: systemRandom,
    home: folder,
    signal: new AbortController().signal,
  };
  return { io, printed: () => String(stdout.read() ?? '') };
}

function thrown(run: () => unknown): McprecError {
  try {
    run();
  } catch (error) {
    if (error instanceof McprecError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('policy check', () => {
  test('says what is in a file that is right, and warns', () => {
    const { io, printed } = terminal();
    expect(runPolicyCheck({ file }, io)).toBe(0);
    expect(printed()).toBe(
      `warning: ${file}:6:3: record is off: nothing that is done on intake is recorded\n${file} is valid: 2 connections, 2 access entries, 1 rule\n`,
    );
  });

  test('finds the secrets that do not resolve here, each where it is named, unless it is told not to look', () => {
    const secret = GOOD.replace('record: full }', 'record: full, credential: { headers: { DD_API_KEY: "env:DD_KEY", DD_APP: "file:app" } } }')
      .replace('rules:', 'webhooks: [{ name: pager, url: "env:PAGER_URL", secret: "env:PAGER_SECRET" }]\nrules:')
      .replace('access:', '  own: { kind: stdio, command: [server], env: { TOKEN: "env:OWN_TOKEN" }, record: full }\naccess:');
    writeFileSync(file, secret);
    writeFileSync(join(folder, 'gateway.db'), '');
    writeFileSync(join(folder, 'app'), '\n');
    const env = { PAGER_URL: 'ftp://x', PAGER_SECRET: 'whsec_c2hvcnQ=' };
    expect(thrown(() => runPolicyCheck({ file }, terminal(env).io)).message.split('\n')).toEqual([
      `${file}:2:7: keys: file:${folder}/keys.json is not there; make them once with: mcprec gateway --init-keys`,
      `${file}:5:120: connections.datadog.credential.headers.dd_api_key: env:DD_KEY is not set; set the environment variable or create the file it names`,
      `${file}:5:142: connections.datadog.credential.headers.dd_app: file:${folder}/app is empty; set the environment variable or create the file it names`,
      `${file}:7:56: connections.own.env.TOKEN: env:OWN_TOKEN is not set; set the environment variable or create the file it names`,
      `${file}:11:32: webhooks[0].url: env:PAGER_URL is no https:// URL (plain http only to this machine); put the whole address there`,
      `${file}:11:57: webhooks[0].secret: env:PAGER_SECRET is not whsec_ and base64 of 24 to 64 bytes; make one with: echo "whsec_$(openssl rand -base64 32)"`,
    ]);
    const { io, printed } = terminal(env);
    expect(runPolicyCheck({ file, json: true }, io)).toBe(3);
    expect(JSON.parse(printed())).toMatchObject({ ok: false, problems: Array(6).fill({ where: file }) });
    expect(runPolicyCheck({ file, secrets: false }, io)).toBe(0);
    expect(printed()).toContain('; its secrets were not looked at\n');
  });

  test('ends with exit code 3 and every problem', () => {
    writeFileSync(file, GOOD.replace('tools: ["get_*"', 'toolz: ["get_*"').replace('sqlite:', 'mysql:'));
    const error = thrown(() => runPolicyCheck({ file }, terminal().io));
    expect(error.exitCode).toBe(3);
    expect(error.message.split('\n')).toEqual([
      `${file}:1:7: data: must be sqlite:PATH`,
      `${file}:8:46: unknown key "toolz" in access[0]; did you mean "tools"?; allowed here: groups, connections, methods, tools, resources, prompts, paths, metrics, tags, ttl, hours, approval, calls, server_requests`,
    ]);
  });

  test('reads the environment as the gateway will', () => {
    expect(thrown(() => runPolicyCheck({ file }, terminal({ MCPREC_LISTEN: 'x' }).io)).message).toBe('MCPREC_LISTEN: listen: must be HOST:PORT');
  });

  test('--json is for machines, with the exit code', () => {
    writeFileSync(file, 'a: 1\na: 2\n');
    const { io, printed } = terminal();
    expect(runPolicyCheck({ file, json: true }, io)).toBe(3);
    expect(JSON.parse(printed())).toEqual({ ok: false, problems: [{ where: file, line: 2, column: 1, message: 'this key stands twice' }], warnings: [] });
  });

  test('a file that cannot be read is named', () => {
    const missing = thrown(() => runPolicyCheck({ file: join(folder, 'no.yaml') }, terminal().io));
    expect(missing.code).toBe('config_unreadable');
    expect(missing.message).toContain('no.yaml');
    writeFileSync(file, new Uint8Array([0xff, 0xfe]));
    expect(thrown(() => runPolicyCheck({ file }, terminal().io)).code).toBe('config_unreadable');
  });
});

test('policy schema prints a JSON Schema that knows every key', () => {
  const { io, printed } = terminal();
  expect(runPolicySchema({}, io)).toBe(0);
  const schema = JSON.parse(printed());
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
  expect(Object.keys(schema.properties)).toEqual([
    'listen',
    'public_url',
    'data',
    'keys',
    'identity',
    'connections',
    'access',
    'rules',
    'mask',
    'witnesses',
    'hold_wait',
    'retention',
    'webhooks',
  ]);
  expect(schema.required).toEqual(['data', 'keys', 'identity', 'connections']);
  expect(schema.additionalProperties).toBe(false);
  expect(schema.properties.listen).toMatchObject({ default: '127.0.0.1:7470', type: 'string' });
  expect(schema.properties.connections.additionalProperties.oneOf).toHaveLength(4);
});

describe('policy explain', () => {
  const sre = { as: 'alice@example.com', groups: ['sre'] };

  test('tells which entries and rules concern a call, and which won', () => {
    const { io, printed } = terminal();
    expect(runPolicyExplain({ file, ...sre, connection: 'datadog', tool: 'delete_monitor' }, io)).toBe(0);
    expect(printed().split('\n')).toEqual([
      'alice@example.com in sre calls tools/call delete_monitor on datadog',
      '  access[0]: grants',
      '  access[1]: not for this connection',
      '  no-delete: denies',
      'denied by no-delete: Ask the platform team.',
      '',
    ]);
  });

  test('says so where the connection itself is closed', () => {
    const { io, printed } = terminal();
    runPolicyExplain({ file, connection: 'datadog', tool: 'get_x' }, io);
    expect(printed()).toBe(
      `someone in no group calls tools/call get_x on datadog
no access entry lets these groups open the connection at all
  access[0]: not for these groups
  access[1]: not for this connection
  no-delete: does not match
denied by access: access to tool "get_x" is not granted (it answers as if it did not exist)
`,
    );
  });

  test('reads the body of an intake call', () => {
    const { io, printed } = terminal();
    const args = '{"series":[{"metric":"checkout.a","points":[]},{"metric":"db.b","points":[]}]}';
    runPolicyExplain({ file, ...sre, connection: 'intake', method: 'POST /api/v2/series', args, json: true }, io);
    expect(JSON.parse(printed())).toMatchObject({
      as: 'alice@example.com',
      opens: true,
      decision: { effect: 'deny', rule: 'access', reason: '"db.b" is outside of checkout.*; nothing of this request was sent' },
    });
  });

  test('never prints what a terminal would obey', () => {
    const { io, printed } = terminal();
    runPolicyExplain({ file, as: 'a\u001b[2J', groups: ['sre'], connection: 'datadog', tool: 'get_\u202ex\n' }, io);
    expect(printed()).toContain('a\\u{1b}[2J in sre calls tools/call get_\\u{202e}x\\n on datadog\n');
  });

  test.each([
    ['a connection that does not exist', { connection: 'datadgo', tool: 'x' }, 'not_found', 'there is no connection named datadgo; there are: datadog, intake'],
    ['nothing to call', { connection: 'datadog' }, 'usage', 'name one of tool, resource, prompt and method'],
    ['two things to call', { connection: 'datadog', tool: 'x', prompt: 'y' }, 'usage', 'name one of tool, resource, prompt and method'],
    [
      'arguments that are not JSON',
      { connection: 'datadog', tool: 'x', args: '{' },
      'usage',
      'the arguments are not JSON: a member name in double quotes is expected at offset 1',
    ],
    ['an endpoint that does not exist', { connection: 'intake', method: 'POST /x' }, 'usage', '/x is not an endpoint of the intake'],
  ])('%s is a clear error', (_, options, code, message) => {
    expect(thrown(() => runPolicyExplain({ file, ...options }, terminal().io))).toMatchObject({ code, message });
  });
});

describe('policy test', () => {
  const cases = (text: string) => {
    const path = join(folder, 'cases.yaml');
    writeFileSync(path, text);
    return path;
  };

  test('passes where every case is as expected', () => {
    const path = cases(`cases:
  - { name: reading, groups: [sre], connection: datadog, tool: get_metric, args: { id: 9007199254740993 }, expect: allow }
  - { name: deleting, as: alice@example.com, groups: [sre], connection: datadog, tool: delete_x, expect: deny, rule: no-delete, message: platform team }
  - { name: others, groups: [web], connection: datadog, tool: get_metric, expect: hidden }
  - { name: metrics, groups: [sre], connection: intake, method: POST /api/v2/series, body: { series: [{ metric: payments.a, points: [] }] }, expect: deny }
`);
    const { io, printed } = terminal();
    expect(runPolicyTest({ file: path }, io)).toBe(0);
    expect(printed()).toBe('4 of 4 cases are as expected\n');
  });

  test('says which are not, with their lines, and ends with 5', () => {
    const path = cases(`cases:
  - { name: a, groups: [sre], connection: datadog, tool: get_metric, expect: deny, rule: no-delete }
  - { name: b, groups: [sre], connection: nowhere, tool: get_metric, expect: allow }
`);
    const { io, printed } = terminal();
    expect(runPolicyTest({ file: path }, io)).toBe(5);
    expect(printed()).toBe(
      `${path}:2: a\n  expected deny, and it is allow\n  expected rule no-delete, and it is none\n${path}:3: b\n  there is no connection named nowhere\n0 of 2 cases are as expected\n`,
    );
    const json = terminal();
    expect(runPolicyTest({ file: path, json: true }, json.io)).toBe(5);
    expect(JSON.parse(json.printed())).toMatchObject({
      ok: false,
      passed: 0,
      failed: 2,
      cases: [
        { name: 'a', line: 2 },
        { name: 'b', line: 3 },
      ],
    });
  });

  test.each([
    ['a mistyped key', 'cases:\n  - { name: a, connection: datadog, tol: x, expect: allow }\n', ':2:37: unknown key "tol" in cases[0]; did you mean "tool"?'],
    [
      'two targets',
      'cases:\n  - { name: a, connection: datadog, tool: x, prompt: y, expect: allow }\n',
      ':2:5: cases[0]: must name one of tool, resource, prompt and method',
    ],
    [
      'another outcome',
      'cases:\n  - { name: a, connection: datadog, tool: x, expect: denyy }\n',
      'must be one of allow, deny, hold, hidden; did you mean "deny"?',
    ],
  ])('refuses %s', (_, text, expected) => {
    expect(thrown(() => runPolicyTest({ file: cases(text) }, terminal().io))).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(expected),
    });
  });
});

test('the JSON Schema takes the examples that are shipped', () => {
  // What an editor does with it: every key of the example is one that the schema has.
  const { printed, io } = terminal();
  runPolicySchema({}, io);
  const schema = JSON.parse(printed());
  const check = new Ajv2020({ strict: false }).compile(schema);
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const example = parse(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
  expect([check(example), check.errors]).toEqual([true, null]);
  expect(check({ ...example, acces: [] })).toBe(false);
});

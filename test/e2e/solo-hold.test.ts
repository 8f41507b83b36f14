// A held call without a gateway: asked at the terminal of connect, refused where there is none. The first needs tmux and is skipped without.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/dev/sandbox.ts';
import { startMcprec } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { hasTmux, Terminal } from '../support/terminal.ts';
import { callMessage, post } from './clients.ts';

const LAUNCHER = new URL('../../bin/mcprec.js', import.meta.url).pathname;
let home: TempDir;
let sandbox: Sandbox;
let policy: string;
let credentials: Readonly<Record<string, string>>;

beforeEach(async () => {
  home = tempDir();
  sandbox = await startSandbox();
  credentials = { dd_api_key: sandbox.credentials.apiKey, dd_application_key: sandbox.credentials.applicationKey };
  policy = join(home.path, 'gateway.yaml');
  writeFileSync(
    policy,
    `data: sqlite:none.db
keys: file:none
identity: { issuer: "http://127.0.0.1:1", audience: x }
connections: { datadog: { kind: mcp, upstream: "${sandbox.mcpUrl}", record: full } }
access: [{}]
rules: [{ id: looks, hold: { approvers: [nobody] }, tools: ["get_*"], message: Look first. }]
`,
  );
});
afterEach(async () => {
  await sandbox.close();
  home[Symbol.dispose]();
});

const reached = (): number => sandbox.received().filter(({ messages }) => messages.some(({ name }) => name === 'get_datadog_incident')).length;
const call = (id: number) => callMessage(id, 'get_datadog_incident', { incident_id: 'IR-4103', note: 'for jane.roe@example.com' });

test.skipIf(!hasTmux)('is put to whoever sits at the terminal', async () => {
  using terminal = new Terminal([process.execPath, LAUNCHER, 'connect', '--url', sandbox.mcpUrl, '--policy', policy], {
    columns: 120,
    rows: 24,
    env: { MCPREC_HOME: home.path },
  });
  const screen = await terminal.shows(/endpoint +http\S+/);
  const endpoint = /endpoint +(http\S+)/.exec(screen)?.[1] ?? '';
  await terminal.shows('Ctrl-C ends');
  const first = post(endpoint, call(1), credentials);
  await terminal.shows(/held by rule looks: Look first\.[\s\S]*get_datadog_incident \{"incident_id":"IR-4103","note":"for \[email\]"\}[\s\S]*y approves/);
  terminal.type('n');
  expect((await first).text).toContain('it was refused at the terminal');
  expect(reached()).toBe(0);
  const second = post(endpoint, call(2), credentials);
  await terminal.shows('y approves');
  terminal.type('y');
  await second;
  expect(reached()).toBe(1);
  terminal.type('C-c');
  await terminal.shows('ended 0');
});

test('is refused where nobody can be asked', async () => {
  await using mcprec = startMcprec(['connect', '--url', sandbox.mcpUrl, '--policy', policy, '--json'], home.path);
  const { sessions } = await mcprec.event<{ sessions: { endpoint: string }[] }>('connected');
  expect((await post(sessions[0]?.endpoint ?? '', call(1), credentials)).text).toContain('Denied by rule \\"looks\\"');
  expect(reached()).toBe(0);
});

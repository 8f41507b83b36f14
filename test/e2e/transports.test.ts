// Every mix of a client's transport and a server's, with real clients of both SDKs: what the client gets is what it gets without mcprec, and
// the record holds it.
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readJournal, textOf } from '../support/forwarder.ts';
import { converse, isInOrder, legacyClient, modernClient, startedMcprec, type TestClient } from '../support/mixes.ts';
import { startMcprec, startNode, type TestProcess } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { Laptop } from './harness.ts';
import { gatewayEntries, gatewayFindings, journalEntries, journalFindings, newestSession } from './records.ts';
import { World } from './world.ts';

const FIXTURE = fileURLToPath(new URL('../support/fixture-server.ts', import.meta.url));

let home: TempDir;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  home = tempDir();
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  home[Symbol.dispose]();
});

function keep<T extends AsyncDisposable>(resource: T): T {
  closers.push(async () => resource[Symbol.asyncDispose]());
  return resource;
}

type UpstreamKind = 'http' | 'stdio' | 'sse';
type ClientKind = 'http' | 'stdio' | 'sse';

/** What `mcprec connect` is given to reach the fixture. */
async function reach(kind: UpstreamKind): Promise<readonly string[]> {
  if (kind === 'stdio') return ['--', process.execPath, FIXTURE, 'stdio'];
  const server = keep(startNode([FIXTURE, kind]));
  return ['--url', await server.line((line) => line.startsWith('http'))];
}

async function open(client: ClientKind, era: 'legacy' | 'modern', upstream: UpstreamKind): Promise<{ client: TestClient; mcprec?: TestProcess }> {
  const args = await reach(upstream);
  const make = era === 'legacy' ? legacyClient : modernClient;
  if (client === 'stdio') return { client: keep(await make(startedMcprec(home.path, ['connect', '--stdio', ...args]))) };
  const mcprec = keep(startMcprec(['connect', '--json', ...args], home.path));
  const { sessions } = await mcprec.event<{ sessions: readonly [{ endpoint: string }] }>('connected');
  return {
    client: keep(await make({ url: client === 'sse' ? sessions[0].endpoint.replace(/mcp$/, 'sse') : sessions[0].endpoint, sse: client === 'sse' })),
    mcprec,
  };
}

/** The entries of the one session in the journal, once it is closed. */
function recorded() {
  return readJournal(home.path, newestSession(`${home.path}/journal.db`));
}

type Mix = readonly [ClientKind, 'legacy' | 'modern', UpstreamKind, string];

/** Every pair of transports in every era that both speak. */
const mixes: readonly Mix[] = [
  ['http', 'legacy', 'stdio', '2025-11-25'],
  ['http', 'modern', 'stdio', '2026-07-28'],
  ['stdio', 'legacy', 'http', '2025-11-25'],
  ['stdio', 'modern', 'http', '2026-07-28'],
  ['stdio', 'legacy', 'stdio', '2025-11-25'],
  ['sse', 'legacy', 'sse', '2025-11-25'],
  ['http', 'legacy', 'sse', '2025-11-25'],
  ['http', 'legacy', 'http', '2025-11-25'],
  ['http', 'modern', 'http', '2026-07-28'],
  ['stdio', 'modern', 'stdio', '2026-07-28'],
  ['sse', 'legacy', 'http', '2025-11-25'],
  ['sse', 'legacy', 'stdio', '2025-11-25'],
  ['stdio', 'legacy', 'sse', '2025-11-25'],
];

describe('solo', () => {
  test.each(mixes)('a client over %s (%s) and a server over %s speak %s', async (clientKind, era, upstream, revision) => {
    const { client, mcprec } = await open(clientKind, era, upstream);
    expect(client.revision).toBe(revision);
    const said = await converse(client);
    expect(said).toEqual([
      upstream === 'sse' ? 'ask,echo,steps' : 'ask,crash,echo,steps,wait',
      'héllo \u2028 "wörld"\n',
      'done',
      'in order',
      'yes',
      expect.any(String),
      '1,2,3,4,5',
    ]);
    await client.close();
    if (mcprec !== undefined) expect(await mcprec.stop()).toEqual({ code: 0, signal: null });
    const entries = recorded();
    expect(entries.at(-1)?.leaf.kind).toBe('close');
    const methods = entries.flatMap(({ leaf, names }) => (leaf.direction === 'up' && names?.method !== undefined ? [names.method] : []));
    expect(methods).toEqual(expect.arrayContaining(['tools/list', 'tools/call']));
    expect(methods.filter((method) => method === 'tools/call').length).toBeGreaterThanOrEqual(9);
    const progress = entries.filter(({ names }) => names?.method === 'notifications/progress');
    expect(progress).toHaveLength(3);
    expect(entries.filter(({ names }) => names?.note === 'unmatched')).toEqual([]);
    expect(entries.map(textOf).join('\n')).toContain('wörld');
    if (upstream === 'stdio') {
      const said = entries
        .filter(({ names }) => names?.method === 'process/stderr')
        .map(textOf)
        .join('');
      expect(said).toContain('fixture up');
      expect(said).not.toContain('a1B2c3');
      expect(entries.filter(({ names }) => names?.method === 'process/ended').map(({ names }) => names?.note)).toEqual(['the server ended with exit code 0']);
    }
  });
});

test('a server that was not made for the test: server-everything over stdio', async () => {
  const everything = fileURLToPath(new URL('../../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url));
  const alone = keep(await legacyClient({ args: [everything, 'stdio'], env: {} }));
  const client = keep(await legacyClient(startedMcprec(home.path, ['connect', '--stdio', '--', process.execPath, everything, 'stdio'])));
  expect(await client.tools()).toEqual(await alone.tools());
  expect(await client.call('echo', { message: 'hi' })).toBe(await alone.call('echo', { message: 'hi' }));
  const seen: number[] = [];
  await client.call('trigger-long-running-operation', { duration: 0.2, steps: 2 }, { onprogress: (progress) => seen.push(progress) });
  expect(isInOrder(seen)).toBe(true);
  await client.close();
  const entries = recorded();
  expect(entries.filter(({ names }) => names?.tool === 'echo')).toHaveLength(1);
  expect(entries.filter(({ names }) => names?.method === 'notifications/progress')).toHaveLength(2);
});

describe('with a gateway', () => {
  let world: World;
  const maya = new Laptop();
  const servers: TestProcess[] = [];

  beforeAll(async () => {
    const url = async (kind: string): Promise<string> => {
      const server = startNode([FIXTURE, kind]);
      servers.push(server);
      return server.line((line) => line.startsWith('http'));
    };
    const command = JSON.stringify([process.execPath, FIXTURE, 'stdio']);
    const connections = `  local: { kind: stdio, command: ${command}, env: { SECRET: "file:dd_api_key" }, record: full }
  web: { kind: mcp, upstream: "${await url('http')}", record: full }
  old: { kind: mcp, upstream: "${await url('sse')}", transport: sse, record: full }
`;
    world = await World.start({}, (yaml) => yaml.replace('\naccess:', `\n${connections}\naccess:`));
    await maya.login(world.url, 'maya.okafor');
  });
  afterAll(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
    maya[Symbol.dispose]();
  });

  type GatewayMix = readonly [ClientKind, 'legacy' | 'modern', 'local' | 'web' | 'old', string];
  const gatewayMixes: readonly GatewayMix[] = [
    ['http', 'legacy', 'local', '2025-11-25'],
    ['stdio', 'modern', 'local', '2026-07-28'],
    ['stdio', 'legacy', 'web', '2025-11-25'],
    ['sse', 'legacy', 'old', '2025-11-25'],
    ['http', 'modern', 'local', '2026-07-28'],
    ['stdio', 'legacy', 'local', '2025-11-25'],
    ['stdio', 'modern', 'web', '2026-07-28'],
    ['sse', 'legacy', 'web', '2025-11-25'],
    ['stdio', 'legacy', 'old', '2025-11-25'],
  ];

  test.each(gatewayMixes)('a client over %s (%s) to the connection %s speaks %s', async (clientKind, era, connection, revision) => {
    const make = era === 'legacy' ? legacyClient : modernClient;
    const connected = clientKind === 'stdio' ? undefined : keep(await maya.connect(connection));
    const client = keep(
      connected === undefined
        ? await make(startedMcprec(maya.home, ['connect', connection, '--stdio'], maya.env))
        : await make({ url: clientKind === 'sse' ? connected.endpoint.replace(/mcp$/, 'sse') : connected.endpoint, sse: clientKind === 'sse' }),
    );
    expect(client.revision).toBe(revision);
    const tools = connection === 'old' ? 'ask,echo,steps' : 'ask,crash,echo,steps,wait';
    expect(await converse(client)).toEqual([tools, 'héllo \u2028 "wörld"\n', 'done', 'in order', 'yes', expect.any(String), '1,2,3,4,5']);
    await client.close();
    await connected?.[Symbol.asyncDispose]();
    const sessionId = newestSession(maya.journal);
    const sides = [journalEntries(maya.journal, sessionId), await gatewayEntries(world.file('database'), sessionId)];
    for (const entries of sides) {
      expect(entries.at(-1)?.leaf.kind).toBe('close');
      expect(entries.filter(({ names, leaf }) => leaf.direction === 'up' && names?.method === 'tools/call').length).toBeGreaterThanOrEqual(9);
      expect(entries.filter(({ names }) => names?.method === 'notifications/progress')).toHaveLength(3);
      expect(entries.filter(({ names }) => names?.note === 'unmatched')).toEqual([]);
    }
    const ended = sides[1]?.flatMap(({ names }) => (names?.method === 'process/ended' ? [names.note] : []));
    expect(ended).toEqual(connection === 'local' ? ['the server ended with exit code 0'] : []);
    expect(journalFindings(maya.journal)).toEqual([]);
    expect(await gatewayFindings(world.file('database'))).toEqual([]);
  });
});

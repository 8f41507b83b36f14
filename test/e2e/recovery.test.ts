// Servers and gateways that die and come back, grants that run out: the client gets an error and goes on, and nobody starts it again.
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { legacyClient, modernClient, startedMcprec, type TestClient } from '../support/mixes.ts';
import { freePort, startMcprec, startNode, type TestProcess } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { Laptop } from './harness.ts';
import { journalEntries, newestSession } from './records.ts';
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

async function serve(kind: string, port: number): Promise<TestProcess> {
  const server = keep(startNode([FIXTURE, kind, String(port)]));
  await server.line((line) => line.startsWith('http'));
  return server;
}

const code = (error: unknown) => (error as { code?: number }).code;

describe('a server that is gone for a while', () => {
  test.each([
    ['stdio', 'legacy', 'http'],
    ['stdio', 'modern', 'http'],
    ['http', 'modern', 'http'],
    ['stdio', 'legacy', 'sse'],
    ['http', 'legacy', 'sse'],
    ['sse', 'legacy', 'sse'],
  ] as const)('a client over %s (%s) and a server over %s', async (clientKind, era, kind) => {
    const port = await freePort();
    const server = await serve(kind, port);
    const url = `http://127.0.0.1:${port}/${kind === 'sse' ? 'sse' : 'mcp'}`;
    const make = era === 'legacy' ? legacyClient : modernClient;
    let client: TestClient;
    if (clientKind === 'stdio') client = keep(await make(startedMcprec(home.path, ['connect', '--stdio', '--url', url])));
    else {
      const mcprec = keep(startMcprec(['connect', '--json', '--url', url], home.path));
      const { sessions } = await mcprec.event<{ sessions: readonly [{ endpoint: string }] }>('connected');
      client = keep(await make({ url: clientKind === 'sse' ? sessions[0].endpoint.replace(/mcp$/, 'sse') : sessions[0].endpoint, sse: clientKind === 'sse' }));
    }
    expect(await client.call('echo', { text: 'before' })).toBe('before');
    await server.stop('SIGKILL');
    const fault = await client.call('echo', { text: 'away' }).catch((error: unknown) => error);
    expect([code(fault), String(fault)]).toEqual([5020, expect.stringMatching(/executed/)]);
    await serve(kind, port);
    expect(await client.call('echo', { text: 'back' })).toBe('back');
  });
});

test.each(['legacy', 'modern'] as const)('a server that dies in the middle of a call (%s)', async (era) => {
  const port = await freePort();
  const server = await serve('http', port);
  const mcprec = keep(startMcprec(['connect', '--json', '--url', `http://127.0.0.1:${port}/mcp`], home.path));
  const { sessions } = await mcprec.event<{ sessions: readonly [{ endpoint: string }] }>('connected');
  const client = keep(await (era === 'legacy' ? legacyClient : modernClient)({ url: sessions[0].endpoint }));
  const waiting = client.call('crash', { code: 9 }).catch((error: unknown) => error);
  await server.end();
  const fault = await waiting;
  expect([code(fault), String(fault)]).toEqual([5020, expect.stringMatching(/may have been executed/)]);
});

describe('a gateway', () => {
  let world: World;
  const maya = new Laptop();

  beforeEach(async () => {
    const command = JSON.stringify([process.execPath, FIXTURE, 'stdio']);
    const connection = `  local: { kind: stdio, command: ${command}, record: full }\n`;
    world = keep(await World.start({}, (yaml) => yaml.replace('\naccess:', `\n${connection}\naccess:`).replace('ttl: 1h', 'ttl: 5s')));
    await maya.login(world.url, 'maya.okafor');
  });
  afterEach(() => maya[Symbol.dispose]());

  test('that starts again, and a grant that ran out meanwhile', async () => {
    const client = keep(await legacyClient(startedMcprec(maya.home, ['connect', 'local', '--stdio'], maya.env)));
    // A call may be in flight in the very moment in which the grant ends; it gets an error then, and the next one an answer.
    const echoed = (text: string) => expect.poll(() => client.call('echo', { text }).catch(String), { timeout: 30_000, interval: 100 }).toBe(text);
    await echoed('one');
    const first = newestSession(maya.journal);
    await world.gateway.stop('SIGTERM');
    const fault = await client.call('echo', { text: 'away' }).catch((error: unknown) => error);
    expect(String(fault)).toMatch(/executed|grant/);
    await world.startGateway();
    await echoed('two');
    await expect
      .poll(() => client.call('echo', { text: 'x' }).then(() => newestSession(maya.journal), String), { timeout: 30_000, interval: 200 })
      .not.toBe(first);
    await echoed('three');
    expect(journalEntries(maya.journal, first).at(-1)?.leaf.kind).toBe('close');
  });
});

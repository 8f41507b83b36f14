// Every mix of a client's transport and a server's, with real clients of both SDKs: what the client gets is what it gets without mcprec, and
// the record holds it.
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { readJournal, textOf } from '../support/forwarder.ts';
import { converse, legacyClient, modernClient, startedMcprec, type TestClient } from '../support/mixes.ts';
import { startMcprec, startNode, type TestProcess } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

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
  if (client === 'stdio') return { client: keep(await make(startedMcprec(home.path, 'connect', '--stdio', ...args))) };
  const mcprec = keep(startMcprec(['connect', '--json', ...args], home.path));
  const { sessions } = await mcprec.event<{ sessions: readonly [{ endpoint: string }] }>('connected');
  return {
    client: keep(await make({ url: client === 'sse' ? sessions[0].endpoint.replace(/mcp$/, 'sse') : sessions[0].endpoint, sse: client === 'sse' })),
    mcprec,
  };
}

/** The entries of the one session in the journal, once it is closed. */
function recorded() {
  using journal = openJournal({ path: `${home.path}/journal.db`, clock: systemClock, random: systemRandom, mode: 'read' });
  const [session] = journal.sessions({ limit: 10 });
  if (session === undefined) throw new Error('nothing is recorded');
  return readJournal(home.path, session.sessionId);
}

const mixes: readonly (readonly [ClientKind, 'legacy' | 'modern', UpstreamKind, string])[] = [
  ['http', 'legacy', 'http', '2025-11-25'],
  ['http', 'modern', 'http', '2026-07-28'],
  ['http', 'legacy', 'stdio', '2025-11-25'],
  ['http', 'modern', 'stdio', '2026-07-28'],
  ['stdio', 'legacy', 'http', '2025-11-25'],
  ['stdio', 'modern', 'http', '2026-07-28'],
  ['stdio', 'legacy', 'stdio', '2025-11-25'],
  ['stdio', 'modern', 'stdio', '2026-07-28'],
  ['sse', 'legacy', 'sse', '2025-11-25'],
  ['sse', 'legacy', 'http', '2025-11-25'],
  ['sse', 'legacy', 'stdio', '2025-11-25'],
  ['http', 'legacy', 'sse', '2025-11-25'],
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
      '1,2,3',
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

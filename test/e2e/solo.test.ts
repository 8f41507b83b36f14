// Real processes: the built mcprec between the SDK's clients and real servers, alone on this machine.
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/dev/sandbox.ts';
import { readJournal, textOf } from '../support/forwarder.ts';
import { freePort, startMcprec, startNode, type TestProcess } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

interface Connected {
  readonly sessions: readonly [{ readonly sessionId: string; readonly endpoint: string; readonly localToken: string; readonly record: string }];
}

let home: TempDir;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  home = tempDir();
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  home[Symbol.dispose]();
});

async function connectTo(url: string): Promise<{ mcprec: TestProcess; session: Connected['sessions'][0] }> {
  const mcprec = startMcprec(['connect', '--url', url, '--json'], home.path);
  closers.push(() => mcprec[Symbol.asyncDispose]());
  const { sessions } = await mcprec.event<Connected>('connected');
  return { mcprec, session: sessions[0] };
}

/** SIGTERM, exit 0, and what the journal then holds; it must verify. */
async function finish(mcprec: TestProcess, sessionId: string) {
  expect(await mcprec.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await mcprec.event('closed')).toMatchObject({ sessions: [{ sessionId }], unsynced: 0 });
  expect(mcprec.stderr).toBe('');
  const entries = readJournal(home.path, sessionId);
  expect(entries[0]?.leaf.kind).toBe('open');
  expect(entries.at(-1)?.leaf.kind).toBe('close');
  return entries;
}

function methods(entries: readonly { readonly names?: { readonly method?: string }; readonly leaf: { readonly direction?: string | undefined } }[]): string[] {
  return entries.flatMap(({ names, leaf }) => (leaf.direction === 'up' && names?.method !== undefined ? [names.method] : []));
}

async function legacyClient(endpoint: string, headers: Record<string, string> = {}, capabilities = {}) {
  const transport = new LegacyTransport(new URL(endpoint), { requestInit: { headers } });
  const client = new LegacyClient({ name: 'legacy-test', version: '1.0.0' }, { capabilities });
  closers.push(() => client.close());
  return { client, transport, connect: () => client.connect(transport as Parameters<typeof client.connect>[0]) };
}

describe('the sandbox behind mcprec connect --url', () => {
  let sandbox: Sandbox;
  let keys: Record<string, string>;

  beforeEach(async () => {
    sandbox = await startSandbox({ stepMs: 5 });
    keys = { DD_API_KEY: sandbox.credentials.apiKey, DD_APPLICATION_KEY: sandbox.credentials.applicationKey };
    closers.push(() => sandbox.close());
  });

  test('SDK v1: a session with its GET stream, notifications on it, progress, a question of the server, DELETE', async () => {
    const { mcprec, session } = await connectTo(sandbox.mcpUrl);
    const { client, transport, connect } = await legacyClient(session.endpoint, keys, { elicitation: { form: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { confirm: true } }));
    await connect();
    expect(transport.protocolVersion).toBe('2025-11-25');
    expect(transport.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    const { tools } = await client.listTools();
    expect(tools.length).toBeGreaterThan(5);

    const seen: number[] = [];
    await client.callTool({ name: 'analyze_datadog_logs', arguments: {} }, undefined, { onprogress: (p) => seen.push(p.progress) });
    expect(seen).toEqual([1, 2, 3, 4, 5]);

    const [monitor] = sandbox.world.monitors.values();
    const uri = `datadog://monitors/${monitor?.id}`;
    const updated = new Promise((resolve) => client.setNotificationHandler(ResourceUpdatedNotificationSchema, (n) => resolve(n.params.uri)));
    await vi.waitFor(() => expect(sandbox.received().some((r) => r.verb === 'GET')).toBe(true), { interval: 5 });
    await client.subscribeResource({ uri });
    await client.callTool({ name: 'mute_datadog_monitor', arguments: { monitor_id: monitor?.id } });
    expect(await updated).toBe(uri);

    const resolved = await client.callTool({ name: 'update_datadog_incident', arguments: { incident_id: 'IR-4103', state: 'resolved' } });
    expect(resolved.isError).toBeFalsy();
    await transport.terminateSession();
    await client.close();

    const upstreamSaw = JSON.stringify(sandbox.received());
    expect(upstreamSaw).not.toContain(session.localToken);
    expect(sandbox.received().map((r) => r.verb)).toEqual(expect.arrayContaining(['POST', 'GET', 'DELETE']));
    const entries = await finish(mcprec, session.sessionId);
    expect(methods(entries)).toEqual(expect.arrayContaining(['initialize', 'tools/list', 'tools/call', 'resources/subscribe', 'response', 'GET', 'DELETE']));
    const sent = entries.flatMap((entry) => (entry.leaf.direction === 'down' && entry.names?.method !== undefined ? [entry.names.method] : []));
    expect(sent).toEqual(expect.arrayContaining(['notifications/progress', 'notifications/resources/updated', 'elicitation/create']));
    const stored = JSON.stringify(entries.map((entry) => [textOf(entry), entry.names]));
    for (const secret of [...Object.values(keys), session.localToken]) expect(stored).not.toContain(secret);
  });

  test('SDK v2, modern: no session, the standard headers, input_required and its retry', async () => {
    const { mcprec, session } = await connectTo(sandbox.mcpUrl);
    const client = new ModernClient(
      { name: 'modern-test', version: '1.0.0' },
      { versionNegotiation: { mode: 'auto' }, capabilities: { elicitation: { form: {} } } },
    );
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept' as const, content: { confirm: true } }));
    await client.connect(new ModernTransport(new URL(session.endpoint), { requestInit: { headers: keys } }));
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    expect((await client.listTools()).tools.length).toBeGreaterThan(5);
    const result = await client.callTool({ name: 'update_datadog_incident', arguments: { incident_id: 'IR-4103', state: 'resolved' } });
    expect(result.structuredContent).toMatchObject({ incident: { state: 'resolved' } });
    const seen: number[] = [];
    await client.callTool({ name: 'analyze_datadog_logs', arguments: {} }, { onprogress: (p) => seen.push(p.progress) });
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    await client.close();
    const calls = sandbox.received().filter((r) => r.messages[0]?.name === 'update_datadog_incident');
    expect(calls).toHaveLength(2);
    expect(calls[0]?.headers).toMatchObject({ 'mcp-method': 'tools/call', 'mcp-name': 'update_datadog_incident', 'mcp-protocol-version': '2026-07-28' });
    const entries = await finish(mcprec, session.sessionId);
    expect(methods(entries).filter((m) => m === 'tools/call')).toHaveLength(3);
  });

  test('SDK v2, modern: who hangs up cancels at the upstream', async () => {
    const { mcprec, session } = await connectTo(sandbox.mcpUrl);
    const client = new ModernClient({ name: 'modern-test', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new ModernTransport(new URL(session.endpoint), { requestInit: { headers: keys } }));
    const cancel = new AbortController();
    const call = client.callTool({ name: 'analyze_datadog_logs', arguments: {} }, { onprogress: () => cancel.abort(), signal: cancel.signal });
    await expect(call).rejects.toThrow();
    await vi.waitFor(() => expect(sandbox.received().at(-1)).toMatchObject({ ended: 'aborted' }), { interval: 5 });
    await client.close();
    const entries = await finish(mcprec, session.sessionId);
    expect(entries.some((entry) => entry.names?.note === 'client_gone' && entry.leaf.final)).toBe(true);
  });

  test('SDK v2, legacy: the older revision with a session', async () => {
    const { mcprec, session } = await connectTo(sandbox.mcpUrl);
    const client = new ModernClient({ name: 'modern-test', version: '1.0.0' }, { versionNegotiation: { mode: 'legacy' } });
    await client.connect(new ModernTransport(new URL(session.endpoint), { requestInit: { headers: keys } }));
    expect(client.getNegotiatedProtocolVersion()).toBe('2025-11-25');
    expect((await client.callTool({ name: 'search_datadog_monitors', arguments: { query: '' } })).isError).toBeFalsy();
    expect(sandbox.received().at(-1)?.headers['mcp-session-id']).toBeDefined();
    await client.close();
    await finish(mcprec, session.sessionId);
  });

  test('a legacy stream that is lost is resumed with Last-Event-ID', async () => {
    const { mcprec, session } = await connectTo(sandbox.mcpUrl);
    const post = (body: object, headers: Record<string, string> = {}) =>
      fetch(session.endpoint, {
        method: 'POST',
        headers: { ...keys, ...headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify({ jsonrpc: '2.0', ...body }),
      });
    const clientInfo = { name: 'raw', version: '1' };
    const opened = await post({ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo } });
    await opened.text();
    const known = { 'mcp-session-id': String(opened.headers.get('mcp-session-id')), 'mcp-protocol-version': '2025-11-25' };
    await post({ method: 'notifications/initialized' }, known);
    const params = { name: 'analyze_datadog_logs', arguments: {}, _meta: { progressToken: 'p' } };
    const before = await readUntil(await post({ id: 7, method: 'tools/call', params }, known), (text) => text.includes('"progress":1'));
    expect(before).toContain('retry: 200');
    const lastId = [...before.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? '';
    await vi.waitFor(() => expect(sandbox.received().at(-1)).toMatchObject({ ended: 'aborted' }), { interval: 5 });
    const resumed = await fetch(session.endpoint, { headers: { ...keys, ...known, accept: 'text/event-stream', 'last-event-id': lastId } });
    const after = await readUntil(resumed, (text) => text.includes('"id":7'));
    expect([...(before + after).matchAll(/"progress":(\d)/g)].map((m) => Number(m[1]))).toEqual([1, 2, 3, 4, 5]);
    const entries = await finish(mcprec, session.sessionId);
    // The answer came on another exchange than the call, and names it.
    const call = entries.find((entry) => entry.names?.tool === 'analyze_datadog_logs')?.leaf.exchange;
    expect(call).toBeDefined();
    expect(entries.filter(({ leaf }) => leaf.parent === call).map(textOf)).toEqual([expect.stringContaining('"id":7')]);
  });

  test('an upstream that fails half-way leaves the client with an error and the connection in order', async () => {
    const { mcprec, session } = await connectTo(sandbox.mcpUrl);
    const client = new ModernClient({ name: 'modern-test', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new ModernTransport(new URL(session.endpoint), { requestInit: { headers: keys } }));
    sandbox.failNext({ kind: 'cut', on: 'tools/call', afterBytes: 10 });
    await expect(client.callTool({ name: 'search_datadog_monitors', arguments: { query: '' } })).rejects.toThrow(/may have been executed/);
    expect((await client.callTool({ name: 'search_datadog_monitors', arguments: { query: '' } })).isError).toBeFalsy();
    await client.close();
    const entries = await finish(mcprec, session.sessionId);
    expect(entries.some((entry) => entry.names?.note === 'upstream_lost')).toBe(true);
  });
});

describe('server-everything behind mcprec connect --url', () => {
  test('SDK v1: tools, resources, prompts, sampling, long calls', async () => {
    const port = await freePort();
    const preload = new URL('../support/loopback-only.ts', import.meta.url).href;
    const script = new URL('../../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url).pathname;
    const server = startNode(['--import', preload, script, 'streamableHttp'], { env: { PORT: String(port) } });
    closers.push(() => server[Symbol.asyncDispose]());
    await server.says(`listening on port ${port}`);
    const { mcprec, session } = await connectTo(`http://127.0.0.1:${port}/mcp`);
    const { client, transport, connect } = await legacyClient(session.endpoint, {}, { sampling: {} });
    client.setRequestHandler(CreateMessageRequestSchema, () => ({ model: 'm', role: 'assistant', content: { type: 'text', text: 'sampled here' } }));
    await connect();
    expect(transport.protocolVersion).toBe('2025-11-25');
    expect(await client.callTool({ name: 'echo', arguments: { message: 'über 9007199254740993' } })).toMatchObject({
      content: [{ type: 'text', text: 'Echo: über 9007199254740993' }],
    });
    await vi.waitFor(async () => expect((await client.listTools()).tools.map((t) => t.name)).toContain('trigger-sampling-request'));
    const sampled = await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'p', maxTokens: 5 } });
    expect(JSON.stringify(sampled)).toContain('sampled here');
    const seen: number[] = [];
    await client.callTool({ name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 2 } }, undefined, {
      onprogress: (p) => seen.push(p.progress),
    });
    expect(seen.length).toBeGreaterThan(0);
    const { resources } = await client.listResources();
    expect((await client.readResource({ uri: resources[0]?.uri ?? '' })).contents).toHaveLength(1);
    expect((await client.listPrompts()).prompts.length).toBeGreaterThan(0);
    await transport.terminateSession();
    await client.close();
    const entries = await finish(mcprec, session.sessionId);
    expect(methods(entries)).toEqual(expect.arrayContaining(['initialize', 'tools/call', 'resources/read', 'prompts/list', 'response', 'DELETE']));
  });
});

describe('mcprec connect', () => {
  test('Ctrl-C ends it as well; the next one has the same endpoint', async () => {
    const first = await connectTo('http://127.0.0.1:9/mcp');
    expect(await first.mcprec.stop('SIGINT')).toEqual({ code: 0, signal: null });
    const second = await connectTo('http://127.0.0.1:9/mcp');
    expect(second.session.endpoint).toBe(first.session.endpoint);
    await finish(second.mcprec, second.session.sessionId);
  });

  test('--print-config says where it will be, and opens nothing', async () => {
    await using printed = startMcprec(['connect', '--url', 'http://127.0.0.1:9/mcp', '--print-config', 'claude-code'], home.path);
    expect(await printed.end()).toMatchObject({ code: 0 });
    const config = JSON.parse(printed.stdout.join('\n')) as { mcpServers: Record<string, { url: string }> };
    const { mcprec, session } = await connectTo('http://127.0.0.1:9/mcp');
    expect(Object.values(config.mcpServers)).toMatchObject([{ url: session.endpoint }]);
    await finish(mcprec, session.sessionId);
  });

  test.each([
    [['--url', 'ftp://x'], 'is not an http or https URL'],
    [['--url', 'http://u:p@127.0.0.1/mcp'], 'carries a password'],
    [['datadog', '--url', 'http://127.0.0.1/mcp'], 'not both'],
    [['--url', 'http://127.0.0.1/mcp', '--port', '0'], 'is not a port'],
    [[], 'no connection is named'],
  ])('%j is a wrong use: exit 2', async (args, says) => {
    await using mcprec = startMcprec(['connect', ...args], home.path);
    expect(await mcprec.end()).toMatchObject({ code: 2 });
    expect(mcprec.stderr).toContain(says);
    expect(mcprec.stderr).toMatch(/^mcprec: /);
  });
});

describe('mcprec exec --url', () => {
  let sandbox: Sandbox;

  beforeEach(async () => {
    sandbox = await startSandbox({ stepMs: 5 });
    closers.push(() => sandbox.close());
  });

  function exec(script: string, env: Record<string, string> = {}): TestProcess {
    const mcprec = startMcprec(['exec', '--url', sandbox.mcpUrl, '--json', '--', process.execPath, '-e', script], home.path, { env });
    closers.push(() => mcprec[Symbol.asyncDispose]());
    return mcprec;
  }

  test('the command finds the endpoint in its environment, uses it, and its exit code is returned', async () => {
    const script = `
      (async () => {
        const { MCPREC_ENDPOINT, DD_API_KEY, DD_APPLICATION_KEY, MCPREC_PASSPHRASE } = process.env;
        const headers = { DD_API_KEY, DD_APPLICATION_KEY, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } } });
        const answer = await fetch(MCPREC_ENDPOINT, { method: 'POST', headers, body });
        await answer.text();
        const names = Object.keys(process.env).filter((name) => name.startsWith('MCPREC_')).sort();
        console.log(JSON.stringify({ event: 'child', status: answer.status, names, passphrase: MCPREC_PASSPHRASE ?? null }));
        process.exitCode = 7;
      })();`;
    const env = { DD_API_KEY: sandbox.credentials.apiKey, DD_APPLICATION_KEY: sandbox.credentials.applicationKey, MCPREC_PASSPHRASE: 'secret' };
    const mcprec = exec(script, env);
    expect(await mcprec.event('child')).toMatchObject({
      status: 200,
      passphrase: null,
      names: expect.arrayContaining(['MCPREC_ENDPOINT', expect.stringMatching(/^MCPREC_ENDPOINT_127_0_0_1_/), expect.stringMatching(/^MCPREC_TOKEN_/)]),
    });
    expect(await mcprec.end()).toEqual({ code: 7, signal: null });
    const closed = JSON.parse(mcprec.stderr) as { sessions: { sessionId: string; calls: number }[] };
    expect(closed.sessions).toMatchObject([{ calls: 1 }]);
    expect(methods(readJournal(home.path, closed.sessions[0]?.sessionId ?? ''))).toEqual(['initialize']);
  });

  test('signals are passed on, and what the command does with them is its own business', async () => {
    const polite = exec(`process.on('SIGTERM', () => process.exit(3)); console.log('{"event":"ready"}'); setInterval(() => {}, 1000);`);
    await polite.event('ready');
    expect(await polite.stop('SIGTERM')).toEqual({ code: 3, signal: null });
    const plain = exec(`console.log('{"event":"ready"}'); setInterval(() => {}, 1000);`);
    await plain.event('ready');
    expect(await plain.stop('SIGTERM')).toEqual({ code: 143, signal: null });
  });

  test('a command that does not exist is a wrong use, and the session is closed', async () => {
    await using mcprec = startMcprec(['exec', '--url', sandbox.mcpUrl, '--', 'no-such-program-here'], home.path);
    expect(await mcprec.end()).toMatchObject({ code: 2 });
    expect(mcprec.stderr).toContain('no-such-program-here cannot be started: there is no such program');
  });
});

/** Reads a stream until `enough`, then lets go of it. */
async function readUntil(response: Response, enough: (text: string) => boolean): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    if (enough(text)) return text;
  }
  return text;
}

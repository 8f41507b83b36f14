import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/dev/sandbox.ts';

let sandbox: Sandbox;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  sandbox = await startSandbox({ stepMs: 5 });
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await sandbox.close();
});

function keys() {
  return { DD_API_KEY: sandbox.credentials.apiKey, DD_APPLICATION_KEY: sandbox.credentials.applicationKey };
}

async function legacy(path = '/v1/mcp', capabilities = {}) {
  const transport = new LegacyTransport(new URL(path, sandbox.url), { requestInit: { headers: keys() } });
  const client = new LegacyClient({ name: 'legacy-test', version: '1.0.0' }, { capabilities });
  closers.push(() => client.close());
  return { client, transport, connect: () => client.connect(transport as Parameters<typeof client.connect>[0]) };
}

async function modern(mode: 'auto' | 'legacy', path = '/v1/mcp') {
  const client = new ModernClient({ name: 'modern-test', version: '1.0.0' }, { versionNegotiation: { mode }, capabilities: { elicitation: { form: {} } } });
  closers.push(() => client.close());
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept' as const, content: { confirm: true } }));
  await client.connect(new ModernTransport(new URL(path, sandbox.url), { requestInit: { headers: keys() } }));
  return client;
}

function text(result: object): string {
  return (result as { content: { text: string }[] }).content[0]?.text ?? '';
}

describe('SDK v1', () => {
  test('a session: negotiated 2025-11-25, a session id on every request, GET stream, DELETE', async () => {
    const { client, transport, connect } = await legacy();
    await connect();
    expect(transport.protocolVersion).toBe('2025-11-25');
    expect(transport.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    const { tools } = await client.listTools();
    expect(tools.map((t) => t.name)).toEqual(
      expect.arrayContaining(['search_datadog_logs', 'get_datadog_metric', 'delete_datadog_monitor', 'analyze_datadog_logs']),
    );
    expect(tools.find((t) => t.name === 'get_datadog_metric')?.outputSchema).toMatchObject({ type: 'object' });
    await transport.terminateSession();
    expect(sandbox.received().map((r) => r.verb)).toEqual(expect.arrayContaining(['POST', 'GET', 'DELETE']));
    const old = await rawPost(
      { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      { 'mcp-session-id': String(sandbox.received().at(-1)?.headers['mcp-session-id']) },
    );
    expect(old.status).toBe(404);
  });

  test('progress arrives while the call runs', async () => {
    const { client, connect } = await legacy();
    await connect();
    const seen: number[] = [];
    const result = await client.callTool({ name: 'analyze_datadog_logs', arguments: { query: 'service:checkout' } }, undefined, {
      onprogress: (p) => seen.push(p.progress),
    });
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(JSON.parse(text(result)).rows[0]).toMatchObject({ service: 'checkout', status: 'info' });
  });

  test('a change shows on the GET stream of who has subscribed', async () => {
    const { client, connect } = await legacy();
    await connect();
    const [monitor] = sandbox.world.monitors.values();
    const uri = `datadog://monitors/${monitor?.id}`;
    const updated = new Promise((resolve) => client.setNotificationHandler(ResourceUpdatedNotificationSchema, (n) => resolve(n.params.uri)));
    await client.subscribeResource({ uri });
    await client.callTool({ name: 'mute_datadog_monitor', arguments: { monitor_id: monitor?.id } });
    expect(await updated).toBe(uri);
    const read = await client.readResource({ uri });
    expect(JSON.parse((read.contents[0] as { text: string }).text)).toMatchObject({ muted: true });
  });

  test('the server asks back with an elicitation before it resolves an incident', async () => {
    const { client, connect } = await legacy('/v1/mcp', { elicitation: { form: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { confirm: false } }));
    await connect();
    const refused = await client.callTool({ name: 'update_datadog_incident', arguments: { incident_id: 'IR-4103', state: 'resolved' } });
    expect(refused.isError).toBe(true);
    expect(text(refused)).toContain('not confirmed');
  });
});

describe('SDK v2', () => {
  test('auto: the modern revision, without sessions', async () => {
    const client = await modern('auto');
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    const result = await client.callTool({ name: 'get_datadog_metric', arguments: { query: 'p95:checkout.latency{env:prod} by {host}', from: 'now-1h' } });
    const { series } = result.structuredContent as { series: { points: unknown[] }[] };
    expect(series).toHaveLength(3);
    expect(series[0]?.points.length).toBeGreaterThan(200);
    const calls = sandbox.received().filter((r) => r.messages[0]?.method === 'tools/call');
    expect(calls[0]?.headers).toMatchObject({ 'mcp-method': 'tools/call', 'mcp-name': 'get_datadog_metric' });
    expect(calls[0]?.headers['mcp-session-id']).toBeUndefined();
  });

  test('auto: progress upgrades the answer to a stream', async () => {
    const client = await modern('auto');
    const seen: number[] = [];
    await client.callTool({ name: 'analyze_datadog_logs', arguments: {} }, { onprogress: (p) => seen.push(p.progress) });
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  test('auto: who hangs up cancels the call', async () => {
    const client = await modern('auto');
    const cancel = new AbortController();
    const call = client.callTool({ name: 'analyze_datadog_logs', arguments: { from: 'now-3h' } }, { onprogress: () => cancel.abort(), signal: cancel.signal });
    await expect(call).rejects.toThrow();
    await vi.waitFor(() => expect(sandbox.received().at(-1)).toMatchObject({ ended: 'aborted' }), { interval: 5 });
  });

  test('auto: input_required and its retry', async () => {
    const client = await modern('auto');
    const result = await client.callTool({ name: 'update_datadog_incident', arguments: { incident_id: 'IR-4103', state: 'resolved' } });
    expect(result.structuredContent).toEqual({ incident: { id: 'IR-4103', title: 'Double charges on checkout', state: 'resolved' } });
    expect(sandbox.received().filter((r) => r.messages[0]?.name === 'update_datadog_incident')).toHaveLength(2);
  });

  test('legacy: the older revision, with a session', async () => {
    const client = await modern('legacy', '/api/unstable/mcp-server/mcp');
    expect(client.getNegotiatedProtocolVersion()).toBe('2025-11-25');
    await client.listTools();
    expect(sandbox.received().at(-1)?.headers['mcp-session-id']).toBeDefined();
  });
});

test('a change is visible, a deleted monitor is gone, an unknown one is an error', async () => {
  const client = await modern('auto');
  const [monitor] = sandbox.world.monitors.values();
  const call = () => client.callTool({ name: 'delete_datadog_monitor', arguments: { monitor_id: monitor?.id } });
  expect((await call()).isError).toBeFalsy();
  expect(sandbox.world.monitors.has(monitor?.id ?? 0)).toBe(false);
  expect((await call()).isError).toBe(true);
});

test('an incident carries personal data in its text and in its structured content', async () => {
  const client = await modern('auto');
  const result = await client.callTool({ name: 'get_datadog_incident', arguments: { incident_id: 'IR-4103' } });
  const { email, card, secrets, ip, phone, iban, password } = sandbox.world.sensitive;
  for (const form of [text(result), JSON.stringify(result.structuredContent)]) {
    for (const kind of [email, card, ip, phone, iban, password]) expect(kind.some((value) => form.includes(value))).toBe(true);
    for (const secret of secrets) expect(form).toContain(secret);
  }
});

test('the limit makes an answer as long as one likes', async () => {
  const client = await modern('auto');
  const bytes = async (limit: number) => text(await client.callTool({ name: 'search_datadog_logs', arguments: { from: 'now-4h', limit } })).length;
  expect(await bytes(120)).toBeGreaterThan(64 * 1024);
  expect(await bytes(2_000)).toBeGreaterThan(1024 * 1024);
});

test('toolsets: core unless the query or the header says more', async () => {
  const names = async (path: string) => (await (await modern('auto', path)).listTools()).tools.map((t) => t.name);
  expect(await names('/v1/mcp')).not.toContain('get_datadog_trace');
  expect(await names('/v1/mcp?toolsets=core,apm')).toContain('get_datadog_trace');
  expect(await names('/v1/mcp?toolsets=apm')).toEqual(['get_datadog_trace']);
});

test('prompts and resources are listed and read', async () => {
  const client = await modern('auto');
  expect((await client.listPrompts()).prompts.map((p) => p.name)).toEqual(['triage-incident', 'service-health']);
  const prompt = await client.getPrompt({ name: 'service-health', arguments: { service: 'checkout' } });
  expect(JSON.stringify(prompt.messages)).toContain('p95:checkout.latency');
  expect((await client.listResources()).resources.map((r) => r.uri)).toContain('datadog://services');
});

test('without both keys nobody is served, and the log names the headers but not their values', async () => {
  const response = await fetch(sandbox.mcpUrl, {
    method: 'POST',
    headers: { DD_API_KEY: sandbox.credentials.apiKey, DD_APPLICATION_KEY: 'wrong' },
    body: '{}',
  });
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toContain('resource_metadata');
  expect(sandbox.received()[0]).toMatchObject({ credentials: ['dd_api_key', 'dd_application_key'], body: '{}' });
  expect(JSON.stringify(sandbox.received())).not.toContain(sandbox.credentials.apiKey);
});

async function rawPost(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(sandbox.mcpUrl, {
    method: 'POST',
    headers: { ...keys(), 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(body),
  });
}

interface SseEvent {
  readonly id: string;
  readonly data: string;
  readonly retry: string | undefined;
}

/** Reads events until `enough` says so; then cuts the connection unless the stream has ended. */
async function readEvents(response: Response, enough: (events: readonly SseEvent[]) => boolean): Promise<SseEvent[]> {
  const events: SseEvent[] = [];
  let buffered = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    buffered += decoder.decode(chunk, { stream: true });
    for (let end = buffered.indexOf('\n\n'); end >= 0; end = buffered.indexOf('\n\n')) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(buffered.slice(0, end))?.[1];
      events.push({ id: field('id') ?? '', data: field('data') ?? '', retry: field('retry') });
      buffered = buffered.slice(end + 2);
    }
    if (enough(events)) return events;
  }
  return events;
}

test('a lost legacy stream is resumed with Last-Event-ID; retry is told', async () => {
  const slow = await startSandbox({ stepMs: 40 });
  const quick = sandbox;
  sandbox = slow;
  try {
    const opened = await rawPost({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
    });
    const session = { 'mcp-session-id': String(opened.headers.get('mcp-session-id')), 'mcp-protocol-version': '2025-11-25' };
    await opened.text();
    await rawPost({ jsonrpc: '2.0', method: 'notifications/initialized' }, session);
    const call = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'analyze_datadog_logs', arguments: {}, _meta: { progressToken: 'p' } } };
    const before = await readEvents(await rawPost(call, session), (events) => events.length >= 3);
    expect(before[0]).toMatchObject({ data: '', retry: '200' });
    await vi.waitFor(() => expect(slow.received().at(-1)).toMatchObject({ ended: 'aborted' }), { interval: 5 });
    const resumed = await fetch(slow.mcpUrl, { headers: { ...keys(), ...session, accept: 'text/event-stream', 'last-event-id': String(before.at(-1)?.id) } });
    expect(resumed.status).toBe(200);
    const after = await readEvents(resumed, (events) => events.some((e) => e.data.includes('"id":7')));
    const progress = [...before, ...after].filter((e) => e.data.includes('notifications/progress')).map((e) => JSON.parse(e.data).params.progress);
    expect(progress).toEqual([1, 2, 3, 4, 5]);
    const foreign = await fetch(slow.mcpUrl, { headers: { ...keys(), ...session, accept: 'text/event-stream', 'last-event-id': 'nobody_knows_1' } });
    expect(foreign.status).toBe(400);
  } finally {
    sandbox = quick;
    await slow.close();
  }
});

describe('ordered faults', () => {
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} };

  test('a status, only for the request it names', async () => {
    sandbox.failNext({ kind: 'status', on: 'tools/list', status: 503, body: 'later' });
    expect((await rawPost({ jsonrpc: '2.0', id: 1, method: 'ping' })).status).not.toBe(503);
    const failed = await rawPost(list);
    expect([failed.status, await failed.text()]).toEqual([503, 'later']);
    expect((await rawPost(list)).status).not.toBe(503);
  });

  test('a cut: the answer begins and the connection dies', async () => {
    sandbox.failNext({ kind: 'cut', afterBytes: 10 });
    const response = await rawPost(list);
    await expect(response.text()).rejects.toThrow();
    expect(sandbox.received().at(-1)).toMatchObject({ ended: 'aborted' });
  });

  test('a stall ends when the caller gives up', async () => {
    sandbox.failNext({ kind: 'stall' });
    const answer = fetch(sandbox.mcpUrl, { method: 'POST', body: '{}', headers: keys(), signal: AbortSignal.timeout(50) });
    await expect(answer).rejects.toThrow();
  });
});

test('the same over HTTP, for other processes', async () => {
  await fetch(`${sandbox.url}/__fault`, { method: 'POST', body: JSON.stringify({ kind: 'status', status: 502 }) });
  expect((await rawPost({})).status).toBe(502);
  const log = (await (await fetch(`${sandbox.url}/__log`)).json()) as { requests: unknown[]; monitors: unknown[] };
  expect(log.requests).toHaveLength(1);
  expect(log.monitors).toHaveLength(16);
  await fetch(`${sandbox.url}/__log`, { method: 'DELETE' });
  expect(sandbox.received()).toHaveLength(0);
});

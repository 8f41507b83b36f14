// MCP's own ways to talk back, with the SDKs of both eras at both ends, through the forwarder alone and with a gateway behind it.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FixtureServer, serveFixture } from '../conformance/endpoint.ts';
import { legacyEndpoint } from '../conformance/server-legacy.ts';
import { modernEndpoint } from '../conformance/server-modern.ts';
import { cancelledCalls } from '../conformance/tools.ts';
import { type OpenWay, ThroughGateway, throughForwarder } from '../conformance/ways.ts';

const me = { name: 'protocol-test', version: '1.0.0' };
let gateway: ThroughGateway;
beforeAll(async () => {
  gateway = await ThroughGateway.start();
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe.each(['forwarder', 'forwarder + gateway'])('through %s', (name) => {
  let fixtures: readonly FixtureServer[];
  let ways: readonly OpenWay[];
  beforeAll(async () => {
    const way = name === 'forwarder' ? throughForwarder : gateway;
    fixtures = [await serveFixture(legacyEndpoint()), await serveFixture(modernEndpoint())];
    ways = [];
    for (const { url } of fixtures) ways = [...ways, await way.open(url)];
  });
  afterAll(async () => {
    for (const each of [...ways, ...fixtures]) await each[Symbol.asyncDispose]();
  });
  const endpoint = (era: 'legacy' | 'modern'): URL => new URL(ways[era === 'legacy' ? 0 : 1]?.endpoint ?? '');

  describe('SDK v1', () => {
    let client: OldClient;
    let transport: OldTransport;
    const logged: unknown[] = [];
    let questionGivenUp = false;
    beforeAll(async () => {
      client = new OldClient(me, { capabilities: { elicitation: { form: {} }, sampling: {} } });
      client.setRequestHandler(CreateMessageRequestSchema, () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'Paris' } }));
      client.setRequestHandler(ElicitRequestSchema, async ({ params }, { signal }) => {
        if (params.message !== 'Quick!') return { action: 'accept', content: { username: 'ada', email: 'a' } };
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        questionGivenUp = true;
        return { action: 'cancel' };
      });
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.data));
      transport = new OldTransport(endpoint('legacy'));
      // Its own declaration of `sessionId` does not fit exactOptionalPropertyTypes.
      await client.connect(transport as Parameters<OldClient['connect']>[0]);
    });
    afterAll(async () => {
      await transport.terminateSession();
      await client.close();
    });
    const said = async (tool: string, args = {}) => JSON.stringify((await client.callTool({ name: tool, arguments: args })).content);

    test('progress and logging', async () => {
      expect(transport.protocolVersion).toBe('2025-11-25');
      const seen: number[] = [];
      await client.callTool({ name: 'test_tool_with_progress' }, undefined, { onprogress: ({ progress }) => seen.push(progress) });
      expect(seen).toEqual([0, 50, 100]);
      await client.callTool({ name: 'test_tool_with_logging' });
      expect(logged).toEqual(['Tool execution started', 'Tool processing data', 'Tool execution completed']);
    });

    test('the server asks, the client answers', async () => {
      expect(await said('test_sampling', { prompt: 'Capital of France?' })).toContain('Paris');
      expect(await said('test_elicitation', { message: 'Who?' })).toContain('ada');
    });

    test('the client gives a call up, the server a question', async () => {
      const cancel = new AbortController();
      const mark = `v1 ${name}`;
      const options = { onprogress: () => cancel.abort(), signal: cancel.signal };
      await expect(client.callTool({ name: 'wait_to_be_cancelled', arguments: { mark } }, undefined, options)).rejects.toThrow();
      await expect.poll(() => cancelledCalls.has(mark)).toBe(true);
      expect(await said('ask_and_give_up')).toContain('given up');
      await expect.poll(() => questionGivenUp).toBe(true);
    });

    test('a stream that the server ends is resumed where it was', async () => {
      expect(await said('test_reconnection')).toContain('Answered after the stream was closed.');
    });
  });

  describe('SDK v2', () => {
    let client: Client;
    const logged: unknown[] = [];
    beforeAll(async () => {
      client = new Client(me, { capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} }, versionNegotiation: { mode: 'auto' } });
      client.setRequestHandler('elicitation/create', ({ params }) => ({
        action: 'accept',
        content: params.message.includes('color') ? { color: 'blue' } : { name: 'Ada', ok: true },
      }));
      client.setNotificationHandler('notifications/message', ({ params }) => void logged.push(params.data));
      await client.connect(new StreamableHTTPClientTransport(endpoint('modern')));
    });
    afterAll(() => client.close());

    test('progress, and logging where a request asks for it', async () => {
      expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
      const seen: number[] = [];
      await client.callTool({ name: 'test_tool_with_progress', arguments: {} }, { onprogress: ({ progress }) => seen.push(progress) });
      expect(seen).toEqual([0, 50, 100]);
      await client.callTool({ name: 'test_logging_tool', arguments: {} });
      expect(logged).toEqual([]);
      await client.callTool({ name: 'test_logging_tool', arguments: {}, _meta: { 'io.modelcontextprotocol/logLevel': 'debug' } });
      expect(logged).toEqual(['a line of log']);
    });

    test('input_required, round after round, its state as it was given', async () => {
      const { content } = await client.callTool({ name: 'test_input_required_result_multi_round', arguments: {} });
      expect(JSON.stringify(content)).toContain('Ada likes blue.');
      expect(JSON.stringify((await client.callTool({ name: 'test_input_required_result_request_state', arguments: {} })).content)).toContain('state-ok');
    });

    test('who hangs up cancels', async () => {
      const cancel = new AbortController();
      const mark = `v2 ${name}`;
      const options = { onprogress: () => cancel.abort(), signal: cancel.signal };
      await expect(client.callTool({ name: 'wait_to_be_cancelled', arguments: { mark } }, options)).rejects.toThrow();
      await expect.poll(() => cancelledCalls.has(mark)).toBe(true);
    });

    test('subscriptions/listen: what was asked for comes, marked with its subscription', async () => {
      const params = { _meta: modernMeta, notifications: { toolsListChanged: true } };
      const stop = new AbortController();
      const answer = await fetch(endpoint('modern'), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': 'subscriptions/listen',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 'listen', method: 'subscriptions/listen', params }),
        signal: stop.signal,
      });
      let heard = '';
      const changed = (async () => {
        for await (const bytes of answer.body ?? []) {
          heard += Buffer.from(bytes).toString('utf8');
          if (heard.includes('notifications/tools/list_changed')) return;
        }
      })();
      await expect.poll(() => heard).toContain('notifications/subscriptions/acknowledged');
      await client.callTool({ name: 'test_trigger_prompt_change', arguments: {} });
      await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
      await changed;
      expect(heard).not.toContain('prompts/list_changed');
      expect(heard.match(/io\.modelcontextprotocol\/subscriptionId/g)).toHaveLength(2);
      stop.abort();
    });
  });
});

const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': me,
  'io.modelcontextprotocol/clientCapabilities': {},
};

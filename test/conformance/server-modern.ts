// The fixture server on SDK v2: the modern era per request, the legacy era with sessions, on one URL.
import {
  createMcpHandler,
  createRequestStateCodec,
  fromJsonSchema,
  isLegacyRequest,
  McpServer,
  ResourceTemplate,
  type ServerNotifier,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { capabilities, fixturePrompts, fixtureResources, fixtureTemplate, messagesOf, serverInfo } from './contents.ts';
import { type FixtureEndpoint, SessionedEndpoint } from './endpoint.ts';
import { type RequestStates, registerRounds } from './rounds.ts';
import { richSchema, withHeaders } from './schemas.ts';
import { type FixtureTool, fixtureTools } from './tools.ts';

/** The endpoint of a server of SDK v2. */
export function modernEndpoint(): FixtureEndpoint {
  const states: RequestStates = createRequestStateCodec({ key: crypto.getRandomValues(new Uint8Array(32)) });
  const modern = createMcpHandler(() => modernServer(states, modern.notify), { legacy: 'reject' });
  const legacy = new SessionedEndpoint(async (options) => {
    const server = modernServer(states, modern.notify);
    const transport = new WebStandardStreamableHTTPServerTransport(options);
    await server.connect(transport);
    return { transport, close: () => server.close() };
  });
  return {
    fetch: async (request) => ((await isLegacyRequest(request)) ? legacy.fetch(request) : modern.fetch(request)),
    async close() {
      await modern.close();
      await legacy.close();
    },
  };
}

function modernServer(states: RequestStates, notify: ServerNotifier): McpServer {
  const server = new McpServer(serverInfo, { capabilities, requestState: { verify: states.verify } });
  for (const tool of fixtureTools) registerTool(server, tool);
  registerChanges(server, notify);
  registerRounds(server, states);
  const description = 'Answers with its arguments';
  server.registerTool('json_schema_2020_12_tool', { description, inputSchema: fromJsonSchema(richSchema) }, (args) => said(JSON.stringify(args)));
  server.registerTool('test_x_mcp_header', { description, inputSchema: withHeaders }, (args) => said(JSON.stringify(args)));
  registerContents(server);
  return server;
}

function registerTool(server: McpServer, { name, description, input, run }: FixtureTool): void {
  server.registerTool(name, { description, inputSchema: z.object({ ...input }) }, async (args, { mcpReq, http }) => ({
    content: await run(args, {
      progressToken: mcpReq._meta?.progressToken,
      notify: (method, params) => mcpReq.notify({ method, params }),
      ask: (method, params, givenUp) => mcpReq.send({ method, params }, givenUp && { signal: givenUp }),
      signal: mcpReq.signal,
      closeStream: () => http?.closeSSE?.(),
    }),
  }));
}

/** What the suite pulls to see notifications come out of a `subscriptions/listen`, and a tool that logs only where it is asked to. */
function registerChanges(server: McpServer, notify: ServerNotifier): void {
  const inputSchema = z.object({});
  server.registerTool('test_trigger_tool_change', { description: 'Tells that the list of tools has changed', inputSchema }, () => {
    notify.toolsChanged();
    return said('told');
  });
  server.registerTool('test_trigger_prompt_change', { description: 'Tells that the list of prompts has changed', inputSchema }, () => {
    notify.promptsChanged();
    return said('told');
  });
  server.registerTool('test_logging_tool', { description: 'Logs a line where the request asks for logs', inputSchema }, async (_args, { mcpReq }) => {
    await mcpReq.log('info', 'a line of log');
    return said('logged');
  });
}

function registerContents(server: McpServer): void {
  for (const { name, uri, mimeType, description, body } of fixtureResources) {
    server.registerResource(name, uri, { mimeType, description }, () => ({ contents: [{ uri, mimeType, ...body }] }));
  }
  const { name, uriTemplate, description, read } = fixtureTemplate;
  server.registerResource(name, new ResourceTemplate(uriTemplate, { list: undefined }), { description }, (uri, { id }) => read(uri.href, String(id)));
  for (const { name: prompt, description: what, args, say } of fixturePrompts) {
    const argsSchema = z.object(Object.fromEntries(args.map((arg) => [arg, z.string()])));
    server.registerPrompt(prompt, { description: what, argsSchema }, (given) => ({ messages: messagesOf(say(given)) }));
  }
  const { server: low } = server;
  low.setRequestHandler('completion/complete', () => ({ completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false } }));
  low.setRequestHandler('resources/subscribe', () => ({}));
  low.setRequestHandler('resources/unsubscribe', () => ({}));
}

function said(text: string) {
  return { content: [{ type: 'text' as const, text }] };
}

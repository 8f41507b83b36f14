// The fixture server on SDK v1: sessions, GET streams, resumption, requests to the client.
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import {
  CompleteRequestSchema,
  type ServerNotification,
  type ServerRequest,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { capabilities, fixturePrompts, fixtureResources, fixtureTemplate, messagesOf, serverInfo } from './contents.ts';
import { type FixtureEndpoint, SessionedEndpoint } from './endpoint.ts';
import { type FixtureTool, fixtureTools } from './tools.ts';

/** The endpoint of a server of SDK v1. */
export function legacyEndpoint(): FixtureEndpoint {
  return new SessionedEndpoint(async (options) => {
    const server = legacyServer();
    const transport = new WebStandardStreamableHTTPServerTransport(options);
    // Its own declaration of `sessionId` does not fit exactOptionalPropertyTypes.
    await server.connect(transport as Parameters<McpServer['connect']>[0]);
    return { transport, close: () => server.close() };
  });
}

function legacyServer(): McpServer {
  const server = new McpServer(serverInfo, { capabilities });
  for (const tool of fixtureTools) registerTool(server, tool);
  for (const { name, uri, mimeType, description, body } of fixtureResources) {
    server.registerResource(name, uri, { mimeType, description }, () => ({ contents: [{ uri, mimeType, ...body }] }));
  }
  const { name, uriTemplate, description, read } = fixtureTemplate;
  server.registerResource(name, new ResourceTemplate(uriTemplate, { list: undefined }), { description }, (uri, { id }) => read(uri.href, String(id)));
  for (const { name: prompt, description: what, args, say } of fixturePrompts) {
    const argsSchema = Object.fromEntries(args.map((arg) => [arg, z.string()]));
    server.registerPrompt(prompt, { description: what, argsSchema }, (given) => ({ messages: messagesOf(say(given)) }));
  }
  const { server: low } = server;
  low.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false } }));
  low.setRequestHandler(SubscribeRequestSchema, () => ({}));
  low.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  low.setRequestHandler(SetLevelRequestSchema, () => ({}));
  return server;
}

function registerTool(server: McpServer, { name, description, input, run }: FixtureTool): void {
  server.registerTool(name, { description, inputSchema: { ...input } }, async (args, extra) => ({
    content: await run(args, {
      progressToken: extra._meta?.progressToken,
      notify: (method, params) => extra.sendNotification({ method, params } as ServerNotification),
      ask: (method, params, givenUp) => extra.sendRequest({ method, params } as ServerRequest, z.looseObject({}), givenUp && { signal: givenUp }),
      signal: extra.signal,
      closeStream: () => extra.closeSSEStream?.(),
    }),
  }));
}

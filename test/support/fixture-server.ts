// An MCP server for tests of transports, as a process of its own: `node fixture-server.ts stdio | http | sse`. Where it listens it prints the URL.
import { createServer, type ServerResponse } from 'node:http';
import { McpServer as LegacyServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import {
  acceptedContent,
  createMcpHandler,
  inputRequired,
  isLegacyRequest,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';
import { makeEventStore } from '../../src/dev/event-store.ts';
import { answerWith, readBody } from '../../src/dev/http.ts';
import { listenOnLoopback } from '../../src/dev/listen.ts';

const info = { name: 'fixture', version: '1.0.0' };
const yes = z.object({ yes: z.boolean() });
const question = { message: 'Sure?', requestedSchema: { type: 'object' as const, properties: { yes: { type: 'boolean' as const } }, required: ['yes'] } };
const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] });

/** Of SDK v2, for both eras. */
function surface(): McpServer {
  const server = new McpServer(info, { capabilities: { logging: {}, tools: {} } });
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, ({ text: said }) => text(said));
  server.registerTool('steps', {}, async ({ mcpReq }) => {
    for (let progress = 1; progress <= 3; progress++) {
      const progressToken = mcpReq._meta?.progressToken;
      if (progressToken !== undefined) await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 3 } });
    }
    return text('done');
  });
  server.registerTool('ask', {}, ({ mcpReq: { inputResponses } }) => {
    if (inputResponses === undefined) return inputRequired({ inputRequests: { sure: inputRequired.elicit({ message: 'Sure?', requestedSchema: yes }) } });
    return text(acceptedContent(inputResponses, 'sure', yes)?.yes === true ? 'yes' : 'no');
  });
  server.registerTool('wait', {}, async ({ mcpReq }) => {
    await new Promise((resolve) => mcpReq.signal.addEventListener('abort', resolve));
    console.error('the wait was given up');
    return text('given up');
  });
  server.registerTool('crash', { inputSchema: z.object({ code: z.number() }) }, ({ code }) => process.exit(code));
  return server;
}

/** Of SDK v1, which alone has the transport of 2024-11-05. */
function oldSurface(): LegacyServer {
  const server = new LegacyServer(info, { capabilities: { logging: {} } });
  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text: said }) => text(said));
  server.registerTool('steps', {}, async ({ _meta, sendNotification }) => {
    for (let progress = 1; progress <= 3; progress++) {
      const progressToken = _meta?.progressToken;
      if (progressToken !== undefined) await sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: 3 } });
    }
    return text('done');
  });
  server.registerTool('ask', {}, async ({ sendRequest }) => {
    const { action, content } = await sendRequest({ method: 'elicitation/create', params: question }, ElicitResultSchema);
    return text(action === 'accept' && content?.yes === true ? 'yes' : 'no');
  });
  return server;
}

async function serveHttp(): Promise<string> {
  const modern = createMcpHandler(() => surface(), { legacy: 'reject' });
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const open = async (request: Request): Promise<Response> => {
    const transport: WebStandardStreamableHTTPServerTransport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      eventStore: makeEventStore(),
      retryInterval: 20,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await surface().connect(transport);
    return transport.handleRequest(request);
  };
  const lost = () => Response.json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null }, { status: 404 });
  const fetch = async (request: Request): Promise<Response> => {
    if (!(await isLegacyRequest(request))) return modern.fetch(request);
    const id = request.headers.get('mcp-session-id');
    return id === null ? open(request) : (sessions.get(id)?.handleRequest(request) ?? lost());
  };
  const server = createServer((request, response) => {
    void readBody(request).then((body) => answerWith(fetch, request, body ?? Buffer.alloc(0), response));
  });
  return `${await listenOnLoopback(server, Number(process.argv[3] ?? 0))}/mcp`;
}

async function serveSse(): Promise<string> {
  const transports = new Map<string, SSEServerTransport>();
  const open = async (response: ServerResponse): Promise<void> => {
    const transport = new SSEServerTransport('/messages', response);
    transports.set(transport.sessionId, transport);
    await oldSurface().connect(transport as Parameters<LegacyServer['connect']>[0]);
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const transport = transports.get(url.searchParams.get('sessionId') ?? '');
    if (request.method === 'GET' && url.pathname === '/sse') void open(response);
    else if (request.method === 'POST' && transport !== undefined) void transport.handlePostMessage(request, response);
    else response.writeHead(404).end();
  });
  return `${await listenOnLoopback(server, Number(process.argv[3] ?? 0))}/sse`;
}

switch (process.argv[2]) {
  case 'stdio':
    console.error(`fixture up as ${process.pid}, token ghp_${'a1B2c3D4e5F6'.repeat(3)}`);
    serveStdio(surface);
    break;
  case 'sse':
    console.log(await serveSse());
    break;
  default:
    console.log(await serveHttp());
}

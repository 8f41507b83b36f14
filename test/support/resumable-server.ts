// A server of SDK v1 whose sessions and events outlive its process: `node resumable-server.ts PORT FILE`. It prints `ready`, and `stored ID` once
// an answer stands in the file. Its tool closes the stream of the call before it answers.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { type EventStore, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { answerWith, readBody } from '../../src/dev/http.ts';
import { listenOnLoopback } from '../../src/dev/listen.ts';

type Line = { readonly session: string; readonly initialize: string } | { readonly id: string; readonly streamId: string; readonly message: JSONRPCMessage };

const [port, file] = [Number(process.argv[2]), String(process.argv[3])];
const lines = (): Line[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Line)
    : [];
const add = (line: Line): void => appendFileSync(file, `${JSON.stringify(line)}\n`);
const events = () => lines().flatMap((line) => ('streamId' in line ? [line] : []));

const eventStore: EventStore = {
  storeEvent: async (streamId, message) => {
    const id = `e${lines().length}`;
    add({ id, streamId, message });
    if ('result' in message) console.log(`stored ${message.id}`);
    return id;
  },
  getStreamIdForEventId: async (id) => events().find((event) => event.id === id)?.streamId,
  replayEventsAfter: async (lastEventId, { send }) => {
    const all = events();
    const last = all.findIndex(({ id }) => id === lastEventId);
    const streamId = all[last]?.streamId ?? '';
    for (const event of all.slice(last + 1)) if (event.streamId === streamId && 'jsonrpc' in event.message) await send(event.id, event.message);
    return streamId;
  },
};

const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

async function open(initialize: Request, id: string): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => id, eventStore, retryInterval: 20 });
  sessions.set(id, transport);
  const server = new McpServer({ name: 'resumable', version: '1.0.0' });
  server.registerTool('later', {}, async ({ closeSSEStream }) => {
    closeSSEStream?.();
    return { content: [{ type: 'text', text: 'late, but here' }] };
  });
  await server.connect(transport as Parameters<McpServer['connect']>[0]);
  return transport.handleRequest(initialize);
}

async function fetch(request: Request): Promise<Response> {
  const id = request.headers.get('mcp-session-id');
  if (id === null) {
    const session = crypto.randomUUID();
    add({ session, initialize: await request.clone().text() });
    return open(request, session);
  }
  const known = lines().find((line) => 'session' in line && line.session === id);
  if (known === undefined || !('session' in known)) return new Response('no such session', { status: 404 });
  if (!sessions.has(id)) {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    await open(new Request('http://localhost/mcp', { method: 'POST', headers, body: known.initialize }), id);
  }
  return sessions.get(id)?.handleRequest(request) ?? new Response(null, { status: 500 });
}

const server = createServer((request, response) => {
  void readBody(request).then((body) => answerWith(fetch, request, body ?? Buffer.alloc(0), response));
});
await listenOnLoopback(server, port);
console.log('ready');

// The sandbox's MCP endpoint: the modern era per request, the legacy era with sessions, on one URL. Knows nothing of sockets.
import { randomUUID } from 'node:crypto';
import { createMcpHandler, isLegacyRequest, type McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import { limits } from '../base/limits.ts';
import { makeEventStore } from './event-store.ts';
import { makeSurface } from './surface.ts';
import type { World } from './world.ts';

const SESSIONS_MAX = 500;
const RETRY_MS = 200;
const KEEP_ALIVE_MS = 15_000;

export interface McpEndpoint {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

interface LegacySession {
  readonly server: McpServer;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly subscribed: Set<string>;
}

/** Serves `world` over MCP. `stepMs` is how long each step of `analyze_datadog_logs` takes. */
export function makeMcpEndpoint(world: World, stepMs: number): McpEndpoint {
  const sessions = new Map<string, LegacySession>();
  const changed = (uri: string) => {
    for (const session of sessions.values()) {
      // A client that has gone without a word is not the business of the one that made the change.
      if (session.subscribed.has(uri)) session.server.server.sendResourceUpdated({ uri }).catch(() => {});
    }
    modern.notify.resourceUpdated(uri);
  };
  const tools = { world, changed, stepMs };
  const modern = createMcpHandler((context) => makeSurface(tools, context.requestInfo), {
    legacy: 'reject',
    keepAliveMs: KEEP_ALIVE_MS,
    maxRequestBodySize: limits.requestBytesMax,
  });

  const open = async (request: Request): Promise<Response> => {
    const server = makeSurface(tools, request);
    const session: LegacySession = { server, transport: makeTransport(sessions, () => session), subscribed: new Set() };
    serveSubscriptions(session);
    await server.connect(session.transport);
    const response = await session.transport.handleRequest(request);
    if (session.transport.sessionId === undefined) await server.close();
    return response;
  };

  return {
    async fetch(request) {
      if (!(await isLegacyRequest(request, undefined, { maxRequestBodySize: limits.requestBytesMax }))) return modern.fetch(request);
      const id = request.headers.get('mcp-session-id');
      if (id === null) return open(request);
      const session = sessions.get(id);
      if (session) return session.transport.handleRequest(request);
      return Response.json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null }, { status: 404 });
    },
    async close() {
      await modern.close();
      for (const session of sessions.values()) await session.server.close();
      sessions.clear();
    },
  };
}

function makeTransport(sessions: Map<string, LegacySession>, session: () => LegacySession): WebStandardStreamableHTTPServerTransport {
  return new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    eventStore: makeEventStore(),
    retryInterval: RETRY_MS,
    keepAliveMs: KEEP_ALIVE_MS,
    maxRequestBodySize: limits.requestBytesMax,
    onsessioninitialized: async (id) => {
      sessions.set(id, session());
      const [oldest] = sessions;
      if (sessions.size <= SESSIONS_MAX || oldest === undefined) return;
      sessions.delete(oldest[0]);
      await oldest[1].server.close();
    },
    onsessionclosed: (id) => void sessions.delete(id),
  });
}

/** `resources/subscribe` and its opposite; the modern era has `subscriptions/listen`, which the SDK serves itself. */
function serveSubscriptions({ server, subscribed }: LegacySession): void {
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
}

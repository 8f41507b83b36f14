// What the fixture servers share below MCP: a loopback port, a check of Host and Origin, and the sessions of the legacy era.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { makeEventStore } from '../../src/dev/event-store.ts';
import { answerWith, isLoopbackHost, readBody, sendJson } from '../../src/dev/http.ts';
import { closeServer, listenOnLoopback } from '../../src/dev/listen.ts';

export interface FixtureEndpoint {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

export interface FixtureServer extends AsyncDisposable {
  /** Its MCP endpoint. */
  readonly url: string;
}

/** How soon a client is to come back for a stream that was closed. */
const RETRY_MS = 100;

/** Options of both SDKs' Streamable HTTP transport. */
export interface SessionOptions {
  readonly sessionIdGenerator: () => string;
  readonly eventStore: ReturnType<typeof makeEventStore>;
  readonly retryInterval: number;
  readonly onsessioninitialized: (id: string) => void;
  readonly onsessionclosed: (id: string) => void;
}

interface Session {
  readonly transport: { readonly sessionId?: string | undefined; handleRequest(request: Request): Promise<Response> };
  close(): Promise<void>;
}

/** Serves `endpoint` on a free port of 127.0.0.1. */
export async function serveFixture(endpoint: FixtureEndpoint): Promise<FixtureServer> {
  const server = createServer((request, response) => {
    const { host, origin } = request.headers;
    if (!isLoopbackHost(host) || (origin !== undefined && !isLoopbackHost(origin.replace(/^https?:\/\//, '')))) {
      sendJson(response, 403, { error: 'Forbidden' });
      return;
    }
    readBody(request)
      .then((body) => (body === undefined ? sendJson(response, 413, {}) : answerWith((read) => endpoint.fetch(read), request, body, response)))
      .catch(() => response.destroy());
  });
  const origin = await listenOnLoopback(server, 0);
  return {
    url: `${origin}/mcp`,
    async [Symbol.asyncDispose]() {
      await endpoint.close();
      await closeServer(server);
    },
  };
}

/** One server and transport for each session. */
export class SessionedEndpoint implements FixtureEndpoint {
  readonly #open: (options: SessionOptions) => Promise<Session>;
  readonly #sessions = new Map<string, Session>();

  constructor(open: (options: SessionOptions) => Promise<Session>) {
    this.#open = open;
  }

  async fetch(request: Request): Promise<Response> {
    const id = request.headers.get('mcp-session-id');
    if (id !== null) {
      const known = this.#sessions.get(id);
      if (known) return known.transport.handleRequest(request);
      return Response.json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null }, { status: 404 });
    }
    const session: Session = await this.#open({
      sessionIdGenerator: () => randomUUID(),
      eventStore: makeEventStore(),
      retryInterval: RETRY_MS,
      onsessioninitialized: (opened) => void this.#sessions.set(opened, session),
      onsessionclosed: (closed) => void this.#sessions.delete(closed),
    });
    const response = await session.transport.handleRequest(request);
    if (session.transport.sessionId === undefined) await session.close();
    return response;
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await session.close();
    this.#sessions.clear();
  }
}

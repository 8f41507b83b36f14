// The sandbox upstream of `mcprec dev`: Datadog-shaped MCP server and intake on one loopback port, with its own log of what arrived.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../base/clock.ts';
import { createServer } from '../transport/node-http.ts';
import { applyFault, type Fault, faultSchema, takeFault } from './faults.ts';
import { answerWith, isLoopbackHost, readBody, sendJson } from './http.ts';
import { type Intake, type IntakeRecord, makeIntake } from './intake.ts';
import { closeServer, listenOnLoopback } from './listen.ts';
import { type McpEndpoint, makeMcpEndpoint } from './mcp.ts';
import { hex } from './seeded.ts';
import { UpstreamLog, type UpstreamRequest } from './upstream-log.ts';
import { makeWorld, type World } from './world.ts';

/** Where the MCP endpoint is: today's path and the one that Datadog had before. */
export const mcpPaths: readonly string[] = ['/v1/mcp', '/api/unstable/mcp-server/mcp'];
/** What the sandbox's data are made from where no seed is given. */
export const defaultSeed = 20_261_122;
const STEP_MS = 120;

export interface SandboxCredentials {
  readonly apiKey: string;
  readonly applicationKey: string;
}

export interface SandboxOptions {
  /** 0 takes a free one. */
  readonly port?: number;
  /** The same seed and clock give the same answers. */
  readonly seed?: number;
  readonly clock?: Clock;
  /** Made from the seed where they are left out. */
  readonly credentials?: SandboxCredentials;
  /** How long each of the five steps of `analyze_datadog_logs` takes. */
  readonly stepMs?: number;
}

export interface Sandbox {
  /** `http://127.0.0.1:PORT`; the intake is `{url}/api/…`. */
  readonly url: string;
  readonly mcpUrl: string;
  readonly credentials: SandboxCredentials;
  /** What the answers are made of; its monitors change when a tool changes them. */
  readonly world: World;
  /** Every request that arrived, oldest first; over HTTP: `GET {url}/__log`. */
  received(): readonly UpstreamRequest[];
  /** What the intake accepted, decoded. */
  intake(): readonly IntakeRecord[];
  /** Forgets both; over HTTP: `DELETE {url}/__log`. */
  clear(): void;
  /** The next request, or the next that `fault.on` names, gets this instead of its answer; over HTTP: `POST {url}/__fault`. */
  failNext(fault: Fault): void;
  close(): Promise<void>;
}

interface Parts {
  readonly clock: Clock;
  readonly credentials: SandboxCredentials;
  readonly world: World;
  readonly mcp: McpEndpoint;
  readonly intake: Intake;
  readonly log: UpstreamLog;
  readonly faults: Fault[];
}

/** Starts the sandbox on 127.0.0.1. Throws `port_taken`. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const seed = options.seed ?? defaultSeed;
  const clock = options.clock ?? systemClock;
  const credentials = options.credentials ?? { apiKey: hex(32, seed, 'api key'), applicationKey: hex(40, seed, 'application key') };
  const world = makeWorld(seed, clock);
  const parts: Parts = {
    clock,
    credentials,
    world,
    mcp: makeMcpEndpoint(world, options.stepMs ?? STEP_MS),
    intake: makeIntake(credentials.apiKey, () => clock.wallMs()),
    log: new UpstreamLog(),
    faults: [],
  };
  const server = createServer((request, response) => {
    serve(parts, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendJson(response, 400, { errors: [error instanceof Error ? error.message : 'Bad request'] });
    });
  });
  const url = await listenOnLoopback(server, options.port ?? 0);
  return {
    url,
    mcpUrl: `${url}${mcpPaths[0]}`,
    credentials,
    world,
    received: () => parts.log.all(),
    intake: () => parts.intake.received(),
    clear: () => clear(parts),
    failNext: (fault) => void parts.faults.push(fault),
    async close() {
      await parts.mcp.close();
      await closeServer(server);
    },
  };
}

async function serve(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isLoopbackHost(request.headers.host)) return sendJson(response, 403, { errors: ['Forbidden'] });
  const url = new URL(request.url ?? '/', 'http://sandbox');
  const verb = request.method ?? 'GET';
  const body = await readBody(request);
  if (body === undefined) return sendJson(response, 413, { errors: ['Payload too big'] }, { connection: 'close' });
  if (url.pathname.startsWith('/__')) return control(parts, `${verb} ${url.pathname}`, body, response);
  const entry = parts.log.add({ atMs: parts.clock.wallMs(), verb, path: `${url.pathname}${url.search}`, headers: request.headers, body });
  response.once('close', () => parts.log.end(entry, response.headersSent ? response.statusCode : undefined, response.writableFinished));
  const fault = takeFault(parts.faults, [url.pathname, ...entry.messages.flatMap((m) => [m.method, m.name])]);
  if (fault && applyFault(fault, response)) return;
  if (mcpPaths.includes(url.pathname)) {
    if (holdsCredentials(request, parts.credentials)) await answerWith(parts.mcp.fetch, request, body, response);
    else sendJson(response, 401, { errors: ['Unauthorized'] }, { 'www-authenticate': challenge(request) });
    return;
  }
  const answer = await parts.intake.answer({ verb, path: url.pathname, query: url.searchParams, headers: request.headers, body });
  sendJson(response, answer.status, answer.body);
}

/** What a demo or a test in another process asks the sandbox itself; not logged. */
function control(parts: Parts, asked: string, body: Buffer, response: ServerResponse): void {
  switch (asked) {
    case 'GET /__log':
      sendJson(response, 200, { requests: parts.log.all(), intake: parts.intake.received(), monitors: [...parts.world.monitors.values()] });
      return;
    case 'DELETE /__log':
      clear(parts);
      break;
    case 'POST /__fault':
      parts.faults.push(faultSchema.parse(JSON.parse(body.toString('utf8'))));
      break;
    default:
      sendJson(response, 404, { errors: ['Not found'] });
      return;
  }
  response.writeHead(204).end();
}

function clear(parts: Parts): void {
  parts.log.clear();
  parts.intake.clear();
}

function holdsCredentials(request: IncomingMessage, credentials: SandboxCredentials): boolean {
  return request.headers.dd_api_key === credentials.apiKey && request.headers.dd_application_key === credentials.applicationKey;
}

/** What sends an SDK client to a log-in of its own, as Datadog's server does; a gateway must not pass it on (RULES R1). */
function challenge(request: IncomingMessage): string {
  return `Bearer resource_metadata="http://${request.headers.host}/.well-known/oauth-protected-resource"`;
}

// The gateway's side of the data path: `{gateway}/c/<connection>/…`. Lets requests in, and runs the same steps as the forwarder.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { asMcprecError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { draftToolChange } from '../path/listing.ts';
import { answerPlain, answerStranger, type Refusal } from '../protocol/refusal.ts';
import { readBody } from '../transport/body.ts';
import { answerLocally, serveExchange } from '../transport/exchange.ts';
import type { Hop, ListedMessage } from '../transport/hop.ts';
import { HopMemory } from '../transport/hop-memory.ts';
import { UpstreamPool } from '../transport/upstream.ts';
import { answerRefused } from './authenticate.ts';
import type { LiveSession } from './live.ts';
import { SessionPipes } from './pipes.ts';
import { type UpstreamEdge, upstreamEdge } from './upstream-edge.ts';
import type { DataPath, DataPathParts } from './wiring.ts';

/** The data path of all connections. */
export function openDataPath(parts: DataPathParts): DataPath {
  return new SharedDataPath(parts);
}

class SharedDataPath implements DataPath {
  readonly #parts: DataPathParts;
  readonly #upstream = new UpstreamPool();
  readonly #pipes: SessionPipes;
  #edges: ReadonlyMap<string, UpstreamEdge> = new Map();
  readonly #memories = new Map<string, HopMemory>();
  readonly #inFlight = new Set<Promise<void>>();

  constructor(parts: DataPathParts) {
    this.#parts = parts;
    this.#pipes = new SessionPipes({ commands: parts.commands, http: this.#upstream, random: parts.ids.random, logger: parts.logger });
    this.redress(parts.credentials);
  }

  redress(credentials: DataPathParts['credentials']): void {
    const { connections } = this.#parts.config;
    this.#edges = new Map(Object.entries(connections).map(([name, connection]) => [name, upstreamEdge(connection, credentials.get(name) ?? [])]));
  }

  serve(request: IncomingMessage, response: ServerResponse, connection: string, rest: string): void {
    // A Date of ours would stand beside the upstream's.
    response.sendDate = false;
    if (this.#inFlight.size >= limits.exchangesMax) {
      answerLocally(response, answerStranger(rest, 503, `more than ${limits.exchangesMax} calls are in flight`, ['Retry-After', '1']));
      return;
    }
    const served = this.#letIn(request, response, connection, rest).catch((error: unknown) => {
      this.#parts.logger.error({ code: asMcprecError(error).code, connection }, 'a request could not be looked at');
      answerLocally(response, answerStranger(rest, 500, 'the gateway could not look at this request; its log says why'));
    });
    this.#inFlight.add(served);
    void served.finally(() => this.#inFlight.delete(served));
  }

  async close(): Promise<void> {
    this.#parts.holds.close();
    const late = new AbortController();
    await Promise.race([Promise.all(this.#inFlight), sleep(limits.drainMsMax, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    await this.#pipes.close();
    await this.#upstream.close();
  }

  async #letIn(request: IncomingMessage, response: ServerResponse, connection: string, rest: string): Promise<void> {
    const { authenticator, publicUrl } = this.#parts;
    const { rawHeaders } = request;
    const admission = await authenticator.admit({ method: request.method ?? '', target: request.url ?? '', connection, rawHeaders });
    if (admission.kind === 'refused') {
      // Its body is of no interest, and the next request must not be read out of it.
      response.setHeader('Connection', 'close');
      answerLocally(response, answerRefused(admission, publicUrl, rest));
      return;
    }
    if (admission.session.config.kind === 'mcp' && !/^\/mcp(?:\?|$)/.test(rest)) {
      response.setHeader('Connection', 'close');
      answerLocally(response, answerPlain(404, 'there is nothing here; the MCP endpoint ends in /mcp'));
      return;
    }
    const read = await readBody(request, limits.requestBytesMax);
    if (read.kind === 'aborted') return;
    if (read.kind === 'too_long') response.setHeader('Connection', 'close');
    const body = read.kind === 'body' ? read.bytes : undefined;
    // A body that is too long cannot be compared with its MAC; it is refused and recorded all the same.
    const refused = body === undefined ? undefined : await authenticator.takeBody(admission, rawHeaders, body);
    if (refused !== undefined) {
      answerLocally(response, answerRefused(refused, publicUrl, rest));
      return;
    }
    const { session, exchange, parent } = admission;
    const { closing, streams } = session;
    const signal = request.method === 'GET' ? AbortSignal.any([closing.signal, streams.signal]) : closing.signal;
    const served = serveExchange(this.#hop(session), { request, response, target: rest, body, exchange, parent, signal });
    session.inFlight.add(served);
    await served.finally(() => session.inFlight.delete(served));
  }

  #hop(session: LiveSession): Hop {
    const { handles } = this.#parts;
    const edge = this.#edges.get(session.connection) as UpstreamEdge;
    const owner = { connection: session.connection, issuer: session.identity.issuer, subject: session.identity.subject };
    const bind: Hop['bind'] = (given) => handles.bind(given, owner);
    return {
      rules: session.rules,
      upstream: this.#pipes.of(session) ?? this.#upstream,
      memory: this.#memoryOf(session.connection),
      record: (entries) => (session.rules.record === 'off' ? Promise.resolve() : session.log.append(entries)),
      witnessed: () => this.#parts.notary.witnessed(session.log.logId),
      stopped: () => this.#stopped(session),
      dress: (outgoing) => edge.dress(outgoing),
      judge: (status, headers) => edge.judge(status, headers),
      foreign: (given) => handles.foreign(given, owner),
      bind,
      listed: (message) => this.#lookAtTools(session, message),
      mustReadLists: session.config.toolChanges.effect !== 'allow',
      holds: this.#parts.holds.keeperOf(session, bind),
      counted: () => undefined,
    };
  }

  async #lookAtTools(session: LiveSession, { text, exchange }: ListedMessage): Promise<void> {
    const { tools, ids } = this.#parts;
    const { effect } = session.config.toolChanges;
    const changes = await tools.look(session.connection, text, { accept: effect === 'allow', masker: session.rules.masker });
    if (changes.length === 0 || session.rules.record === 'off') return;
    const at = { wallMs: ids.clock.wallMs(), monoUs: ids.clock.monoUs() };
    await session.log.append(
      changes.map(({ name, form }) => draftToolChange(session.rules, { exchange, at, wire: undefined, wireBytes: 0 }, { tool: name, form, effect })),
    );
  }

  #memoryOf(connection: string): HopMemory {
    const memory = this.#memories.get(connection) ?? new HopMemory();
    this.#memories.set(connection, memory);
    return memory;
  }

  #stopped({ ended }: LiveSession): Refusal | undefined {
    if (ended === undefined) return undefined;
    const decisionId = newId('dec', this.#parts.ids);
    return { rule: `grant-${ended}`, reason: `the session is ${ended}`, remedy: 'Run: mcprec connect', decisionId, hidden: false };
  }
}

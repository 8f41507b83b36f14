// The gateway's side of the data path: `{gateway}/c/<connection>/…`. Lets requests in, and runs the same steps as the forwarder.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asMcprecError } from '../base/errors.ts';
import { type IdSource, newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { answerPlain, type Refusal } from '../protocol/refusal.ts';
import { readBody } from '../transport/body.ts';
import { answerLocally, serveExchange } from '../transport/exchange.ts';
import type { Hop } from '../transport/hop.ts';
import type { UpstreamPool } from '../transport/upstream.ts';
import { type Admission, type Authenticator, answerRefused } from './authenticate.ts';
import type { Handles } from './handles.ts';
import type { LiveSession } from './live.ts';
import type { UpstreamEdge } from './upstream-edge.ts';

export interface DataPathParts {
  readonly publicUrl: string;
  readonly authenticator: Authenticator;
  readonly handles: Handles;
  readonly upstream: UpstreamPool;
  /** By the connection's name. */
  readonly edges: ReadonlyMap<string, UpstreamEdge>;
  readonly ids: IdSource;
  /** Told what went wrong outside any exchange; gets no text from the wire. */
  readonly trouble: (error: Error) => void;
}

const DATA_PATH = /^\/c\/([^/?]+)(\/[^?]*)?(\?.*)?$/;

/** Serves the data path of all connections. */
export class DataPath {
  readonly #parts: DataPathParts;
  #inFlight = 0;

  constructor(parts: DataPathParts) {
    this.#parts = parts;
  }

  /** True where the URL is one of the data path. */
  takes(url: string): boolean {
    return url.startsWith('/c/');
  }

  /** Serves one request; never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A Date of ours would stand beside the upstream's.
    response.sendDate = false;
    if (this.#inFlight >= limits.exchangesMax) {
      answerLocally(response, answerPlain(503, `more than ${limits.exchangesMax} calls are in flight`, ['Retry-After', '1']));
      return;
    }
    this.#inFlight++;
    try {
      await this.#letIn(request, response);
    } catch (error) {
      this.#parts.trouble(asMcprecError(error));
      answerLocally(response, answerPlain(500, 'the gateway could not look at this request; its log says why'));
    } finally {
      this.#inFlight--;
    }
  }

  async #letIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authenticator, publicUrl } = this.#parts;
    const url = request.url ?? '';
    const [, name = '', path = '/', query = ''] = DATA_PATH.exec(url) ?? [];
    const admission = await authenticator.admit({ method: request.method ?? '', target: url, connection: decodeName(name), rawHeaders: request.rawHeaders });
    if (admission.kind === 'refused') {
      // Its body is of no interest, and the next request must not be read out of it.
      response.setHeader('Connection', 'close');
      answerLocally(response, answerRefused(admission, publicUrl));
      return;
    }
    if (admission.session.config.kind === 'mcp' && path !== '/mcp') {
      answerLocally(response, answerPlain(404, 'there is nothing here; the MCP endpoint ends in /mcp'));
      return;
    }
    const read = await readBody(request, limits.requestBytesMax);
    if (read.kind === 'aborted') return;
    if (read.kind === 'too_long') response.setHeader('Connection', 'close');
    const body = read.kind === 'body' ? read.bytes : undefined;
    // A body that is too long cannot be compared with its MAC; it is refused and recorded as what it claims to be.
    const refused = body === undefined ? undefined : await authenticator.takeBody(admission, request.rawHeaders, body);
    if (refused !== undefined) {
      answerLocally(response, answerRefused(refused, publicUrl));
      return;
    }
    await serveExchange(this.#hop(admission), { request, response, target: `${path}${query}`, body, exchange: admission.exchange, parent: admission.parent });
  }

  #hop({ session }: Admission): Hop {
    const { handles, upstream, edges } = this.#parts;
    const edge = edges.get(session.connection) as UpstreamEdge;
    const owner = { connection: session.connection, issuer: session.identity.issuer, subject: session.identity.subject };
    return {
      rules: session.rules,
      upstream,
      record: (entries) => (session.rules.record === 'off' ? Promise.resolve() : session.log.append(entries)),
      stopped: () => this.#stopped(session),
      dress: (outgoing) => edge.dress(outgoing),
      judge: (status, headers) => edge.judge(status, headers),
      foreign: (given) => handles.foreign(given, owner),
      bind: (given) => handles.bind(given, owner),
      counted: () => undefined,
    };
  }

  #stopped({ ended }: LiveSession): Refusal | undefined {
    if (ended === undefined) return undefined;
    const decisionId = newId('dec', this.#parts.ids);
    return { rule: `grant-${ended}`, reason: `the session is ${ended}`, remedy: 'Run: mcprec connect', decisionId, hidden: false };
  }
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

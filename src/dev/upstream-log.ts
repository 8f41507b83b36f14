// The sandbox's own log of every request it got, so that a demo or a test can assert against what really arrived. Bounded.
import type { IncomingHttpHeaders } from 'node:http';

const REQUESTS_MAX = 2_000;
const BODY_CHARS_MAX = 65_536;
const CREDENTIAL_HEADERS = new Set(['dd_api_key', 'dd_application_key', 'dd-api-key', 'dd-application-key', 'authorization', 'cookie', 'dpop', 'signature']);

/** One JSON-RPC message in a request. */
export interface LoggedMessage {
  readonly method: string | undefined;
  /** `tools/call` and `prompts/get`: the name; `resources/read`: the URI. */
  readonly name: string | undefined;
  readonly id: string | number | undefined;
}

export interface UpstreamRequest {
  readonly number: number;
  readonly atMs: number;
  readonly verb: string;
  /** With its query. */
  readonly path: string;
  /** Names of the headers that carried a credential, never their values. */
  readonly credentials: readonly string[];
  /** Every other header. */
  readonly headers: Readonly<Record<string, string>>;
  readonly messages: readonly LoggedMessage[];
  /** The body as text; cut after 65,536 characters. */
  readonly body: string;
  readonly bodyBytes: number;
  /** Of the answer, once it has ended. */
  status: number | undefined;
  /** `aborted`: the connection was lost before the answer was complete; undefined while it is still going on. */
  ended: 'complete' | 'aborted' | undefined;
}

export interface RequestToLog {
  readonly atMs: number;
  readonly verb: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class UpstreamLog {
  readonly #requests: UpstreamRequest[] = [];
  #count = 0;

  add(request: RequestToLog): UpstreamRequest {
    const text = request.body.toString('utf8');
    const names = Object.keys(request.headers);
    const entry: UpstreamRequest = {
      number: ++this.#count,
      atMs: request.atMs,
      verb: request.verb,
      path: request.path,
      credentials: names.filter((name) => CREDENTIAL_HEADERS.has(name)),
      headers: Object.fromEntries(names.filter((name) => !CREDENTIAL_HEADERS.has(name)).map((name) => [name, String(request.headers[name])])),
      messages: readMessages(text),
      body: text.slice(0, BODY_CHARS_MAX),
      bodyBytes: request.body.length,
      status: undefined,
      ended: undefined,
    };
    this.#requests.push(entry);
    if (this.#requests.length > REQUESTS_MAX) this.#requests.shift();
    return entry;
  }

  end(entry: UpstreamRequest, status: number | undefined, complete: boolean): void {
    entry.status = status;
    entry.ended = complete ? 'complete' : 'aborted';
  }

  all(): readonly UpstreamRequest[] {
    return this.#requests;
  }

  clear(): void {
    this.#requests.splice(0);
  }
}

interface RpcLike {
  readonly jsonrpc?: unknown;
  readonly method?: string;
  readonly id?: string | number;
  readonly params?: { readonly name?: string; readonly uri?: string };
}

function readMessages(text: string): LoggedMessage[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const list = (Array.isArray(value) ? value : [value]) as (RpcLike | null)[];
  return list.filter((m): m is RpcLike => m?.jsonrpc === '2.0').map((m) => ({ method: m.method, name: m.params?.name ?? m.params?.uri, id: m.id }));
}

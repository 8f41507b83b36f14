// The outer edge of the gateway: what a request looks like when it leaves for the upstream (RULES R1), and what its answer means.
import type { Secret } from '../base/secret.ts';
import type { ConnectionConfig } from '../policy/config.ts';
import { dropHeaders, forwardedRequestHeaders, type RawHeaders } from '../protocol/headers.ts';
import { intakeEndpoint } from '../protocol/intake.ts';
import type { AnswerVerdict, Outgoing } from '../transport/hop.ts';
import type { UpstreamRequest } from '../transport/upstream.ts';

/** By the first two a client could widen what it sees of Datadog's MCP server; in the others old clients put their key. The gateway alone sets them. */
const ownedQuery: ReadonlySet<string> = new Set(['toolsets', 'omit_tools', 'api_key', 'application_key']);
const ownedHeaders: ReadonlySet<string> = new Set(['x-datadog-mcp-toolsets']);

export interface UpstreamEdge {
  dress(outgoing: Outgoing): UpstreamRequest;
  judge(status: number, headers: RawHeaders): AnswerVerdict;
}

/** The edge of one connection, with its credential resolved. Made once, at the start. */
export function upstreamEdge(connection: ConnectionConfig, credential: readonly (readonly [string, Secret])[]): UpstreamEdge {
  const set: ReadonlySet<string> = new Set([...ownedHeaders, ...credential.map(([name]) => name), ...Object.keys(connection.upstreamHeaders)]);
  return {
    dress(outgoing) {
      const forwarded = forwardedRequestHeaders(outgoing.headers, { credentials: 'drop', identityCoding: outgoing.identityCoding });
      const headers = dropHeaders(forwarded, (name) => set.has(name));
      for (const [name, value] of Object.entries(connection.upstreamHeaders)) headers.push(name, value);
      for (const [name, secret] of credential) headers.push(name, secret.reveal());
      return { ...addressOf(connection, outgoing), verb: outgoing.verb, headers, body: outgoing.body };
    },
    judge(status) {
      // The gateway's credential, not the client's: relayed, the challenge would send SDK clients to log in at the upstream.
      if (status === 401 || status === 403) return { kind: 'failure', reason: `it refused the gateway’s credential (HTTP ${status})` };
      return { kind: 'deliver' };
    },
  };
}

function addressOf(connection: ConnectionConfig, { target, verb }: Outgoing): { origin: string; path: string } {
  // A command has no address.
  if (connection.server !== undefined) return { origin: 'stdio:', path: '/' };
  const [path = '', query = ''] = splitQuery(target);
  if (connection.kind === 'mcp') {
    const upstream = new URL(connection.upstream);
    return { origin: upstream.origin, path: `${upstream.pathname}${withQuery(connection, upstream, query)}` };
  }
  const endpoint = intakeEndpoint(verb, path);
  const base = new URL('upstream' in endpoint && endpoint.upstream === 'logs' ? (connection.upstreams.logs ?? connection.upstream) : connection.upstream);
  return { origin: base.origin, path: `${base.pathname.replace(/\/$/, '')}${path}${withQuery(connection, base, query)}` };
}

/**
 * The upstream's own query, what the client may add to it, and what is forced; the client's text is not re-encoded. A semicolon parts
 * parameters for some upstreams.
 */
function withQuery(connection: ConnectionConfig, upstream: URL, query: string): string {
  const forced = Object.entries(connection.upstreamQuery).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  const own = upstream.search.slice(1);
  const taken = new Set([...ownedQuery, ...Object.keys(connection.upstreamQuery), ...upstream.searchParams.keys()].map((name) => name.toLowerCase()));
  const client = query === '' ? [] : query.split('&').filter((part) => !part.split(';').some((piece) => taken.has(nameOf(piece))));
  const parts = [...(own === '' ? [] : [own]), ...client, ...forced];
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function nameOf(part: string): string {
  const raw = part.split('=', 1)[0] ?? '';
  try {
    return decodeURIComponent(raw.replaceAll('+', ' ')).toLowerCase();
  } catch {
    return raw.toLowerCase();
  }
}

function splitQuery(target: string): readonly [string, string] {
  const at = target.indexOf('?');
  return at === -1 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)];
}

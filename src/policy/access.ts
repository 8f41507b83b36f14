// Who may open which connection, and for how long.
import type { Concern, GatewayConfig } from './config.ts';
import { globMatches } from './glob.ts';

export type ConnectionAccess =
  | { readonly kind: 'granted'; readonly ttlMs: number }
  /** `groups` are those that have access; empty where no entry gives the connection to anyone. */
  | { readonly kind: 'denied'; readonly groups: readonly string[] }
  | { readonly kind: 'unknown'; readonly connections: readonly string[] };

/** Whether a person in `groups` may open `connection`; the longest `ttl` of the entries that say so. */
export function connectionAccess(config: GatewayConfig, groups: readonly string[], connection: string): ConnectionAccess {
  if (!Object.hasOwn(config.connections, connection)) return { kind: 'unknown', connections: Object.keys(config.connections) };
  const entries = config.access.filter((entry) => concerns(entry.connections, connection));
  const granted = entries.filter((entry) => inGroups(entry.groups, groups));
  if (granted.length === 0) return { kind: 'denied', groups: [...new Set(entries.flatMap((entry) => entry.groups ?? []))] };
  return { kind: 'granted', ttlMs: Math.max(...granted.map((entry) => entry.ttlMs)) };
}

/** True where an access entry or a rule is about a person in `groups` on `connection`. */
export function applies(entry: Concern, groups: readonly string[], connection: string): boolean {
  return inGroups(entry.groups, groups) && concerns(entry.connections, connection);
}

/** True where a list of groups, or its absence, names one of `groups`. */
export function inGroups(wanted: readonly string[] | undefined, groups: readonly string[]): boolean {
  return wanted === undefined || wanted.some((group) => groups.includes(group));
}

/** True where a list of patterns, or its absence, names the connection. */
export function concerns(patterns: readonly string[] | undefined, connection: string): boolean {
  return patterns === undefined || patterns.some((pattern) => globMatches(pattern, connection));
}

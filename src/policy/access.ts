// Who may open which connection, and for how long.
import type { Approval, Concern, GatewayConfig } from './config.ts';
import { globMatches } from './glob.ts';
import { describeHours, HoursClock } from './hours.ts';

export type ConnectionAccess =
  /** `approval` is there where somebody must approve first. */
  | { readonly kind: 'granted'; readonly ttlMs: number; readonly approval?: Approval }
  /** It is another time than that at which access is given; `hours` says when. */
  | { readonly kind: 'closed'; readonly hours: readonly string[] }
  /** `groups` are those that have access; empty where no entry gives the connection to anyone. */
  | { readonly kind: 'denied'; readonly groups: readonly string[] }
  | { readonly kind: 'unknown'; readonly connections: readonly string[] };

/** Whether a person in `groups` may open `connection` at `nowMs`; the longest `ttl` of the entries that say so, and all that they ask for. */
export function connectionAccess(config: GatewayConfig, groups: readonly string[], connection: string, nowMs: number): ConnectionAccess {
  if (!Object.hasOwn(config.connections, connection)) return { kind: 'unknown', connections: Object.keys(config.connections) };
  const entries = config.access.filter((entry) => concerns(entry.connections, connection));
  const granted = entries.filter((entry) => inGroups(entry.groups, groups));
  if (granted.length === 0) return { kind: 'denied', groups: [...new Set(entries.flatMap((entry) => entry.groups ?? []))] };
  const open = granted.filter(({ hours }) => hours === undefined || new HoursClock(hours).includes(nowMs));
  if (open.length === 0) return { kind: 'closed', hours: granted.flatMap(({ hours }) => (hours === undefined ? [] : [describeHours(hours)])) };
  // Not those of this hour alone: the session will be there at another one.
  const approval = joint(granted.flatMap((entry) => (entry.approval === undefined ? [] : [entry.approval])));
  return { kind: 'granted', ttlMs: Math.max(...open.map((entry) => entry.ttlMs)), ...(approval !== undefined && { approval }) };
}

// The session will have what all entries give, so whoever approves must be good for each of them.
function joint(approvals: readonly Approval[]): Approval | undefined {
  const [first, ...rest] = approvals;
  if (first === undefined) return undefined;
  return rest.reduce(
    (all, one) => ({
      approvers: all.approvers.filter((group) => one.approvers.includes(group)),
      min: Math.max(all.min, one.min),
      withinMs: Math.min(all.withinMs, one.withinMs),
    }),
    first,
  );
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

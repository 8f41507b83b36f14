// What access gives: the access entries that concern one identity on one connection, as one indexed whole. They add up:
// a call is granted where any one entry grants it.
import type { ConnectionKind } from '../base/connection.ts';
import type { Call } from './call.ts';
import type { Scope } from './config.ts';
import { GlobIndex } from './glob.ts';
import { isCutByIntake } from './metric-name.ts';
import { indexOf, lists, MethodIndex, TargetIndex } from './scopes.ts';
import type { TargetKind } from './target.ts';

export interface GrantedBy {
  readonly kind: ConnectionKind;
  readonly paths: readonly string[];
  readonly unscopedTools: readonly string[];
  readonly access: readonly Scope[];
}

export type Grant = { readonly kind: 'granted' } | { readonly kind: 'refused'; readonly reason: string; readonly hidden: boolean };

const GRANTED: Grant = { kind: 'granted' };
const kinds = ['tool', 'resource', 'prompt'] as const satisfies readonly TargetKind[];

export class Granted {
  readonly #kind: ConnectionKind;
  readonly #paths: GlobIndex | undefined;
  readonly #unscoped: GlobIndex;
  readonly #entries: readonly Entry[];
  readonly #targets = new TargetIndex();
  /** Entries that say nothing about a kind of target, and so grant all of it. */
  readonly #open: Readonly<Record<TargetKind, number[]>> = { tool: [], resource: [], prompt: [] };
  readonly #methods = new MethodIndex();
  /** True where nothing that a server lists is hidden. */
  readonly showsAll: boolean;

  constructor(by: GrantedBy) {
    this.#kind = by.kind;
    this.#paths = by.kind === 'http' ? indexOf(by.paths) : undefined;
    this.#unscoped = indexOf(by.unscopedTools) ?? new GlobIndex();
    this.#entries = by.access.map((scope) => ({
      methods: indexOf(scope.methods),
      metrics: indexOf(scope.metrics),
      namespaces: scope.metrics ?? [],
      namesMethods: scope.methods !== undefined,
    }));
    for (const [number, scope] of by.access.entries()) {
      this.#targets.add(scope, number);
      for (const kind of kinds) if (!lists(scope, kind)) this.#open[kind].push(number);
      this.#methods.add(scope.methods, number);
    }
    this.showsAll = by.access.some((scope) => !scope.methods && !scope.tools && !scope.resources && !scope.prompts && !scope.metrics);
  }

  /** Whether the tool, resource or prompt is granted to a caller of `method`. */
  target(kind: TargetKind, name: string, method: string): Grant {
    let outsideNamespaces = false;
    const found = this.#visit(kind, name, (entry, listed) => {
      if (entry.methods && !entry.methods.has(method)) return false;
      if (entry.metrics === undefined) return true;
      // A group that is kept to namespaces gets what cannot be read for metric names only where the owner names it.
      const named = kind === 'tool' ? this.#unscoped.has(name) : listed;
      outsideNamespaces ||= !named;
      return named;
    });
    if (found) return GRANTED;
    if (!outsideNamespaces) return refused(`access to ${kind} ${quoted(name)} is not granted`);
    return refused(`access is limited to metric namespaces, and ${kind} ${quoted(name)} is not among what such a group may use`);
  }

  /** Whether a call that has no target is granted, by its method and, on intake, the names in its body. */
  method(call: Call): Grant {
    if (this.#paths && !this.#paths.has(pathOf(call.method))) return refused(`${quoted(call.method)} is not among the paths of this connection`);
    const restricted: Entry[] = [];
    const open = this.#methods.some(call.method, (number) => {
      const entry = this.#entries[number];
      if (entry === undefined) return false;
      if (entry.metrics === undefined) return true;
      if (this.#kind === 'mcp') return entry.namesMethods;
      restricted.push(entry);
      return false;
    });
    if (open) return GRANTED;
    if (restricted.length === 0) return refused(`access to ${quoted(call.method)} is not granted`);
    return this.#kind === 'datadog-intake'
      ? inNamespaces(call, restricted)
      : refused('access is limited to metric namespaces, which cannot be told on this connection');
  }

  #visit(kind: TargetKind, name: string, accept: (entry: Entry, listed: boolean) => boolean): boolean {
    const visit = (listed: boolean) => (number: number) => {
      const entry = this.#entries[number];
      return entry !== undefined && accept(entry, listed);
    };
    return this.#open[kind].some(visit(false)) || this.#targets.some(kind, name, visit(true));
  }
}

interface Entry {
  readonly methods: GlobIndex | undefined;
  readonly metrics: GlobIndex | undefined;
  readonly namespaces: readonly string[];
  readonly namesMethods: boolean;
}

function inNamespaces(call: Call, entries: readonly Entry[]): Grant {
  const limit = [...new Set(entries.flatMap((entry) => entry.namespaces))].join(', ');
  // Events and logs have no metric name: nothing in them shows that they belong to a namespace.
  if (call.metrics === undefined && call.checks === undefined)
    return refusedOpenly(`access is limited to ${limit}, and ${call.method} carries no metric names`);
  for (const name of [...(call.metrics ?? []), ...(call.checks ?? [])]) {
    // What Datadog cuts off at either end could be what made the name match.
    if (isCutByIntake(name)) return refusedOpenly(`${quoted(name)} is not a name that Datadog stores as it is written`);
    if (!entries.some((entry) => entry.metrics?.has(name))) return refusedOpenly(`${quoted(name)} is outside of ${limit}; nothing of this request was sent`);
  }
  return GRANTED;
}

function refused(reason: string): Grant {
  return { kind: 'refused', reason, hidden: true };
}

// The caller may use the endpoint, but not with this body: there is nothing to hide.
function refusedOpenly(reason: string): Grant {
  return { kind: 'refused', reason, hidden: false };
}

function pathOf(method: string): string {
  return method.slice(method.indexOf(' ') + 1);
}

const QUOTED_MAX = 200;

function quoted(name: string): string {
  return JSON.stringify(name.length > QUOTED_MAX ? `${name.slice(0, QUOTED_MAX)}…` : name);
}

// What access gives: the access entries that concern one identity on one connection, as one indexed whole. They add up:
// a call is granted where any one entry grants it.
import type { ConnectionKind } from '../base/connection.ts';
import type { CallBudget } from './config.ts';
import { EntryLimits } from './entry-limits.ts';
import { GlobIndex } from './glob.ts';
import { inNamespaces, quoted, toolInNamespaces } from './namespaces.ts';
import type { ProjectedAccess } from './projection.ts';
import { type QueryArgument, queryArgumentsOf } from './query-arguments.ts';
import { pathOf, type Subject } from './scope-match.ts';
import { indexOf, lists, MethodIndex, TargetIndex } from './scopes.ts';
import type { TargetKind } from './target.ts';

export interface GrantedBy {
  readonly kind: ConnectionKind;
  readonly paths: readonly string[];
  readonly unscopedTools: readonly string[];
  readonly queryArguments: Readonly<Record<string, readonly QueryArgument[]>>;
  readonly access: readonly ProjectedAccess[];
}

/** `budgets`: of the entries that grant the call, where none of them grants it without one. Any of them is enough. */
export type Grant =
  | { readonly kind: 'granted'; readonly budgets: readonly Budget[] }
  | { readonly kind: 'refused'; readonly reason: string; readonly hidden: boolean };

export interface Budget extends CallBudget {
  /** The entry's, the same for as long as the entry says the same. */
  readonly key: string;
}

export interface GrantedEntry {
  readonly limits: EntryLimits;
  readonly methods: GlobIndex | undefined;
  readonly paths: GlobIndex | undefined;
  readonly namesMethods: boolean;
}

const GRANTED: Grant = { kind: 'granted', budgets: [] };
const kinds = ['tool', 'resource', 'prompt'] as const satisfies readonly TargetKind[];

/** What a walk over the entries found. */
interface Found {
  open: boolean;
  readonly budgets: Budget[];
  readonly restricted: GrantedEntry[];
  outsideHours: GrantedEntry | undefined;
}

export class Granted {
  readonly #kind: ConnectionKind;
  readonly #paths: GlobIndex | undefined;
  readonly #unscoped: GlobIndex;
  readonly #declared: GrantedBy['queryArguments'];
  readonly #entries: readonly GrantedEntry[];
  readonly #targets = new TargetIndex();
  /** Entries that say nothing about a kind of target, and so grant all of it. */
  readonly #open: Readonly<Record<TargetKind, number[]>> = { tool: [], resource: [], prompt: [] };
  readonly #methods = new MethodIndex();
  /** True where nothing that a server lists is hidden. */
  readonly showsAll: boolean;
  /** True where some entry counts calls. */
  readonly counts: boolean;

  constructor(by: GrantedBy) {
    this.#kind = by.kind;
    this.#paths = by.kind === 'http' ? indexOf(by.paths) : undefined;
    this.#unscoped = indexOf(by.unscopedTools) ?? new GlobIndex();
    this.#declared = by.queryArguments;
    this.#entries = by.access.map((entry) => ({
      limits: new EntryLimits(entry),
      methods: indexOf(entry.methods),
      paths: indexOf(entry.paths),
      namesMethods: entry.methods !== undefined,
    }));
    for (const [number, scope] of by.access.entries()) {
      this.#targets.add(scope, number);
      for (const kind of kinds) if (!lists(scope, kind)) this.#open[kind].push(number);
      this.#methods.add(scope.methods, number);
    }
    this.showsAll = by.access.some((scope) => !scope.methods && !scope.tools && !scope.resources && !scope.prompts && !scope.metrics && !scope.tags);
    this.counts = by.access.some(({ calls }) => calls !== undefined);
  }

  /**
   * Whether the tool, resource or prompt is granted to a caller of `method`. Without a subject: whether it is shown, which
   * looks neither at the clock nor at arguments.
   */
  target(kind: TargetKind, name: string, method: string, subject?: Subject, nowMs = 0): Grant {
    const found: Found = { open: false, budgets: [], restricted: [], outsideHours: undefined };
    let outsideNamespaces = false;
    const accept =
      (listed: boolean) =>
      (number: number): boolean => {
        const entry = this.#entries[number];
        if (entry === undefined || (entry.methods && !entry.methods.has(method))) return false;
        if (!entry.limits.isRestricted) return take(found, entry, subject, nowMs);
        // A group that is kept to namespaces gets what cannot be read for metric names only where the owner names it.
        if (kind === 'tool' ? this.#unscoped.has(name) : listed) return take(found, entry, subject, nowMs);
        if (kind !== 'tool' || queryArgumentsOf(name, this.#declared) === undefined) outsideNamespaces = true;
        else found.restricted.push(entry);
        return false;
      };
    if (this.#open[kind].some(accept(false)) || this.#targets.some(kind, name, accept(true))) return GRANTED;
    if (found.budgets.length > 0) return { kind: 'granted', budgets: found.budgets };
    if (found.restricted.length > 0)
      return subject === undefined ? GRANTED : withinHours(found, nowMs, (entries) => toolInNamespaces(subject.names(), entries));
    if (found.outsideHours !== undefined) return tooLate(found.outsideHours);
    if (!outsideNamespaces) return refused(`access to ${kind} ${quoted(name)} is not granted`);
    return refused(`access is limited to metric namespaces, and ${kind} ${quoted(name)} is not among what such a group may use`);
  }

  /** Whether a call that has no target is granted, by its method and path and, on intake, the names in its body. */
  method(subject: Subject, nowMs: number): Grant {
    const { call } = subject;
    if (this.#paths && !this.#paths.has(pathOf(call))) return refused(`${quoted(call.method)} is not among the paths of this connection`);
    const found: Found = { open: false, budgets: [], restricted: [], outsideHours: undefined };
    const isOpen = this.#methods.some(call.method, (number) => {
      const entry = this.#entries[number];
      if (entry === undefined || (entry.paths && this.#kind !== 'mcp' && !entry.paths.has(pathOf(call)))) return false;
      if (!entry.limits.isRestricted || (this.#kind === 'mcp' && entry.namesMethods)) return take(found, entry, subject, nowMs);
      if (this.#kind !== 'mcp') found.restricted.push(entry);
      return false;
    });
    if (isOpen) return GRANTED;
    if (found.budgets.length > 0) return { kind: 'granted', budgets: found.budgets };
    if (found.restricted.length > 0) {
      if (this.#kind !== 'datadog-intake') return refused('access is limited to metric namespaces, which cannot be told on this connection');
      return withinHours(found, nowMs, (entries) => inNamespaces(subject, entries));
    }
    return found.outsideHours === undefined ? refused(`access to ${quoted(call.method)} is not granted`) : tooLate(found.outsideHours);
  }
}

// True where the entry grants the call with nothing left to count.
function take(found: Found, entry: GrantedEntry, subject: Subject | undefined, nowMs: number): boolean {
  const { limits } = entry;
  if (subject === undefined) return true;
  if (!limits.isOpenAt(nowMs)) {
    found.outsideHours = entry;
    return false;
  }
  if (limits.budget === undefined) return true;
  found.budgets.push(limits.budget);
  return false;
}

function withinHours(found: Found, nowMs: number, judge: (entries: readonly GrantedEntry[]) => Grant): Grant {
  const open = found.restricted.filter(({ limits }) => limits.isOpenAt(nowMs));
  const [late] = found.restricted;
  if (open.length === 0 && late !== undefined) return tooLate(late);
  const grant = judge(open);
  if (grant.kind === 'refused') return grant;
  const budgets = open.map(({ limits }) => limits.budget);
  return { kind: 'granted', budgets: budgets.every((budget) => budget !== undefined) ? budgets : [] };
}

// The caller may do it at another time: there is nothing to hide.
function tooLate({ limits }: GrantedEntry): Grant {
  return { kind: 'refused', reason: `access is given ${limits.hoursText}, and it is another time now`, hidden: false };
}

function refused(reason: string): Grant {
  return { kind: 'refused', reason, hidden: true };
}

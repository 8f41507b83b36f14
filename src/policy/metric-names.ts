// The metric names that a call is about, on either kind of target: in the body of an intake call, or in the queries among
// the arguments of a tool. Worked out once for a call, and only where some part of the policy asks.
import type { Call } from './call.ts';
import { globMatches } from './glob.ts';
import { normalMetricName } from './metric-name.ts';
import { type QueriedMetric, readMetricQuery } from './metric-query.ts';
import { findQueries, type QueryArgument, queryArgumentsOf } from './query-arguments.ts';
import { guaranteesTag } from './tag-filter.ts';

export type MetricNames =
  /** Nothing in such a call tells a name. */
  | { readonly kind: 'none' }
  /** A tool of which nobody said where it carries queries, nor that it carries none: any name could be in it. */
  | { readonly kind: 'undeclared' }
  | { readonly kind: 'unclear'; readonly reason: string }
  | {
      readonly kind: 'named';
      /** As written. */
      readonly names: readonly string[];
      /** Whether everything in the call has a tag that matches the pattern. */
      readonly hasTag: (pattern: string) => boolean;
      /** False for a query: there the name must be a stored one anyway. */
      readonly areIntake: boolean;
      /** Titles of events; nothing normalises them. */
      readonly titles: readonly string[];
    };

/** What is declared of the tools of a connection. */
export interface Declared {
  /** Which arguments of which tools carry queries. */
  readonly queryArguments: Readonly<Record<string, readonly QueryArgument[]>>;
  /** Globs of tools that concern no metric. */
  readonly unscopedTools: readonly string[];
}

/** The names in `call`. */
export function metricNamesOf(call: Call, declared: Declared): MetricNames {
  if (call.method === 'tools/call') return queried(call, declared);
  if (call.metrics === undefined && call.checks === undefined && call.events === undefined) return { kind: 'none' };
  const { tagSets } = call;
  return {
    kind: 'named',
    names: [...(call.metrics ?? []), ...(call.checks ?? [])],
    titles: call.events ?? [],
    hasTag: (pattern) => tagSets?.().every((tags) => tags.some((tag) => globMatches(pattern, tag))) ?? false,
    areIntake: true,
  };
}

function queried({ tool = '', args }: Call, { queryArguments, unscopedTools }: Declared): MetricNames {
  const places = queryArgumentsOf(tool, queryArguments);
  if (places === undefined) return { kind: unscopedTools.some((pattern) => globMatches(pattern, tool)) ? 'none' : 'undeclared' };
  const queries = findQueries(args, places);
  if ('fault' in queries) return { kind: 'unclear', reason: queries.fault };
  if (queries.length === 0)
    return { kind: 'unclear', reason: `the call has none of the arguments that carry a query (${places.map(({ path }) => path).join(', ')})` };
  const metrics: QueriedMetric[] = [];
  for (const { text, is } of queries) {
    const read = readMetricQuery(text, is);
    if ('fault' in read) return { kind: 'unclear', reason: `${JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)} ${read.fault}` };
    metrics.push(...read);
  }
  if (metrics.length === 0) return { kind: 'unclear', reason: 'the call names no metric' };
  return {
    kind: 'named',
    names: [...new Set(metrics.map(({ metric }) => metric))],
    titles: [],
    hasTag: (pattern) => metrics.every(({ filter }) => filter !== undefined && guaranteesTag(filter, pattern)),
    areIntake: false,
  };
}

/** A name as written and as Datadog stores it: `_payments.total` is stored as `payments.total`. */
export function spellingsOf(name: string): readonly string[] {
  const normal = normalMetricName(name);
  return normal === name ? [name] : [name, normal];
}

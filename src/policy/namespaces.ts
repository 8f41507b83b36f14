// Whether what a call is about lies within the namespaces, and has the tags, that access is limited to.
import type { EntryLimits } from './entry-limits.ts';
import { globMatches } from './glob.ts';
import type { Grant } from './granted.ts';
import { isCutByIntake } from './metric-name.ts';
import type { MetricNames } from './metric-names.ts';
import type { Subject } from './scope-match.ts';

interface Limited {
  readonly limits: EntryLimits;
}

type Named = Extract<MetricNames, { kind: 'named' }>;

const GRANTED: Grant = { kind: 'granted', budgets: [] };

/** A call of the intake: each name, and for tags each series, must be within some entry. */
export function inNamespaces({ call, names }: Subject, entries: readonly Limited[]): Grant {
  const found = names();
  const tagged = entries.filter(({ limits }) => limits.metrics === undefined);
  // Logs have no name: nothing in them shows that they belong to a namespace. They may have tags.
  if (found.kind !== 'named') {
    const byTags = tagged.some(({ limits }) => limits.tags.every((tag) => hasTag(call.tagSets?.(), tag)));
    if (byTags) return GRANTED;
    return refusedOpenly(
      `access is limited to ${limitsOf(entries)}, and ${call.method} carries no metric names${tagged.length > 0 ? ', or not these tags' : ''}`,
    );
  }
  return within(found, entries);
}

/** A call of a tool whose queries are known. */
export function toolInNamespaces(names: MetricNames, entries: readonly Limited[]): Grant {
  if (names.kind === 'named') return within(names, entries);
  return refusedOpenly(`access is limited to ${limitsOf(entries)}, and ${names.kind === 'unclear' ? names.reason : 'the call names no metric'}`);
}

function within(found: Named, entries: readonly Limited[]): Grant {
  const fitting = entries.filter(({ limits }) => limits.tags.every((tag) => found.hasTag(tag)));
  if (fitting.length === 0)
    return refusedOpenly(`access is limited to ${limitsOf(entries)}, and not all of this request has these tags; nothing of it was sent`);
  for (const name of found.names) {
    // What Datadog cuts off at either end could be what made the name match.
    if (found.areIntake && isCutByIntake(name)) return refusedOpenly(`${quoted(name)} is not a name that Datadog stores as it is written`);
    if (!fitting.some(({ limits }) => limits.metrics === undefined || limits.metrics.has(name))) return outside(name, entries);
  }
  for (const title of found.titles)
    if (!fitting.some(({ limits }) => limits.metrics === undefined || limits.metrics.has(title))) return outside(title, entries);
  return GRANTED;
}

function outside(name: string, entries: readonly Limited[]): Grant {
  return refusedOpenly(`${quoted(name)} is outside of ${limitsOf(entries)}; nothing of this request was sent`);
}

function hasTag(tagSets: readonly (readonly string[])[] | undefined, pattern: string): boolean {
  return tagSets !== undefined && tagSets.length > 0 && tagSets.every((tags) => tags.some((tag) => globMatches(pattern, tag)));
}

function limitsOf(entries: readonly Limited[]): string {
  return [...new Set(entries.flatMap(({ limits }) => [...limits.namespaces, ...limits.tags]))].join(', ') || 'no namespace';
}

// The caller may use the endpoint or the tool, but not with this: there is nothing to hide.
function refusedOpenly(reason: string): Grant {
  return { kind: 'refused', reason, hidden: false };
}

const QUOTED_MAX = 200;

/** A name in quotes, shortened. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > QUOTED_MAX ? `${name.slice(0, QUOTED_MAX)}…` : name);
}

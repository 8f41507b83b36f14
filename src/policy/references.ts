// What the schema cannot see: names in one part of gateway.yaml that another part must have. Works on the raw value, so
// that these problems are reported together with those of the schema.
import { nearestWord } from '../base/suggest.ts';
import { connectionNameProblem } from './connection-schema.ts';
import { globMatches } from './glob.ts';
import { type Finding, named } from './phrase.ts';
import type { Path } from './position.ts';

/** Misnamed and unknown connections, repeated rule ids, and `metrics` where metric names cannot be read. */
export function referenceFindings(raw: unknown): readonly Finding[] {
  const connections = new Map(Object.entries(asMap(asMap(raw).connections)).map(([name, value]) => [name, asMap(value).kind]));
  const misnamed = [...connections.keys()].flatMap((name): Finding[] => {
    const problem = connectionNameProblem(name);
    return problem === undefined ? [] : [{ path: ['connections', name], atKey: true, message: `connections.${name}: ${problem}` }];
  });
  const access = asList(asMap(raw).access).flatMap((entry, i) => unknownConnections(entry, ['access', i], connections));
  const ids = new Map<string, number>();
  const rules = asList(asMap(raw).rules).flatMap((rule, i) => {
    const path: Path = ['rules', i];
    return [...unknownConnections(rule, path, connections), ...repeatedId(rule, path, ids), ...unreadableMetrics(rule, path, connections)];
  });
  return [...misnamed, ...unapprovable(raw), ...access, ...rules];
}

// A changed tool would be held for nobody.
function unapprovable(raw: unknown): readonly Finding[] {
  const admins = asList(asMap(asMap(raw).identity).admin_groups);
  if (admins.length > 0) return [];
  return Object.entries(asMap(asMap(raw).connections)).flatMap(([name, connection]): Finding[] => {
    if (asMap(connection).tool_changes !== 'hold') return [];
    const message = `connections.${name}.tool_changes: nobody could approve, as identity.admin_groups is empty; name approvers: { hold: { approvers: [...] } }`;
    return [{ path: ['connections', name, 'tool_changes'], atKey: false, message }];
  });
}

function unknownConnections(entry: unknown, path: Path, connections: ReadonlyMap<string, unknown>): readonly Finding[] {
  const names = [...connections.keys()];
  return asList(asMap(entry).connections).flatMap((pattern, i): Finding[] => {
    if (typeof pattern !== 'string' || names.some((name) => globMatches(pattern, name))) return [];
    const near = nearestWord(pattern, names);
    const message = `no connection is named "${pattern}"${near === undefined ? '' : `; did you mean "${near}"?`}; there are: ${names.join(', ')}`;
    return [{ path: [...path, 'connections', i], atKey: false, message }];
  });
}

function repeatedId(rule: unknown, path: Path, ids: Map<string, number>): readonly Finding[] {
  const { id } = asMap(rule);
  if (typeof id !== 'string') return [];
  const first = ids.get(id);
  if (first !== undefined) return [{ path: [...path, 'id'], atKey: false, message: `the id "${id}" is already that of rules[${first}]` }];
  ids.set(id, Number(path[1]));
  return [];
}

// On a connection where no metric name can be read, such a rule would do nothing and look as if it did.
function unreadableMetrics(rule: unknown, path: Path, connections: ReadonlyMap<string, unknown>): readonly Finding[] {
  const { metrics, connections: patterns } = asMap(rule);
  if (metrics === undefined) return [];
  const concerned = [...connections].filter(([name]) => !Array.isArray(patterns) || patterns.some((p) => typeof p === 'string' && globMatches(p, name)));
  const unreadable = concerned.filter(([, kind]) => kind === 'http').map(([name]) => name);
  if (unreadable.length === 0) return [];
  const message = `${named(path)}.metrics does not work on http connections, and the rule concerns ${unreadable.join(', ')} too; name its connections`;
  return [{ path: [...path, 'metrics'], atKey: true, message }];
}

function asMap(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

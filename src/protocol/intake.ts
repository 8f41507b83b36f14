// Reads the bodies of Datadog's intake for the names that policy decides on and the record shows (RULES R7). Does no IO;
// content codings are undone before.
import { foldCase } from '../base/fold-case.ts';
import { type JsonNode, type JsonObject, member, parseJson, stringMember } from '../base/json.ts';

/** One endpoint of the intake, and which upstream takes it. */
export interface IntakeEndpoint {
  readonly verb: 'GET' | 'POST';
  readonly path: string;
  readonly upstream: 'main' | 'logs';
}

/** Everything that a `datadog-intake` connection lets through (RULES R1). Source: Datadog API reference, v1 and v2. */
export const intakeEndpoints: readonly IntakeEndpoint[] = [
  { verb: 'GET', path: '/api/v1/validate', upstream: 'main' },
  { verb: 'POST', path: '/api/v1/series', upstream: 'main' },
  { verb: 'POST', path: '/api/v2/series', upstream: 'main' },
  { verb: 'POST', path: '/api/v1/distribution_points', upstream: 'main' },
  { verb: 'POST', path: '/api/v1/check_run', upstream: 'main' },
  { verb: 'POST', path: '/api/v1/events', upstream: 'main' },
  { verb: 'POST', path: '/api/v2/events', upstream: 'main' },
  { verb: 'POST', path: '/api/v2/logs', upstream: 'logs' },
];

/** The names in a body, each with the number of its points, runs or events; undefined where that kind of body has none. */
export interface IntakeBody {
  readonly kind: 'intake';
  /** `text` is a log body that is not JSON; `none` a call without a body. */
  readonly form: 'json' | 'text' | 'none';
  readonly metrics?: ReadonlyMap<string, number>;
  readonly checks?: ReadonlyMap<string, number>;
  /** By title. */
  readonly events?: ReadonlyMap<string, number>;
  /** The tags of each series, check, event or log line, read when asked for; left out where there is no JSON. */
  readonly tagSets?: () => readonly (readonly string[])[];
}

export interface IntakeFault {
  readonly kind: 'fault';
  /** HTTP status to answer with. */
  readonly status: 400 | 404 | 405;
  readonly reason: string;
}

/** The endpoint at a normalised path without query; a fault says why there is none. */
export function intakeEndpoint(verb: string, path: string): IntakeEndpoint | IntakeFault {
  const endpoint = intakeEndpoints.find((e) => e.path === path);
  if (endpoint === undefined) return { kind: 'fault', status: 404, reason: `${path} is not an endpoint of the intake` };
  if (endpoint.verb !== verb) return { kind: 'fault', status: 405, reason: `${path} takes ${endpoint.verb} only` };
  return endpoint;
}

/** Reads the body of a call to `endpoint`. `contentType` matters for logs only, which need not be JSON. */
export function readIntake(endpoint: IntakeEndpoint, text: string, contentType?: string): IntakeBody | IntakeFault {
  if (endpoint.verb === 'GET') return text === '' ? { kind: 'intake', form: 'none' } : fault(`${endpoint.path} takes no body`);
  if (endpoint.upstream === 'logs' && isPlainLog(contentType)) return { kind: 'intake', form: 'text' };
  const root = parseJson(text);
  if (root.type === 'fault') return fault(`the body is not JSON: ${root.reason} at offset ${root.offset}`);
  try {
    return { ...readBody(endpoint.path, root), tagSets: () => tagSetsOf(endpoint.path, root) };
  } catch (error) {
    if (error instanceof Unreadable) return fault(error.message);
    throw error;
  }
}

function readBody(path: string, root: JsonNode): IntakeBody {
  switch (path) {
    case '/api/v1/series':
    case '/api/v2/series':
    case '/api/v1/distribution_points':
      return { kind: 'intake', form: 'json', metrics: seriesNames(root) };
    case '/api/v1/check_run':
      return { kind: 'intake', form: 'json', checks: checkNames(root) };
    case '/api/v1/events':
      return { kind: 'intake', form: 'json', events: new Map([[text(object(root, 'the body'), 'title', 'the body'), 1]]) };
    case '/api/v2/events':
      return { kind: 'intake', form: 'json', events: new Map([[eventTitle(root), 1]]) };
    default:
      return { kind: 'intake', form: 'json' };
  }
}

function seriesNames(root: JsonNode): ReadonlyMap<string, number> {
  const series = list(object(root, 'the body'), 'series', 'the body');
  const names = new Map<string, number>();
  for (const [i, item] of series.entries()) {
    const where = `series[${i}]`;
    const one = object(item, where);
    count(names, text(one, 'metric', where), list(one, 'points', where).length);
  }
  return names;
}

// The API takes a list; older agents send a single run.
function checkNames(root: JsonNode): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  const runs = root.type === 'array' ? root.items : [root];
  for (const [i, run] of runs.entries()) {
    const where = root.type === 'array' ? `[${i}]` : 'the body';
    count(names, text(object(run, where), 'check', where), 1);
  }
  return names;
}

function eventTitle(root: JsonNode): string {
  const data = object(member(object(root, 'the body'), 'data'), 'data');
  return text(object(member(data, 'attributes'), 'data.attributes'), 'title', 'data.attributes');
}

// What has no list of tags, or one that cannot be read, has none.
function tagSetsOf(path: string, root: JsonNode): readonly (readonly string[])[] {
  const items = (node: JsonNode | undefined): readonly JsonNode[] => (node?.type === 'array' ? node.items : node === undefined ? [] : [node]);
  const listed = (node: JsonNode | undefined): readonly string[] => items(node).flatMap((tag) => (tag.type === 'string' ? [tag.value] : []));
  switch (path) {
    case '/api/v2/events':
      return [listed(member(member(member(root, 'data'), 'attributes'), 'tags'))];
    case '/api/v2/logs':
      return items(root).map((log) => (soleString(log, 'ddtags') ?? '').split(',').map((tag) => tag.trim()));
    case '/api/v1/events':
    case '/api/v1/check_run':
      return items(root).map((item) => listed(member(item, 'tags')));
    default:
      return items(member(root, 'series')).map((item) => listed(member(item, 'tags')));
  }
}

// Log lines may have any keys: where two of them could be meant, it is not certain which one the upstream reads (RULES R7).
function soleString(node: JsonNode, key: string): string | undefined {
  if (node.type !== 'object') return undefined;
  return node.members.filter((m) => foldCase(m.key.value) === key).length === 1 ? stringMember(node, key) : undefined;
}

function isPlainLog(contentType: string | undefined): boolean {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  return type === 'text/plain' || type === 'application/logplex-1';
}

class Unreadable extends Error {}

// A key that stands twice, or twice but for its case, would let the upstream read another name than policy did. A key in
// another case alone is no better: `text` and `list` then miss the one they ask for and say so.
function object(node: JsonNode | undefined, where: string): JsonObject {
  if (node?.type !== 'object') throw new Unreadable(`${where} must be an object`);
  if (node.ambiguousKey !== undefined)
    throw new Unreadable(`the key ${JSON.stringify(shortened(node.ambiguousKey))} of ${where} stands twice, or twice but for its case`);
  return node;
}

function text(node: JsonObject, key: string, where: string): string {
  const value = stringMember(node, key);
  if (value === undefined || value === '') throw new Unreadable(`${where}: ${key} must be a text that is not empty`);
  return value;
}

function list(node: JsonObject, key: string, where: string): readonly JsonNode[] {
  const value = member(node, key);
  if (value?.type !== 'array') throw new Unreadable(`${where}: ${key} must be a list`);
  return value.items;
}

function count(names: Map<string, number>, name: string, more: number): void {
  names.set(name, (names.get(name) ?? 0) + more);
}

function shortened(key: string): string {
  return key.length > 80 ? `${key.slice(0, 80)}…` : key;
}

function fault(reason: string): IntakeFault {
  return { kind: 'fault', status: 400, reason };
}

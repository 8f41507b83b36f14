// Which arguments of which tools carry metric queries. Declared, because an argument that nobody declared could carry one
// unseen: a tool without a declaration is not for a group that is kept to namespaces.
import { foldCase } from '../base/fold-case.ts';
import type { JsonNode } from '../base/json.ts';

/**
 * `query`: metric queries and arithmetic over them; `monitor`: the query of a monitor; `name`: the name of a metric; `formula`:
 * arithmetic over queries that stand in other arguments, and no metric of its own.
 */
export const queryForms = ['query', 'monitor', 'name', 'formula'] as const;
export type QueryForm = (typeof queryForms)[number];

export interface QueryArgument {
  /** Steps from the arguments: `queries[*].expression`. A list stands for each of its items where `[*]` says so, or at the end. */
  readonly path: string;
  readonly is: QueryForm;
}

/** Datadog's own tools. Source: Datadog docs, "MCP server: tools". */
const datadogTools: Readonly<Record<string, readonly QueryArgument[]>> = {
  get_datadog_metric: [
    { path: 'query', is: 'query' },
    { path: 'queries', is: 'query' },
    { path: 'formulas', is: 'formula' },
    { path: 'metric', is: 'name' },
    { path: 'metric_name', is: 'name' },
  ],
  get_datadog_metric_context: [
    { path: 'metric', is: 'name' },
    { path: 'metric_name', is: 'name' },
    { path: 'metric_names', is: 'name' },
  ],
  create_datadog_monitor: [{ path: 'query', is: 'monitor' }],
  update_datadog_monitor: [{ path: 'query', is: 'monitor' }],
  validate_datadog_monitor: [{ path: 'query', is: 'monitor' }],
};

/** The declared arguments of a tool: the connection's own words before ours; undefined where nobody declared any. */
export function queryArgumentsOf(tool: string, declared: Readonly<Record<string, readonly QueryArgument[]>>): readonly QueryArgument[] | undefined {
  if (Object.hasOwn(declared, tool)) return declared[tool];
  return Object.hasOwn(datadogTools, tool) ? datadogTools[tool] : undefined;
}

export interface FoundQuery {
  readonly text: string;
  readonly is: QueryForm;
}

/** The texts at the declared places, or why they cannot be told. What is not there is left out. */
export function findQueries(args: JsonNode | undefined, declared: readonly QueryArgument[]): readonly FoundQuery[] | { readonly fault: string } {
  const found: FoundQuery[] = [];
  for (const { path, is } of declared) {
    const nodes = nodesAt(args, path);
    if ('fault' in nodes) return nodes;
    for (const node of nodes) {
      if (node.type === 'literal' && node.value === null) continue;
      if (node.type !== 'string') return { fault: `the argument ${path} is no text` };
      found.push({ text: node.value, is });
    }
  }
  return found;
}

function nodesAt(args: JsonNode | undefined, path: string): readonly JsonNode[] | { readonly fault: string } {
  let nodes: readonly JsonNode[] = args === undefined ? [] : [args];
  for (const step of path.split('.')) {
    const key = step.replace('[*]', '');
    const next: JsonNode[] = [];
    for (const node of nodes) {
      if (node.type !== 'object') return { fault: `the argument ${path} cannot be read: ${key} is not within an object` };
      const alike = node.members.filter((member) => foldCase(member.key.value) === foldCase(key));
      // The upstream could read the other one (RULES R7).
      if (alike.length > 1 || (alike[0] !== undefined && alike[0].key.value !== key))
        return { fault: `the argument ${key} is written in another case, or twice` };
      const value = alike[0]?.value;
      if (value === undefined) continue;
      if (value.type === 'array') next.push(...value.items);
      else if (step.endsWith('[*]') && !(value.type === 'literal' && value.value === null))
        return { fault: `the argument ${path} cannot be read: ${key} is no list` };
      else next.push(value);
    }
    nodes = next;
  }
  return nodes;
}

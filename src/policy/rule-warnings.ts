// Rules that can never match, and why; and rules that contradict each other.
import { concerns } from './access.ts';
import type { AccessEntry, ConnectionConfig, GatewayConfig, Rule } from './config.ts';
import { globMatches, globsOverlap } from './glob.ts';
import type { Finding } from './phrase.ts';
import { queryArgumentsOf } from './query-arguments.ts';

/** Findings that do not stop the gateway. */
export function ruleWarnings(config: GatewayConfig): readonly Finding[] {
  return config.rules.flatMap((rule, i): Finding[] => {
    const why = neverMatches(rule, i, config);
    const at = { path: ['rules', i, 'id'], atKey: true };
    if (why !== undefined) return [{ ...at, message: `rule ${rule.id} can never match: ${why}` }];
    const conflict = conflictOf(rule, config.rules.slice(0, i)) ?? unreadable(rule, targetsOf(rule, config));
    return conflict === undefined ? [] : [{ ...at, message: conflict }];
  });
}

type Named = readonly (readonly [string, ConnectionConfig])[];

function targetsOf({ connections }: Rule, config: GatewayConfig): Named {
  return Object.entries(config.connections).filter(([name]) => concerns(connections, name));
}

function neverMatches(rule: Rule, i: number, config: GatewayConfig): string | undefined {
  const entries = config.access.filter(
    (entry) => entry.groups === undefined || rule.groups === undefined || entry.groups.some((group) => rule.groups?.includes(group)),
  );
  if (entries.length === 0) return `no access entry gives anything to ${rule.groups?.join(', ') ?? 'anyone'}`;
  const targets = targetsOf(rule, config).filter(([name]) => entries.some((entry) => concerns(entry.connections, name)));
  if (targets.length === 0) return 'access gives the groups it names none of its connections';
  const kinds = new Set(targets.map(([, connection]) => connection.kind));
  if ((rule.tools || rule.resources || rule.prompts) && !kinds.has('mcp')) return 'tools, resources and prompts are on mcp connections only';
  if (rule.paths && kinds.size === 1 && kinds.has('mcp')) return 'paths are on datadog-intake and http connections only';
  if (rule.paths && (rule.tools || rule.resources || rule.prompts)) return 'no call has a path and a tool, resource or prompt as well';
  const verbless = rule.methods?.find((method) => !kinds.has('mcp') && !method.includes(' ') && !method.includes('*'));
  if (verbless !== undefined) return `the method ${verbless} has no verb; write "POST ${verbless}"`;
  return ungranted(rule, entries) ?? exempted(rule) ?? overruled(rule, i, config.rules);
}

// What access does not grant is answered before rules are asked.
function ungranted(rule: Rule, entries: readonly AccessEntry[]): string | undefined {
  for (const list of ['tools', 'resources', 'prompts'] as const) {
    const wanted = rule[list];
    const given = entries.map((entry) => entry[list]);
    const only = (['tools', 'resources', 'prompts'] as const).every((other) => other === list || rule[other] === undefined);
    if (!only || wanted === undefined || given.some((patterns) => patterns === undefined)) continue;
    if (!given.flatMap((patterns) => patterns ?? []).some((pattern) => wanted.some((mine) => globsOverlap(mine, pattern)))) {
      return `access gives the groups it names none of these ${list}`;
    }
  }
  return undefined;
}

// Which metrics a tool asks for is known only where somebody has said in which arguments it names them.
function unreadable(rule: Rule, targets: Named): string | undefined {
  if (rule.metrics === undefined || rule.resources || rule.prompts) return undefined;
  const servers = targets.filter(([, { kind }]) => kind === 'mcp');
  if (servers.length === 0) return undefined;
  if (rule.tools === undefined) {
    if (rule.methods !== undefined || rule.paths !== undefined) return undefined;
    return `rule ${rule.id} is not about tools without query_arguments, whatever they ask for on ${servers.map(([name]) => name).join(', ')}; name the tools that it is to stop, or its connections`;
  }
  const undeclared = rule.tools.filter((tool) =>
    servers.some(
      ([, { queryArguments, unscopedTools }]) =>
        tool.includes('*') || (queryArgumentsOf(tool, queryArguments) === undefined && !unscopedTools.some((pattern) => globMatches(pattern, tool))),
    ),
  );
  if (undeclared.length === 0) return undefined;
  return `rule ${rule.id} is about all calls of ${undeclared.join(', ')} for which no query_arguments say where metrics are named; declare them, or list those that name none in unscoped_tools`;
}

function exempted(rule: Rule): string | undefined {
  const whole = rule.except?.some((scope) => scope.when === undefined && lists.every((list) => scope[list] === undefined || covers(scope[list], rule[list])));
  return whole ? 'except leaves alone all that it is about' : undefined;
}

function overruled(rule: Rule, i: number, rules: readonly Rule[]): string | undefined {
  const deny = rules.find((other, j) => j !== i && other.effect === 'deny' && (j < i || rule.effect !== 'deny') && coversRule(other, rule));
  if (deny !== undefined) return rules.indexOf(deny) < i ? `${deny.id} stands before it and denies all that it does` : `${deny.id} denies all that it is about`;
  if (rule.effect !== 'hold') return undefined;
  const hold = rules.slice(0, i).find((other) => other.effect === 'hold' && coversRule(other, rule));
  return hold === undefined ? undefined : `${hold.id} stands before it and holds all that it does`;
}

// Two holds that meet in some calls, with other approvers: the first one counts, which may not be meant.
function conflictOf(rule: Rule, earlier: readonly Rule[]): string | undefined {
  if (rule.effect !== 'hold') return undefined;
  const other = earlier.find((one) => one.effect === 'hold' && meets(one, rule) && !sameSet(one.hold.approvers, rule.hold.approvers));
  return other === undefined
    ? undefined
    : `rules ${other.id} and ${rule.id} hold some of the same calls for other approvers; ${other.id} stands first and counts`;
}

const lists = ['groups', 'connections', 'methods', 'paths', 'metrics', 'tools', 'resources', 'prompts'] as const;

// Only what is plain to see: the earlier rule says the same, or leaves out what the later one says.
function coversRule(wide: Rule, narrow: Rule): boolean {
  if (wide.when !== undefined || wide.except !== undefined) return false;
  return lists.every((list) => {
    // A rule without methods leaves alone what comes with the connection; one that names methods may take it.
    if (list === 'methods' && wide.methods === undefined) return narrow.methods === undefined || Boolean(narrow.tools || narrow.resources || narrow.prompts);
    return wide[list] === undefined || covers(wide[list], narrow[list]);
  });
}

function covers(wide: readonly string[] | undefined, narrow: readonly string[] | undefined): boolean {
  if (wide === undefined) return true;
  return narrow?.every((pattern) => wide.some((w) => globMatches(w, pattern))) ?? false;
}

function meets(a: Rule, b: Rule): boolean {
  return lists.every((list) => {
    const [mine, theirs] = [a[list], b[list]];
    return mine === undefined || theirs === undefined || mine.some((one) => theirs.some((other) => globsOverlap(one, other)));
  });
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item));
}

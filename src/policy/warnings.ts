// What is allowed in gateway.yaml and yet most likely not meant.
import { concerns } from './access.ts';
import type { AccessEntry, ConnectionConfig, GatewayConfig, Rule } from './config.ts';
import { isLoopback } from './fields.ts';
import { globMatches } from './glob.ts';
import { type Finding, named } from './phrase.ts';
import type { Path } from './position.ts';

/** Findings that do not stop the gateway. */
export function warningFindings(config: GatewayConfig): readonly Finding[] {
  const connections = Object.entries(config.connections).flatMap(([name, connection]) => connectionWarnings(name, connection, config));
  const access = config.access.flatMap((entry, i) => accessWarnings(entry, ['access', i], config));
  const rules = config.rules.flatMap((rule, i) => ruleWarnings(rule, i, config));
  return [...serverWarnings(config), ...connections, ...access, ...rules];
}

function serverWarnings(config: GatewayConfig): readonly Finding[] {
  const url = new URL(config.publicUrl);
  const plain = url.protocol === 'http:' && !isLoopback(url.hostname);
  return plain
    ? [value(['public_url'], 'plain http: grants and recordings cross the network unencrypted; put TLS in front and name the https:// address')]
    : [];
}

function connectionWarnings(name: string, connection: ConnectionConfig, config: GatewayConfig): readonly Finding[] {
  const path: Path = ['connections', name];
  const found: Finding[] = [];
  if (connection.record === 'off') found.push(key(path, `record is off: nothing that is done on ${name} is recorded`));
  if (config.access.every((entry) => !concerns(entry.connections, name))) found.push(key(path, `no access entry gives ${name} to anyone`));
  const upstreams = [connection.upstream, connection.upstreams.logs].filter((upstream) => upstream !== undefined);
  const plain = upstreams.find((upstream) => upstream.startsWith('http:') && !isLoopback(new URL(upstream).hostname));
  if (plain !== undefined && Object.keys(connection.credentialHeaders).length > 0) {
    found.push(key(path, `the credential is sent to ${plain} over plain http`));
  }
  return found;
}

function accessWarnings(entry: AccessEntry, path: Path, config: GatewayConfig): readonly Finding[] {
  if (entry.metrics === undefined) return [];
  return connectionsOf(entry, config).flatMap(([name, connection]) => {
    if (connection.kind === 'http') return [key([...path, 'metrics'], `metric names cannot be read on ${name}, so ${named(path)} gives nothing there`)];
    if (connection.kind === 'mcp' && connection.unscopedTools.length === 0) {
      return [key([...path, 'metrics'], `${named(path)} is limited to namespaces and ${name} has no unscoped_tools, so it gives no tool there`)];
    }
    return [];
  });
}

function ruleWarnings(rule: Rule, i: number, config: GatewayConfig): readonly Finding[] {
  const path: Path = ['rules', i];
  const never = (why: string) => [key([...path, 'id'], `rule ${rule.id} can never match: ${why}`)];
  const entries = config.access.filter((entry) => entry.groups === undefined || rule.groups === undefined || overlap(entry.groups, rule.groups));
  if (entries.length === 0) return never(`no access entry gives anything to ${rule.groups?.join(', ') ?? 'anyone'}`);
  const targets = connectionsOf(rule, config).filter(([name]) => entries.some((entry) => concerns(entry.connections, name)));
  if (targets.length === 0) return never('access gives the groups it names none of its connections');
  const kinds = new Set(targets.map(([, connection]) => connection.kind));
  if ((rule.tools || rule.resources || rule.prompts) && !kinds.has('mcp')) return never('tools, resources and prompts are on mcp connections only');
  const verbless = rule.methods?.find((method) => !kinds.has('mcp') && !method.includes(' ') && !method.includes('*'));
  if (verbless !== undefined) return never(`the method ${verbless} has no verb; write "POST ${verbless}"`);
  const earlier = config.rules.slice(0, i).find((other) => covers(other, rule));
  return earlier === undefined ? [] : never(`${earlier.id} stands before it and denies all that it does`);
}

// Only what is plain to see: the earlier rule says the same, or leaves out what the later one says.
function covers(earlier: Rule, later: Rule): boolean {
  const lists = ['groups', 'connections', 'methods', 'metrics', 'tools', 'resources', 'prompts'] as const;
  return lists.every((list) => {
    const wide = earlier[list];
    // A rule without methods leaves alone what comes with the connection; one that names methods may take it.
    if (list === 'methods' && wide === undefined) return later.methods === undefined || Boolean(later.tools || later.resources || later.prompts);
    return wide === undefined ? true : (later[list]?.every((pattern) => wide.some((w) => globMatches(w, pattern))) ?? false);
  });
}

function connectionsOf(entry: AccessEntry | Rule, config: GatewayConfig): readonly (readonly [string, ConnectionConfig])[] {
  return Object.entries(config.connections).filter(([name]) => concerns(entry.connections, name));
}

function overlap(a: readonly string[], b: readonly string[]): boolean {
  return a.some((item) => b.includes(item));
}

function key(path: Path, message: string): Finding {
  return { path, atKey: true, message };
}

function value(path: Path, message: string): Finding {
  return { path, atKey: false, message };
}

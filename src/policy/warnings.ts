// What is allowed in gateway.yaml and yet most likely not meant.
import { isLoopback } from '../base/loopback.ts';
import { concerns } from './access.ts';
import type { AccessEntry, ConnectionConfig, GatewayConfig } from './config.ts';
import { groupWarnings } from './group-findings.ts';
import { type Finding, named } from './phrase.ts';
import type { Path } from './position.ts';
import { ruleWarnings } from './rule-warnings.ts';

/** Findings that do not stop the gateway. */
export function warningFindings(config: GatewayConfig): readonly Finding[] {
  const connections = Object.entries(config.connections).flatMap(([name, connection]) => connectionWarnings(name, connection, config));
  const access = config.access.flatMap((entry, i) => accessWarnings(entry, ['access', i], config));
  return [...serverWarnings(config), ...connections, ...access, ...ruleWarnings(config), ...groupWarnings(config)];
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
  if (entry.metrics === undefined && entry.tags === undefined) return [];
  const at = entry.metrics === undefined ? 'tags' : 'metrics';
  return connectionsOf(entry, config).flatMap(([name, connection]) => {
    if (connection.kind === 'http') return [key([...path, at], `metric names cannot be read on ${name}, so ${named(path)} gives nothing there`)];
    return [];
  });
}

function connectionsOf(entry: AccessEntry, config: GatewayConfig): readonly (readonly [string, ConnectionConfig])[] {
  return Object.entries(config.connections).filter(([name]) => concerns(entry.connections, name));
}

function key(path: Path, message: string): Finding {
  return { path, atKey: true, message };
}

function value(path: Path, message: string): Finding {
  return { path, atKey: false, message };
}

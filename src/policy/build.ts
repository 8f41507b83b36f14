// Turns what the schema accepted into a GatewayConfig: durations to milliseconds, references and defaults made explicit.
import { dirname, isAbsolute, join } from 'node:path';
import { limits } from '../base/limits.ts';
import type { AccessEntry, ConnectionConfig, GatewayConfig, MaskConfig, Rule, SecretRef } from './config.ts';
import type { ConnectionFile } from './connection-schema.ts';
import { parseDuration } from './duration.ts';
import { readHeaderSecret, readSecretRef } from './fields.ts';
import type { ConfigFile } from './schema.ts';

/** The configuration in `file`, the path of the text it was read from; relative paths in it count from there. */
export function buildConfig(input: ConfigFile, file: string): GatewayConfig {
  const place = (path: string) => (isAbsolute(path) ? path : join(dirname(file), path));
  const keep = (ref: SecretRef): SecretRef => (ref.kind === 'file' ? { kind: 'file', path: place(ref.path) } : ref);
  const { identity } = input;
  const colon = input.listen.lastIndexOf(':');
  return {
    listen: { host: input.listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(input.listen.slice(colon + 1)) },
    publicUrl: new URL(input.public_url ?? `http://${input.listen}`).origin,
    data: { kind: 'sqlite', path: place(input.data.slice('sqlite:'.length)) },
    keys: keep(readSecretRef(input.keys)),
    identity: {
      issuer: identity.issuer,
      audience: identity.audience,
      groupsClaim: identity.groups_claim,
      clientId: identity.client_id,
      scopes: identity.scopes,
      adminGroups: identity.admin_groups,
      boundTokens: identity.bound_tokens,
      clockSkewMs: parseDuration(identity.clock_skew) ?? 0,
    },
    connections: Object.fromEntries(Object.entries(input.connections).map(([name, connection]) => [name, buildConnection(connection, keep)])),
    access: input.access.map(buildAccess),
    rules: input.rules.map(buildRule),
    mask: buildMask(input.mask),
  };
}

function buildMask({ pseudonym_epoch: epoch, ...mask }: ConfigFile['mask']): MaskConfig {
  return { ...mask, pseudonymEpochMs: parseDuration(epoch) ?? limits.pseudonymEpochMsDefault };
}

function buildConnection(input: ConnectionFile, keep: (ref: SecretRef) => SecretRef): ConnectionConfig {
  const credentials = Object.entries(input.credential?.headers ?? {}).map(([name, value]) => {
    const secret = readHeaderSecret(value);
    return [name.toLowerCase(), { ...secret, ref: keep(secret.ref) }] as const;
  });
  const owned = input.kind === 'datadog-intake' ? { query: {}, headers: {} } : { query: input.upstream_query, headers: input.upstream_headers };
  const logs = input.kind === 'datadog-intake' ? input.upstreams.logs : undefined;
  return {
    kind: input.kind,
    upstream: input.upstream,
    upstreams: logs === undefined ? {} : { logs },
    credentialHeaders: Object.fromEntries(credentials),
    record: input.record,
    upstreamQuery: owned.query,
    upstreamHeaders: Object.fromEntries(Object.entries(owned.headers).map(([name, value]) => [name.toLowerCase(), value])),
    env: input.env,
    paths: input.kind === 'http' ? input.paths : [],
    unscopedTools: input.kind === 'mcp' ? input.unscoped_tools : [],
    unmaskable: input.unmaskable,
  };
}

function buildAccess({ ttl, ...entry }: ConfigFile['access'][number]): AccessEntry {
  return { ...entry, ttlMs: parseDuration(ttl) ?? limits.grantMsDefault };
}

function buildRule({ deny: _, ...rule }: ConfigFile['rules'][number]): Rule {
  return { ...rule, effect: 'deny' };
}

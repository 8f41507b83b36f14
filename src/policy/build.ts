// Turns what the schema accepted into a GatewayConfig: durations to milliseconds, references and defaults made explicit.
import { dirname, isAbsolute, join } from 'node:path';
import { limits } from '../base/limits.ts';
import { parseSize } from '../base/size.ts';
import type {
  AccessEntry,
  Approval,
  ConnectionConfig,
  GatewayConfig,
  HoldTerms,
  MaskConfig,
  RetentionConfig,
  Rule,
  SecretRef,
  ToolChanges,
  WebhookConfig,
} from './config.ts';
import type { ConnectionFile } from './connection-schema.ts';
import { parseDuration } from './duration.ts';
import { readHeaderSecret, readSecretRef } from './fields.ts';
import type { HoldFile } from './hold-schema.ts';
import type { ConfigFile } from './schema.ts';
import type { WebhookFile } from './webhook-schema.ts';

type McpFile = Extract<ConnectionFile, { kind: 'mcp' }>;

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
      ...(identity.groups !== undefined && { groups: identity.groups }),
      adminGroups: identity.admin_groups,
      machineOwners: identity.machine_owners,
      boundTokens: identity.bound_tokens,
      clockSkewMs: parseDuration(identity.clock_skew) ?? 0,
    },
    connections: Object.fromEntries(
      Object.entries(input.connections).map(([name, connection]) => [name, buildConnection(connection, { keep, place, admins: identity.admin_groups })]),
    ),
    access: input.access.map(buildAccess),
    rules: input.rules.map(buildRule),
    mask: buildMask(input.mask),
    witnesses: input.witnesses,
    holdWaitMs: parseDuration(input.hold_wait) ?? limits.holdWaitMsDefault,
    webhooks: input.webhooks.map((hook) => buildWebhook(hook, keep)),
    retention: buildRetention(input.retention),
  };
}

function buildRetention({ keep, max_size: maxSize, owners_erase: ownersErase }: ConfigFile['retention']): RetentionConfig {
  const [keepMs, bytesMax] = [keep && parseDuration(keep), maxSize && parseSize(maxSize)];
  return { ...(keepMs && { keepMs }), ...(bytesMax && { bytesMax }), ownersErase };
}

function buildWebhook({ url, secret, ...hook }: WebhookFile, keep: (ref: SecretRef) => SecretRef): WebhookConfig {
  const named = url.startsWith('env:') || url.startsWith('file:');
  return { ...hook, url: named ? keep(readSecretRef(url)) : url, ...(secret !== undefined && { secret: keep(readSecretRef(secret)) }) };
}

function buildMask({ pseudonym_epoch: epoch, ...mask }: ConfigFile['mask']): MaskConfig {
  return { ...mask, pseudonymEpochMs: parseDuration(epoch) ?? limits.pseudonymEpochMsDefault };
}

interface Context {
  readonly keep: (ref: SecretRef) => SecretRef;
  readonly place: (path: string) => string;
  readonly admins: readonly string[];
}

function buildConnection(input: ConnectionFile, { keep, place, admins }: Context): ConnectionConfig {
  if (input.kind === 'stdio') return buildStdio(input, { keep, place, admins });
  const credentials = Object.entries(input.credential?.headers ?? {}).map(([name, value]) => {
    const secret = readHeaderSecret(value);
    return [name.toLowerCase(), { ...secret, ref: keep(secret.ref) }] as const;
  });
  const owned = input.kind === 'datadog-intake' ? { query: {}, headers: {} } : { query: input.upstream_query, headers: input.upstream_headers };
  const logs = input.kind === 'datadog-intake' ? input.upstreams.logs : undefined;
  return {
    kind: input.kind,
    upstream: input.upstream,
    transport: input.kind === 'mcp' ? input.transport : 'streamable-http',
    upstreams: logs === undefined ? {} : { logs },
    credentialHeaders: Object.fromEntries(credentials),
    record: input.record,
    upstreamQuery: owned.query,
    upstreamHeaders: Object.fromEntries(Object.entries(owned.headers).map(([name, value]) => [name.toLowerCase(), value])),
    env: input.env,
    paths: input.kind === 'http' ? input.paths : [],
    unscopedTools: input.kind === 'mcp' ? input.unscoped_tools : [],
    queryArguments: input.kind === 'mcp' ? input.query_arguments : {},
    toolChanges: input.kind === 'mcp' ? buildToolChanges(input.tool_changes, admins) : { effect: 'allow' },
    unmaskable: input.unmaskable,
    witness: input.witness,
  };
}

/** To policy and record it is an MCP server like any other. */
function buildStdio(input: Extract<ConnectionFile, { kind: 'stdio' }>, { keep, place, admins }: Context): ConnectionConfig {
  const [program = '', ...args] = input.command;
  const variables = Object.entries(input.env).map(([name, value]) => [name, /^(?:env|file):/.test(value) ? keep(readSecretRef(value)) : value] as const);
  return {
    kind: 'mcp',
    upstream: '',
    transport: 'streamable-http',
    server: { command: [program, ...args], env: Object.fromEntries(variables), ...(input.cwd !== undefined && { cwd: place(input.cwd) }) },
    upstreams: {},
    credentialHeaders: {},
    record: input.record,
    upstreamQuery: {},
    upstreamHeaders: {},
    env: {},
    paths: [],
    unscopedTools: input.unscoped_tools,
    queryArguments: input.query_arguments,
    toolChanges: buildToolChanges(input.tool_changes, admins),
    unmaskable: input.unmaskable,
    witness: input.witness,
  };
}

function buildAccess({ ttl, hours, approval, calls, server_requests: serverRequests, ...entry }: ConfigFile['access'][number]): AccessEntry {
  return {
    ...entry,
    ttlMs: parseDuration(ttl) ?? limits.grantMsDefault,
    ...(hours !== undefined && { hours: { days: hours.days, fromMin: minutesOf(hours.from), toMin: minutesOf(hours.to), zone: hours.zone } }),
    ...(approval !== 'none' && { approval: buildApproval(approval) }),
    ...(calls !== undefined && {
      calls: {
        ...(calls.per_minute !== undefined && { perMinute: calls.per_minute }),
        ...(calls.per_session !== undefined && { perSession: calls.per_session }),
      },
    }),
    ...(serverRequests !== undefined && { serverRequests }),
  };
}

function buildRule({ deny: _, hold, mask, except, ...rule }: ConfigFile['rules'][number]): Rule {
  const exempt = except === undefined ? {} : { except: Array.isArray(except) ? except : [except] };
  if (hold !== undefined) return { ...rule, ...exempt, effect: 'hold', hold: buildHold(hold) };
  if (mask !== undefined) return { ...rule, ...exempt, effect: 'mask', mask };
  return { ...rule, ...exempt, effect: 'deny' };
}

function buildHold({ reveal, masked_arguments: maskedArguments, ...terms }: HoldFile): HoldTerms {
  return { ...buildApproval(terms), ...(reveal !== undefined && { reveal }), ...(maskedArguments !== undefined && { maskedArguments }) };
}

function buildApproval({ approvers, min, within }: Pick<HoldFile, 'approvers' | 'min' | 'within'>): Approval {
  return { approvers, min, withinMs: parseDuration(within) ?? limits.holdMsDefault };
}

// Where nobody is named, administrators are asked.
function buildToolChanges(changes: McpFile['tool_changes'], admins: readonly string[]): ToolChanges {
  if (typeof changes === 'object') return { effect: 'hold', hold: buildHold(changes.hold) };
  if (changes !== 'hold') return { effect: changes };
  return { effect: 'hold', hold: { approvers: admins, min: 1, withinMs: limits.holdMsDefault } };
}

function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

// From the arguments of `connect` and `exec` to what the forwarder connects to: a URL (solo), or connections of a gateway.

import type { Closers } from '../base/closers.ts';
import { type HttpTransport, httpTransports } from '../base/connection.ts';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { Secret } from '../base/secret.ts';
import { parseSize } from '../base/size.ts';
import type { Target } from '../forwarder/options.ts';
import { resolveSecret } from '../gateway/credentials.ts';
import { openIdentity } from '../identity/gateway-identity.ts';
import type { GatewayConfig } from '../policy/config.ts';
import { parseDuration } from '../policy/duration.ts';
import { readHeaderSecret } from '../policy/fields.ts';
import type { Projection } from '../policy/projection.ts';
import { soloProjectionFrom, soloProjectionOf } from '../policy/solo.ts';
import type { ServerCommand } from '../transport/child.ts';
import { readConfigFile } from './config-file.ts';
import type { Io } from './io.ts';
import { type SecretFlags, secretOptions } from './login.ts';

export interface TargetOptions extends SecretFlags {
  readonly gateway?: string | undefined;
  /** Solo: the upstream's MCP endpoint. */
  readonly url?: string | undefined;
  /** With `url`: how it is spoken to. */
  readonly transport?: string | undefined;
  /** With `url`: headers for every call, whose secrets are named and not written. */
  readonly header?: readonly string[];
  /** Solo: a command that is an MCP server on stdin and stdout. */
  readonly command?: readonly string[];
  /** Solo: a gateway.yaml whose access, rules and mask hold. */
  readonly policy?: string | undefined;
}

/** The targets that the arguments name. What it opens is closed with `stack`. Throws `usage`, `login_required`, `config_invalid`, `config_unreadable`. */
export async function openTargets(connections: readonly string[], options: TargetOptions, io: Io, stack: Closers): Promise<readonly Target[]> {
  const [program, ...args] = options.command ?? [];
  if (program !== undefined) {
    if (connections.length > 0 || options.url !== undefined) throw new McprecError('usage', 'give a connection, --url, or a command, not two of them');
    const command: ServerCommand = { command: [program, ...args], env: childEnvironment(io.env), cwd: undefined };
    return [{ kind: 'command', command, ...(options.policy !== undefined && { policy: await commandPolicy(options.policy, command, io) }) }];
  }
  if ((options.header ?? []).length > 0 && options.url === undefined) throw new McprecError('usage', '--header goes with --url');
  if (options.transport !== undefined && options.url === undefined) throw new McprecError('usage', '--transport goes with --url');
  if (options.url !== undefined) {
    if (connections.length > 0) throw new McprecError('usage', 'name a connection or give --url, not both');
    const url = upstreamUrl(options.url);
    return [
      {
        kind: 'solo',
        url,
        transport: httpTransport(options.transport, url),
        headers: ownHeaders(options.header ?? [], io),
        ...(options.policy !== undefined && { policy: await soloPolicy(options.policy, url, io) }),
      },
    ];
  }
  if (options.policy !== undefined)
    throw new McprecError('usage', '--policy goes with --url or a command', { remedy: 'leave it out: the gateway has the policy' });
  if (connections.length === 0)
    throw new McprecError('usage', 'no connection is named', { remedy: 'name one, e.g. mcprec connect datadog, or give --url URL, or -- COMMAND' });
  if (new Set(connections).size !== connections.length) throw new McprecError('usage', 'a connection is named twice');
  const identity = stack.use(await openIdentity({ ...secretOptions(options, io), gateway: options.gateway, clock: io.clock, random: io.random }));
  return connections.map((connection) => ({ kind: 'gateway', connection, identity }));
}

/** `--ttl` in seconds. Throws `usage`. */
export function ttlSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined) throw new McprecError('usage', `--ttl ${text} is not a duration`, { remedy: 'write it like 30m or 1h' });
  return Math.max(1, Math.round(ms / 1000));
}

/** `--journal-max` in bytes. Throws `usage`. */
export function journalBytesMax(text: string | undefined): number {
  if (text === undefined) return limits.journalBytesMax;
  const bytes = parseSize(text);
  if (bytes === undefined) throw new McprecError('usage', `--journal-max ${text} is no size`, { remedy: 'write it like 500MB or 4GiB' });
  return bytes;
}

/** `--synchronous`. Throws `usage`. */
export function synchronousMode(text: string | undefined): 'FULL' | 'NORMAL' {
  if (text === undefined || text === 'full') return 'FULL';
  if (text === 'normal') return 'NORMAL';
  throw new McprecError('usage', `--synchronous ${text} is no mode`, { remedy: 'write full or normal' });
}

/** `--port`. Throws `usage`. */
export function portNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535)
    throw new McprecError('usage', `--port ${text} is not a port`, { remedy: 'give a number from 1 to 65535' });
  return port;
}

/** `--header`. Throws `usage`, `secret_unresolved`. */
function ownHeaders(texts: readonly string[], io: Io): readonly (readonly [string, Secret])[] {
  return texts.map((text) => {
    const [, name, value] = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*:\s*((?:[A-Za-z][A-Za-z0-9-]* )?(?:env|file):.+)$/.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw new McprecError('usage', '--header must be "NAME: env:VARIABLE" or "NAME: file:PATH", with a scheme in front of it where the header needs one', {
        remedy: 'name where the secret is; written on the command line, everybody on this machine could read it',
      });
    }
    const { ref, scheme } = readHeaderSecret(value);
    const secret = resolveSecret(ref, io.env);
    return [name, scheme === undefined ? secret : new Secret(`${scheme} ${secret.reveal()}`)];
  });
}

/** `--transport`; an address that ends in `/sse` is one of 2024-11-05, as is the custom. Throws `usage`. */
function httpTransport(text: string | undefined, url: URL): HttpTransport {
  if (text === undefined) return url.pathname.endsWith('/sse') ? 'sse' : 'streamable-http';
  const found = httpTransports.find((name) => name === text);
  if (found === undefined) throw new McprecError('usage', `--transport ${text}: no such transport`, { remedy: `choose one of ${httpTransports.join(', ')}` });
  return found;
}

/** What a command gets of our environment: all but what is ours alone. */
function childEnvironment(env: Io['env']): Io['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('MCPREC_')));
}

async function commandPolicy(file: string, { command }: ServerCommand, io: Io): Promise<Projection> {
  return soloProjectionOf(await configIn(file, io), command);
}

async function soloPolicy(file: string, url: URL, io: Io): Promise<Projection> {
  return soloProjectionFrom(await configIn(file, io), url);
}

// Imported where it is needed: it brings the language of conditions along.
async function configIn(file: string, io: Io): Promise<GatewayConfig> {
  const { parseConfig } = await import('../policy/parse.ts');
  return parseConfig(readConfigFile(file), { file, env: io.env }).config;
}

function upstreamUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new McprecError('usage', `--url ${text} is not an http or https URL`, {
      remedy: 'give the address of the server’s MCP endpoint, e.g. https://example.com/mcp',
    });
  }
  if (url.username !== '' || url.password !== '')
    throw new McprecError('usage', '--url carries a password', { remedy: 'send credentials as headers from the client' });
  return url;
}

// Turns references to secrets (`env:NAME`, `file:PATH`) into the secrets, once, when the gateway starts.
import { readFileSync } from 'node:fs';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { Secret } from '../base/secret.ts';
import type { ConnectionConfig, SecretRef, WebhookConfig } from '../policy/config.ts';
import type { ServerCommand } from '../transport/child.ts';
import type { Hook } from './webhooks.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the reference names, without a line break at its end. Throws `secret_unresolved`. */
export function resolveSecret(ref: SecretRef, env: Environment): Secret {
  const value = ref.kind === 'env' ? env[ref.name] : readSecretFile(ref.path);
  const text = value?.replace(/\r?\n$/, '') ?? '';
  if (text === '') throw new McprecError('secret_unresolved', `${nameOf(ref)} is ${value === undefined ? 'not set' : 'empty'}`);
  if (Buffer.byteLength(text) > limits.secretFileBytesMax)
    throw new McprecError('secret_unresolved', `${nameOf(ref)} is longer than ${limits.secretFileBytesMax} bytes`);
  return new Secret(text);
}

/** The credential headers of a connection: lower-case name and value. Throws `secret_unresolved`, naming the connection. */
export function resolveCredentials(name: string, connection: ConnectionConfig, env: Environment): readonly (readonly [string, Secret])[] {
  return Object.entries(connection.credentialHeaders).map(([header, { ref, scheme }]) => {
    const secret = resolveNamed(`connection ${name}`, ref, env);
    if (/[^\t\u0020-\u007e\u0080-\u00ff]/.test(secret.reveal())) {
      throw new McprecError('secret_unresolved', `connection ${name}: ${nameOf(ref)} holds characters that cannot stand in a header`);
    }
    return [header, scheme === undefined ? secret : new Secret(`${scheme} ${secret.reveal()}`)];
  });
}

/** What of the gateway's own environment a server that is a command gets: nothing that could be a secret. */
const inherited = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'SYSTEMROOT'] as const;

/** The command of a connection whose server is one, with the secrets in its environment; undefined where it is none. Throws `secret_unresolved`. */
export function resolveServer(name: string, { server }: ConnectionConfig, env: Environment): ServerCommand | undefined {
  if (server === undefined) return undefined;
  const own = Object.entries(server.env).map(([variable, value]) => [
    variable,
    typeof value === 'string' ? value : resolveNamed(`connection ${name}`, value, env).reveal(),
  ]);
  const common = inherited.map((variable) => [variable, env[variable]]);
  return { command: server.command, env: Object.fromEntries([...common, ...own]), cwd: server.cwd };
}

/** The reference as it stands in the configuration. */
export function nameOf(ref: SecretRef): string {
  return ref.kind === 'env' ? `env:${ref.name}` : `file:${ref.path}`;
}

function resolveNamed(where: string, ref: SecretRef, env: Environment): Secret {
  try {
    return resolveSecret(ref, env);
  } catch (error) {
    if (error instanceof McprecError) throw new McprecError(error.code, `${where}: ${error.message}`, { cause: error });
    throw error;
  }
}

function readSecretFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new McprecError('secret_unresolved', `file:${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

const WHSEC = 'whsec_';
const HOOK_KEY_BYTES = { min: 24, max: 64 };

/** The webhooks with their secrets. Throws `secret_unresolved` or `config_invalid`, naming the webhook. Source: Standard Webhooks, secrets. */
export function resolveWebhooks(webhooks: readonly WebhookConfig[], env: Environment): readonly Hook[] {
  return webhooks.map(({ name, url, secret, format, events }) => {
    const where = `webhook ${name}`;
    const address = typeof url === 'string' ? new Secret(url) : resolveNamed(where, url, env);
    if (!/^https?:\/\//.test(address.reveal()) || !URL.canParse(address.reveal()))
      throw new McprecError('config_invalid', `${where}: its url is no http or https URL`);
    const text = secret === undefined ? undefined : resolveNamed(where, secret, env).reveal();
    const key = text === undefined ? undefined : Buffer.from(text.slice(WHSEC.length), 'base64');
    if (text !== undefined && (!text.startsWith(WHSEC) || key === undefined || key.length < HOOK_KEY_BYTES.min || key.length > HOOK_KEY_BYTES.max)) {
      throw new McprecError('config_invalid', `${where}: its secret is not whsec_ and base64 of ${HOOK_KEY_BYTES.min} to ${HOOK_KEY_BYTES.max} bytes`);
    }
    return { name, url: address, format, events, key };
  });
}

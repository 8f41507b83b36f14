// Turns references to secrets (`env:NAME`, `file:PATH`) into the secrets.
import { readFileSync } from 'node:fs';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { isLoopback } from '../base/loopback.ts';
import { Secret } from '../base/secret.ts';
import type { HeaderSecret, SecretRef, ServerConfig, WebhookConfig } from '../policy/config.ts';
import type { ServerCommand } from '../transport/child.ts';
import type { Hook } from './webhooks.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the reference names, without a line break at its end. Throws `secret_unresolved`. */
export function resolveSecret(ref: SecretRef, env: Environment): Secret {
  const value = ref.kind === 'env' ? env[ref.name] : readSecretFile(ref.path);
  const text = value?.replace(/\r?\n$/, '') ?? '';
  if (text === '')
    throw new McprecError('secret_unresolved', `${nameOf(ref)} is ${value !== undefined ? 'empty' : ref.kind === 'env' ? 'not set' : 'not there'}`);
  if (Buffer.byteLength(text) > limits.secretFileBytesMax)
    throw new McprecError('secret_unresolved', `${nameOf(ref)} is longer than ${limits.secretFileBytesMax} bytes`);
  return new Secret(text);
}

/** The value of a credential header. Throws `secret_unresolved`. */
export function resolveCredential({ ref, scheme }: HeaderSecret, env: Environment): Secret {
  const secret = resolveSecret(ref, env);
  if (/[^\t\u0020-\u007e\u0080-\u00ff]/.test(secret.reveal()))
    throw new McprecError('secret_unresolved', `${nameOf(ref)} holds characters that cannot stand in a header`);
  return scheme === undefined ? secret : new Secret(`${scheme} ${secret.reveal()}`);
}

/** Runs what resolves the secret at one key of a part of the configuration; gives undefined where that throws, and keeps why. */
export type Attempt = <T>(key: string, run: () => T) => T | undefined;

/** What of the gateway's own environment a server that is a command gets: nothing that could be a secret. */
const inherited = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'SYSTEMROOT'] as const;

/** The command of a connection whose server is one, with the secrets in its environment. */
export function resolveServer(server: ServerConfig, env: Environment, attempt: Attempt): ServerCommand {
  const own = Object.entries(server.env).map(([variable, value]) => [
    variable,
    typeof value === 'string' ? value : attempt(variable, () => resolveSecret(value, env).reveal()),
  ]);
  const common = inherited.map((variable) => [variable, env[variable]]);
  return { command: server.command, env: Object.fromEntries([...common, ...own]), cwd: server.cwd };
}

/** The reference as it stands in the configuration. */
export function nameOf(ref: SecretRef): string {
  return ref.kind === 'env' ? `env:${ref.name}` : `file:${ref.path}`;
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

/** A webhook with its secrets; undefined where one of them is none. Source: Standard Webhooks, secrets. */
export function resolveWebhook({ url, secret, ...hook }: WebhookConfig, env: Environment, attempt: Attempt): Hook | undefined {
  const address = attempt('url', () => hookAddress(url, env));
  const key = secret === undefined ? undefined : attempt('secret', () => hookKey(secret, env));
  return address === undefined ? undefined : { ...hook, url: address, key };
}

// Throws `secret_unresolved`, or `config_invalid` without a word of what it holds.
function hookAddress(url: WebhookConfig['url'], env: Environment): Secret {
  const address = typeof url === 'string' ? new Secret(url) : resolveSecret(url, env);
  const parsed = URL.parse(address.reveal());
  if (parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLoopback(parsed.hostname))) return address;
  const reason = `${typeof url === 'string' ? 'its url' : nameOf(url)} is no https:// URL (plain http only to this machine)`;
  throw new McprecError('config_invalid', reason, { remedy: 'put the whole address there' });
}

// Likewise.
function hookKey(ref: SecretRef, env: Environment): Uint8Array {
  const text = resolveSecret(ref, env).reveal();
  const key = Buffer.from(text.slice(WHSEC.length), 'base64');
  if (text.startsWith(WHSEC) && key.length >= HOOK_KEY_BYTES.min && key.length <= HOOK_KEY_BYTES.max) return key;
  throw new McprecError('config_invalid', `${nameOf(ref)} is not whsec_ and base64 of ${HOOK_KEY_BYTES.min} to ${HOOK_KEY_BYTES.max} bytes`, {
    remedy: 'make one with: echo "whsec_$(openssl rand -base64 32)"',
  });
}

// Everything secret that a configuration names: resolved when a gateway starts or reads its file again, and looked at by `mcprec policy check`.
import { existsSync } from 'node:fs';
import { McprecError } from '../base/errors.ts';
import type { RandomBytes } from '../base/random.ts';
import type { Secret } from '../base/secret.ts';
import type { GatewayConfig } from '../policy/config.ts';
import { type Finding, named } from '../policy/phrase.ts';
import type { Path } from '../policy/position.ts';
import type { ServerCommand } from '../transport/child.ts';
import { type Environment, resolveCredential, resolveServer, resolveWebhook } from './credentials.ts';
import { type GatewayKeys, loadKeys } from './keys.ts';
import type { Hook } from './webhooks.ts';

export interface ResolvedSecrets {
  /** By connection: lower-case header name and value. */
  readonly credentials: ReadonlyMap<string, readonly (readonly [string, Secret])[]>;
  /** By connection: the command that is its server, where it is one. */
  readonly commands: ReadonlyMap<string, ServerCommand>;
  readonly hooks: readonly Hook[];
}

const KEYS = 'the gateway’s keys';

interface Fault {
  readonly path: Path;
  /** Whose it is, as one says it. */
  readonly where: string;
  readonly error: McprecError;
}

/** The secrets of a configuration but for the gateway's keys. Throws `secret_unresolved` or `config_invalid`, naming whose it is. */
export function resolveSecrets(config: GatewayConfig, env: Environment): ResolvedSecrets {
  const { resolved, faults } = resolveAll(config, env);
  if (faults.length > 0) throwFirst(faults);
  return resolved;
}

function throwFirst([first]: readonly Fault[]): never {
  if (first === undefined) throw new Error('there is no fault to throw');
  const { code, message, remedy } = first.error;
  throw new McprecError(code, `${first.where}: ${message}`, { cause: first.error, remedy });
}

/** What of a configuration's secrets, its keys too, does not resolve here, and where it stands. */
export function secretFindings(config: GatewayConfig, env: Environment, random: RandomBytes): readonly Finding[] {
  const { faults } = resolveAll(config, env);
  if (!isFirstStart(config)) attempt(faults, { path: ['keys'], where: KEYS }, () => readKeys(config, env, random));
  return faults.map(({ path, error }) => ({ path, atKey: false, message: `${named(path)}: ${error.message}; ${error.remedy}` }));
}

/** Neither data nor keys are there: keys made now can be no mistake for lost ones, for which nothing could be read any more. */
export function isFirstStart({ keys, data }: GatewayConfig): boolean {
  return keys.kind === 'file' && !existsSync(keys.path) && !existsSync(data.path);
}

/** The gateway's keys. Throws `secret_unresolved` or `config_invalid`. */
export function openKeys(config: GatewayConfig, env: Environment, random: RandomBytes): GatewayKeys {
  const faults: Fault[] = [];
  const keys = attempt(faults, { path: ['keys'], where: KEYS }, () => readKeys(config, env, random));
  if (keys === undefined) throwFirst(faults);
  return keys;
}

function readKeys({ keys }: GatewayConfig, env: Environment, random: RandomBytes): GatewayKeys {
  try {
    return loadKeys(keys, env, random);
  } catch (error) {
    if (!(error instanceof McprecError) || error.code !== 'secret_unresolved') throw error;
    throw new McprecError('secret_unresolved', error.message, { cause: error, remedy: 'make them once with: mcprec gateway --init-keys' });
  }
}

function resolveAll({ connections, webhooks }: GatewayConfig, env: Environment): { readonly resolved: ResolvedSecrets; readonly faults: Fault[] } {
  const faults: Fault[] = [];
  const credentials = new Map<string, readonly (readonly [string, Secret])[]>();
  const commands = new Map<string, ServerCommand>();
  for (const [name, { credentialHeaders, server }] of Object.entries(connections)) {
    const where = `connection ${name}`;
    const path: Path = ['connections', name];
    const headers = Object.entries(credentialHeaders).map(([header, credential]) => {
      const value = attempt(faults, { path: [...path, 'credential', 'headers', header], where }, () => resolveCredential(credential, env));
      return value === undefined ? undefined : ([header, value] as const);
    });
    credentials.set(
      name,
      headers.filter((header) => header !== undefined),
    );
    if (server === undefined) continue;
    const command = resolveServer(server, env, (variable, run) => attempt(faults, { path: [...path, 'env', variable], where }, run));
    commands.set(name, command);
  }
  const hooks = webhooks.map((hook, i) =>
    resolveWebhook(hook, env, (key, run) => attempt(faults, { path: ['webhooks', i, key], where: `webhook ${hook.name}` }, run)),
  );
  return { resolved: { credentials, commands, hooks: hooks.filter((hook) => hook !== undefined) }, faults };
}

/** What `run` returns; undefined, and one fault more, where it throws. */
function attempt<T>(faults: Fault[], at: Omit<Fault, 'error'>, run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof McprecError)) throw error;
    faults.push({ ...at, error });
    return undefined;
  }
}

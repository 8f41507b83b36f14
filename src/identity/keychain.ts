// The keychain of the operating system, through @github/keytar in a short-lived child process: a keychain that hangs then
// costs a bounded wait and not this process (a stuck native call would keep it from exiting), and libsecret stays out of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { SecretStore } from './secret-store.ts';

interface KeychainOptions {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

type Command = { readonly verb: 'get' | 'delete'; readonly account: string } | { readonly verb: 'set'; readonly account: string; readonly value: string };

const SERVICE = 'mcprec';

// Runs in the child. The command comes on stdin, so that no secret stands in a process list.
const CHILD = `
let text = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => { text += chunk; });
process.stdin.on('end', async () => {
  let answer;
  try {
    const keytar = require(process.argv[1]);
    const { verb, account, value } = JSON.parse(text);
    if (verb === 'set') await keytar.setPassword('${SERVICE}', account, value);
    else if (verb === 'delete') await keytar.deletePassword('${SERVICE}', account);
    answer = { value: verb === 'get' ? (await keytar.getPassword('${SERVICE}', account)) ?? undefined : undefined };
  } catch (error) {
    answer = { fault: String(error && error.message) };
  }
  process.stdout.write(JSON.stringify(answer));
});`;

/** Why the keychain cannot be used, or undefined where it can: a probe value was written, read and deleted. */
export async function keychainFault(options: KeychainOptions): Promise<string | undefined> {
  const missing = missingBus(options.env);
  if (missing !== undefined) return missing;
  const account = `probe (${options.home})`;
  try {
    // A read asks its owner for nothing, so a keychain that is there answers at once.
    await run({ verb: 'get', account }, options, limits.keychainProbeMsMax);
    await run({ verb: 'set', account, value: 'probe' }, options, limits.keychainMsMax);
    const read = await run({ verb: 'get', account }, options, limits.keychainMsMax);
    await run({ verb: 'delete', account }, options, limits.keychainMsMax);
    return read === 'probe' ? undefined : 'it does not give back what was written';
  } catch (error) {
    return (error as Error).message;
  }
}

export class KeychainStore implements SecretStore {
  readonly kind = 'keychain';
  readonly #options: KeychainOptions;

  constructor(options: KeychainOptions) {
    this.#options = options;
  }

  get(key: string): Promise<string | undefined> {
    return this.#use({ verb: 'get', account: this.#account(key) });
  }

  async set(key: string, value: string): Promise<void> {
    await this.#use({ verb: 'set', account: this.#account(key), value });
  }

  async delete(key: string): Promise<void> {
    await this.#use({ verb: 'delete', account: this.#account(key) });
  }

  async #use(command: Command): Promise<string | undefined> {
    const missing = missingBus(this.#options.env);
    if (missing !== undefined) throw unavailable(missing);
    try {
      // Without the signal: a refresh token that was rotated must get there even if Ctrl-C was pressed meanwhile.
      return await run(command, { env: this.#options.env }, limits.keychainMsMax);
    } catch (cause) {
      throw unavailable((cause as Error).message);
    }
  }

  // Two state directories are two laptops: they must not share a login.
  #account(key: string): string {
    return `${key} (${this.#options.home})`;
  }
}

function unavailable(fault: string): McprecError {
  return new McprecError('keychain_unavailable', `the login is in the keychain, which cannot be used: ${fault}`, {
    remedy: 'start or unlock the keychain; or run: mcprec login, with a passphrase',
  });
}

// Without a bus address libsecret would start a bus of its own, which answers nobody and stays behind.
function missingBus(env: KeychainOptions['env']): string | undefined {
  if (process.platform !== 'linux' || env.DBUS_SESSION_BUS_ADDRESS) return undefined;
  if (env.XDG_RUNTIME_DIR && existsSync(join(env.XDG_RUNTIME_DIR, 'bus'))) return undefined;
  return 'no D-Bus session bus';
}

async function run(command: Command, { env, signal }: Omit<KeychainOptions, 'home'>, msMax: number): Promise<string | undefined> {
  const keytar = createRequire(import.meta.url).resolve('@github/keytar');
  const { NODE_OPTIONS: _, ...childEnv } = env;
  const child = spawn(process.execPath, ['-e', CHILD, keytar], {
    env: childEnv,
    stdio: ['pipe', 'pipe', 'ignore'],
    // Out of the terminal's process group: its Ctrl-C must not cut a write off.
    detached: true,
    ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' }),
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), msMax);
  try {
    const text = await output(child, JSON.stringify(command));
    if (text === '') throw new Error(child.signalCode === null ? 'the helper process failed' : `no answer within ${msMax / 1000} s`);
    const answer = JSON.parse(text) as { readonly value?: string; readonly fault?: string };
    if (answer.fault !== undefined) throw new Error(answer.fault.split('\n', 1)[0]);
    return answer.value;
  } finally {
    clearTimeout(timer);
  }
}

function output(child: ChildProcess, input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.once('error', reject);
    child.once('close', () => resolve(text));
    // A child that died before it read is reported by its close.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

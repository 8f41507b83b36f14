// The directory of `mcprec dev`: gateway.yaml and the secrets beside it. What is there already is kept.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { McprecError } from '../base/errors.ts';

export const devFiles = {
  config: 'gateway.yaml',
  database: 'gateway.db',
  keys: 'gateway.keys',
  apiKey: 'dd_api_key',
  applicationKey: 'dd_application_key',
  machineSecret: 'nightly-report.secret',
} as const;

export interface DevDirectory {
  readonly path: string;
  file(name: keyof typeof devFiles): string;
  /** The text of a secret file; made by `make` and kept (mode 0600) where there is none. */
  secret(name: keyof typeof devFiles, make: () => string): string;
  /** The text of gateway.yaml, or undefined where there is none yet. */
  readConfig(): string | undefined;
  writeConfig(text: string): void;
  /** Removes the directory if it was a temporary one. */
  close(): void;
}

/** Opens `data`, or a temporary directory. Throws `home_unwritable`. */
export function openDevDirectory(data: string | undefined): DevDirectory {
  const path = makeDirectory(data);
  const file = (name: keyof typeof devFiles) => join(path, devFiles[name]);
  return {
    path,
    file,
    secret(name, make) {
      if (existsSync(file(name))) return readFileSync(file(name), 'utf8').trim();
      const value = make();
      writeFileSync(file(name), `${value}\n`, { mode: 0o600 });
      return value;
    },
    readConfig: () => (existsSync(file('config')) ? readFileSync(file('config'), 'utf8') : undefined),
    writeConfig: (text) => writeFileSync(file('config'), text),
    close() {
      if (data === undefined) rmSync(path, { recursive: true, force: true });
    },
  };
}

function makeDirectory(data: string | undefined): string {
  try {
    if (data === undefined) return mkdtempSync(join(tmpdir(), 'mcprec-dev-'));
    mkdirSync(data, { recursive: true, mode: 0o700 });
    return resolve(data);
  } catch (cause) {
    throw new McprecError('home_unwritable', `cannot make the directory ${data ?? 'for temporary files'}: ${(cause as Error).message}`, {
      cause,
      remedy: 'name one that can be written with --data',
    });
  }
}

// The files of a login in the state directory, and how one is read and replaced. Knows nothing of what they say.
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { McprecError } from '../base/errors.ts';

/** Names below the state directory. */
export const loginFiles = {
  /** Gateways logged in to, and which one is the default. No secrets. */
  logins: 'logins.json',
  /** The secrets under a passphrase. */
  encrypted: 'credentials.enc',
  /** The secrets as they are, only with --insecure-storage. */
  plain: 'credentials.json',
  /** The key that signs checkpoints of solo sessions. */
  solo: 'solo-key.pem',
  /** Empty; held by the process that changes any of the others. */
  lock: 'logins.lock',
} as const;

/** The bytes of `path`, or undefined where there is no such file. Throws `config_unreadable`, also where it is longer than `bytesMax`. */
export function readIfThere(path: string, bytesMax: number): Buffer | undefined {
  try {
    const { size } = statSync(path);
    if (size > bytesMax) throw new McprecError('config_unreadable', `${path} has ${size} bytes; at most ${bytesMax} are read`);
    return readFileSync(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof McprecError) throw cause;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new McprecError('config_unreadable', `cannot read ${path}: ${message}`, { cause });
  }
}

/** Replaces `path` (mode 0600) so that a crash leaves the old or the new bytes, never a part. Throws `home_unwritable`. */
export function replaceFile(path: string, bytes: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      // The mode of open() is cut by the umask; a umask that adds nothing must not take the owner's own bits either.
      fchmodSync(file, 0o600);
      writeAll(file, Buffer.from(bytes));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new McprecError('home_unwritable', `cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Removes `path` where it is there. Throws `home_unwritable`. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (cause) {
    throw new McprecError('home_unwritable', `cannot remove ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Creates the state directory (mode 0700) where it is missing. Throws `home_unwritable`. */
export function makeHome(home: string): void {
  try {
    if (mkdirSync(home, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(home, 0o700);
  } catch (cause) {
    throw new McprecError('home_unwritable', `cannot create ${home}: ${(cause as Error).message}`, { cause });
  }
}

/** The secret in a file that a flag names, without its last line break. Throws `config_unreadable`, also where it is empty. */
export function readSecretFile(path: string, bytesMax: number): string {
  const bytes = readIfThere(path, bytesMax);
  if (bytes === undefined) throw new McprecError('config_unreadable', `there is no file ${path}`);
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (text === '') throw new McprecError('config_unreadable', `${path} is empty`, { remedy: 'write the secret into it' });
  return text;
}

export function inHome(home: string, file: keyof typeof loginFiles): string {
  return join(home, loginFiles[file]);
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

// Without this a power cut may bring the old name back, and with it a refresh token that was already spent.
function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

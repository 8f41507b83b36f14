// Where the laptop's state lives (DESIGN §5, names and places).
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { McprecError } from '../base/errors.ts';

/** The journal of a state directory. */
export function journalPath(home: string): string {
  return join(home, 'journal.db');
}

/** The state directory: MCPREC_HOME, else `$XDG_DATA_HOME/mcprec`, else `~/.local/share/mcprec`. */
export function resolveHome(env: Readonly<Record<string, string | undefined>>): string {
  const explicit = env.MCPREC_HOME;
  if (explicit) return explicit;
  return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'mcprec');
}

/** Creates the state directory (0700) where it is missing. Throws `home_unwritable`. */
export function ensureHome(home: string): void {
  try {
    makeDirectory(home);
    accessSync(home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new McprecError('home_unwritable', `cannot write in ${home}: ${(cause as Error).message}`, { cause });
  }
}

/** With its parents. Not by `recursive`: Node tries for ever where a file system says ENOENT below a directory that is there, as /proc does. */
function makeDirectory(path: string): void {
  const parent = dirname(path);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(parent)) throw error;
    makeDirectory(parent);
    mkdirSync(path, { mode: 0o700 });
  }
}

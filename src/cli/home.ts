// Where the laptop's state lives (DESIGN §5, names and places).
import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
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
    mkdirSync(home, { recursive: true, mode: 0o700 });
    accessSync(home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new McprecError('home_unwritable', `cannot write in ${home}: ${(cause as Error).message}`, { cause });
  }
}

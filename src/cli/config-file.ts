// Reads the file of a configuration; what it says is read in policy/.
import { readFileSync, statSync } from 'node:fs';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** The text of a configuration file. Throws `config_unreadable`. */
export function readConfigFile(file: string): string {
  try {
    if (statSync(file).size > limits.configBytesMax) throw new Error(`it is larger than ${limits.configBytesMax} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    throw new McprecError('config_unreadable', `cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

// Flags that many commands share: as commander takes them, and how their values are read.
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

export const GATEWAY: readonly [string, string] = ['--gateway <url>', 'the gateway; else MCPREC_GATEWAY, else that of the latest login'];
export const PASSPHRASE: readonly [string, string] = ['--passphrase-file <file>', 'where there is no keychain: the passphrase of the encrypted file'];
export const JSON_FLAG: readonly [string, string] = ['--json', 'print JSON'];

const LIMIT_DEFAULT = 50;

/** How many lines `--limit` asks for; 50 where it is left out. Throws `usage`. */
export function readLimit(text: string | undefined): number {
  const count = text === undefined ? LIMIT_DEFAULT : Number(text);
  if (!Number.isInteger(count) || count < 1 || count > limits.sessionsShownMax)
    throw new McprecError('usage', `--limit ${text} is no number from 1 to ${limits.sessionsShownMax}`);
  return count;
}

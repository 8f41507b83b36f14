// The log of the long-running commands: lines of JSON on stderr, safe to print and masked.
import { type Logger, pino, stdTimeFunctions } from 'pino';
import { McprecError } from '../base/errors.ts';
import { escapeHostile } from '../base/hostile.ts';
import { maskLogged } from '../mask/log.ts';
import type { Io } from './io.ts';

/** A logger that writes to `io.stderr` what is at least as grave as `level`. */
export function openLogger({ stderr }: Io, level: 'info' | 'warn'): Logger {
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime, serializers: { err: describeError } };
  return pino(options, { write: (line: string) => void stderr.write(maskLogged(line)) });
}

/** Code, text and stack of an error, made safe to print (RULES R12); nothing of the requests or answers that libraries hang on theirs. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: escapeHostile(String(error)) };
  const { message, stack = '', cause } = error;
  const code = error instanceof McprecError ? { code: error.code } : {};
  return { ...code, message: escapeHostile(message), stack: escapeHostile(stack), ...(cause !== undefined && { cause: describeError(cause) }) };
}

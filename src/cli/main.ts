// The command line: names every command, imports one only when it is named, prints errors in one voice.
import { Command, CommanderError } from 'commander';
import { systemClock } from '../base/clock.ts';
import { asMcprecError, exitCodes } from '../base/errors.ts';
import { escapeHostile } from '../base/hostile.ts';
import { systemRandom } from '../base/random.ts';
import { resolveHome } from './home.ts';
import type { Io } from './io.ts';

/** Runs mcprec with `argv` (without node and script); resolves to the exit code. */
export async function main(argv: readonly string[], version: string): Promise<number> {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort(signal));
  const io: Io = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    clock: systemClock,
    random: systemRandom,
    home: resolveHome(process.env),
    signal: interrupt.signal,
  };
  let exitCode = 0;
  const program = commands(io, version, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    const known = asMcprecError(error);
    io.stderr.write(`mcprec: ${escapeHostile(known.message)}; ${escapeHostile(known.remedy)}\n`);
    if (known.code === 'bug' && known.cause instanceof Error) io.stderr.write(`${known.cause.stack ?? ''}\n`);
    return known.exitCode;
  }
}

function commands(_io: Io, version: string, _exit: (code: number) => void): Command {
  const program = new Command('mcprec');
  program
    .description('The recorder and the gate for MCP traffic.')
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`mcprec: ${text.replace(/^error: /, '')}`) })
    .showHelpAfterError('run the command with --help');
  return program;
}

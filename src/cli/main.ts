// The command line: names every command, imports one only when it is named, prints errors in one voice.
import { Command, CommanderError } from 'commander';
import { systemClock } from '../base/clock.ts';
import { asMcprecError, exitCodes } from '../base/errors.ts';
import { escapeHostile } from '../base/hostile.ts';
import { systemRandom } from '../base/random.ts';
import { registerCommands } from './commands.ts';
import { resolveHome } from './home.ts';
import type { Io } from './io.ts';

/** Runs mcprec with `argv` (without node and script); resolves to the exit code. */
export async function main(argv: readonly string[], version: string): Promise<number> {
  const io = openIo();
  let exitCode = 0;
  const program = new Command('mcprec')
    .description('The recorder and the gate for MCP traffic.')
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(
          `mcprec: ${text
            .replace(/^error: /, '')
            .trimEnd()
            .replaceAll('\n', ' ')}; run the command with --help\n`,
        ),
    });
  // What stands behind `--` belongs to a command of the caller's (`exec`), and is none of commander's business.
  const dashes = argv.indexOf('--');
  const own = dashes === -1 ? argv : argv.slice(0, dashes);
  registerCommands(program, { io, version, command: dashes === -1 ? [] : argv.slice(dashes + 1), exit: (code) => (exitCode = code) });
  try {
    await program.parseAsync(own, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    const known = asMcprecError(error);
    // What was typed or answered may stand in it. Loaded only now: most commands end well.
    const { maskPrinted } = await import('../mask/log.ts');
    const printed = (text: string): string => escapeHostile(maskPrinted(text));
    io.stderr.write(`mcprec: ${printed(known.message)}; ${escapeHostile(known.remedy)}\n`);
    if (known.code === 'bug' && known.cause instanceof Error) io.stderr.write(`${printed(known.cause.stack ?? '')}\n`);
    return known.exitCode;
  }
}

const readerGone: ReadonlySet<string> = new Set(['EPIPE', 'EIO', 'ECONNRESET']);

function openIo(): Io {
  // Who read our output may have gone (`mcprec sessions | head`, a terminal that was closed). That ends no session and no clean-up.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!readerGone.has(error.code ?? '')) throw error;
    });
  }
  let interrupt: AbortController | undefined;
  const hangups = new Set<() => void>();
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    clock: systemClock,
    random: systemRandom,
    home: resolveHome(process.env),
    // Signals are caught for the commands that ask for them; any other one Ctrl-C ends at once, as it ends every program.
    get signal() {
      if (interrupt === undefined) {
        const controller = new AbortController();
        interrupt = controller;
        for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
          process.on(name, () => {
            if (controller.signal.aborted && name === 'SIGINT') process.exit(exitCodes.cancelled);
            if (name === 'SIGHUP' && hangups.size > 0) for (const heard of hangups) heard();
            else controller.abort(name);
          });
        }
      }
      return interrupt.signal;
    },
    onHangup(heard) {
      hangups.add(heard);
      return () => void hangups.delete(heard);
    },
  };
}

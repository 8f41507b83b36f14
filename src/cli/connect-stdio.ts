// `mcprec connect --stdio`: MCP on stdin and stdout, for a client that starts a command. What else there is to say goes to stderr.
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { asMcprecError, exitCodes, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { limits } from '../base/limits.ts';
import { Forwarder } from '../forwarder/forwarder.ts';
import type { Lodger } from '../forwarder/listener.ts';
import type { ForwarderEvent, Target } from '../forwarder/options.ts';
import type { Seat } from '../forwarder/seat.ts';
import { StdioClient } from '../forwarder/stdio.ts';
import type { ChildEnd } from '../transport/child.ts';
import { approvalText } from './approval-notes.ts';
import type { ConnectOptions } from './connect.ts';
import { forwarderOptions } from './forwarder-options.ts';
import { type Io, note } from './io.ts';

/** Runs until the client closes its end, or a signal. Resolves to the exit code: that of the server's process where it is a command. */
export async function runStdio(targets: readonly Target[], options: ConnectOptions, io: Io, version: string): Promise<number> {
  const [target] = targets;
  if (target === undefined || targets.length > 1) throw new McprecError('usage', '--stdio serves one connection');
  for (const name of ['port', 'rotate', 'json'] as const) {
    if (options[name] !== undefined) throw new McprecError('usage', `--stdio has no use for --${name}: there is no port, and stdout carries nothing but MCP`);
  }
  const forwarder = await Forwarder.open({
    ...forwarderOptions(targets, options, io, version),
    port: 'none',
    ephemeral: false,
    rotate: false,
    report: (event) => report(event, io),
  });
  const [seat] = forwarder.seats as readonly [Seat];
  const client = new StdioClient(renewing(forwarder, seat, io), io);
  const stopSignals = passSignals(seat, io, () => client.stop());
  await client.run();
  const { processes } = seat.session;
  await close(forwarder, io);
  stopSignals();
  return exitCodeOf(processes?.lastEnd);
}

/**
 * A grant that has run out is asked for anew when the next message comes: the client was started for longer than a grant lasts, and nobody
 * sits at a terminal. While that takes (an approval, a gateway that is away), calls are answered with what is the matter.
 */
function renewing(forwarder: Forwarder, seat: Seat, io: Io): Lodger {
  let asking: Promise<void> | undefined;
  let lastAskMs = Number.NEGATIVE_INFINITY;
  const ask = async (): Promise<void> => {
    lastAskMs = io.clock.monoUs() / 1000;
    try {
      await forwarder.extend();
    } catch (error) {
      const { message, remedy } = asMcprecError(error);
      note(io, escapeHostileLine(`no new grant: ${message}; ${remedy}`));
    } finally {
      asking = undefined;
    }
  };
  return {
    localToken: seat.localToken,
    async serve(request, response, target, body) {
      const { ended } = seat.session;
      if (ended !== undefined && ended !== 'revoked' && io.clock.monoUs() / 1000 - lastAskMs > limits.extendPauseMs) asking ??= ask();
      if (asking !== undefined) await Promise.race([asking, sleep(limits.extendWaitMsMax, undefined, { ref: false })]);
      await seat.serve(request, response, target, body);
    },
  };
}

/** The arguments with which a client starts `mcprec` for these connections. */
export function stdioArguments(connections: readonly string[], options: ConnectOptions): readonly string[] {
  const flags = (['gateway', 'url', 'transport', 'policy', 'reason', 'ttl', 'synchronous', 'journalMax', 'passphraseFile'] as const).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, value];
  });
  const headers = (options.header ?? []).flatMap((header) => ['--header', header]);
  const command = options.command ?? [];
  return ['connect', ...connections, '--stdio', ...flags, ...headers, ...(command.length === 0 ? [] : ['--', ...command])];
}

/** Signals reach the server, too; those that end a program end the session behind them. */
function passSignals(seat: Seat, io: Io, stop: () => void): () => void {
  const ended = (): void => {
    seat.session.processes?.signal(io.signal.reason as NodeJS.Signals);
    stop();
  };
  io.signal.addEventListener('abort', ended, { once: true });
  if (io.signal.aborted) ended();
  const passed = ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGCONT'] as const;
  const pass = (signal: NodeJS.Signals): void => seat.session.processes?.signal(signal);
  for (const signal of passed) process.on(signal, pass);
  return () => {
    io.signal.removeEventListener('abort', ended);
    for (const signal of passed) process.off(signal, pass);
  };
}

function report(event: ForwarderEvent, io: Io): void {
  switch (event.event) {
    case 'changed':
      return;
    case 'trouble':
      note(io, escapeHostileLine(event.message));
      return;
    case 'approval':
    case 'approval_pending': {
      const text = approvalText(event);
      if (text !== undefined) note(io, escapeHostileLine(text));
      return;
    }
    case 'stderr':
      io.stderr.write(event.bytes);
      return;
    case 'ended':
      note(io, `${escapeHostileLine(event.connection)}: the grant is over (${event.reason})`);
      return;
    default:
      event satisfies never;
  }
}

async function close(forwarder: Forwarder, io: Io): Promise<void> {
  try {
    const { lag, syncError } = await forwarder.close();
    if (lag.entries > 0)
      note(io, `${lag.entries} entries are not at the gateway yet${syncError === undefined ? '' : ` (${syncError.message})`}; run: mcprec sync`);
  } catch (error) {
    note(io, asMcprecError(error).message);
  }
}

function exitCodeOf(end: ChildEnd | undefined): number {
  if (end === undefined) return 0;
  switch (end.kind) {
    case 'exit':
      return end.code;
    case 'signal':
      return 128 + constants.signals[end.signal];
    case 'not_started':
      return exitCodes.upstream;
  }
}

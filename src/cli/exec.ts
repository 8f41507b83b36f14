// `mcprec exec CONNECTION -- COMMAND…`: an ephemeral forwarder around one command. Returns the command's own exit code.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Closers } from '../base/closers.ts';
import { McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { Forwarder } from '../forwarder/forwarder.ts';
import type { Seat } from '../forwarder/seat.ts';
import { approvalText } from './approval-notes.ts';
import { type ForwarderFlags, forwarderOptions } from './forwarder-options.ts';
import { ensureHome } from './home.ts';
import { type Io, note } from './io.ts';
import { openTargets, type TargetOptions } from './targets.ts';
import { boundYoungGeneration } from './young-generation.ts';

export interface ExecOptions extends TargetOptions, ForwarderFlags {
  /** Prints one JSON line to stderr when the session is over. */
  readonly json?: boolean | undefined;
}

/** Runs `command` with the connection in its environment. Resolves to its exit code, or 128 + the signal that ended it. */
export async function runExec(connections: readonly string[], command: readonly string[], options: ExecOptions, io: Io, version: string): Promise<number> {
  boundYoungGeneration();
  const [program, ...args] = command;
  if (program === undefined)
    throw new McprecError('usage', 'no command is given', { remedy: 'write it behind --, e.g. mcprec exec datadog -- python report.py' });
  await using stack = new Closers();
  ensureHome(io.home);
  const targets = await openTargets(connections, options, io, stack);
  const forwarder = await Forwarder.open({
    ...forwarderOptions(targets, options, io, version),
    port: undefined,
    ephemeral: true,
    rotate: false,
    report: (event) => {
      if (event.event === 'trouble') note(io, escapeHostileLine(event.message));
      else if (event.event === 'approval' || event.event === 'approval_pending') {
        const text = approvalText(event);
        if (options.json && event.event === 'approval_pending') io.stderr.write(`${JSON.stringify(event)}\n`);
        else if (text !== undefined) note(io, escapeHostileLine(text));
      } else if (event.event === 'ended')
        note(io, `${escapeHostileLine(event.connection)}: the grant has ended (${event.reason}); calls are refused from now on`);
    },
  });
  const sessions = forwarder.seats.map(({ session }) => session);
  try {
    return await runChild(program, args, environmentOf(forwarder, io));
  } finally {
    const { lag } = await forwarder.close();
    if (options.json) {
      io.stderr.write(
        `${JSON.stringify({ event: 'closed', sessions: sessions.map((s) => ({ sessionId: s.sessionId, ...s.counts })), unsynced: lag.entries })}\n`,
      );
    } else if (lag.entries > 0) note(io, `${lag.entries} entries are not at the gateway yet; run: mcprec sync`);
  }
}

/** The child's environment: ours, without what only mcprec needs, and what each connection sets. */
function environmentOf(forwarder: Forwarder, io: Io): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...io.env };
  delete environment.MCPREC_PASSPHRASE;
  for (const seat of forwarder.seats) Object.assign(environment, variablesOf(seat, forwarder.listener.origin));
  return environment;
}

function variablesOf({ session, granted }: Seat, origin: string): Record<string, string> {
  const endpoint = session.endpoint(origin);
  const token = session.localToken.reveal();
  const suffix = session.connection.toUpperCase().replace(/[^A-Z0-9]+/g, '_');
  const variables: Record<string, string> = { [`MCPREC_ENDPOINT_${suffix}`]: endpoint, [`MCPREC_TOKEN_${suffix}`]: token, MCPREC_ENDPOINT: endpoint };
  for (const [name, template] of Object.entries(granted?.grant.connection.env ?? {})) {
    variables[name] = template.replaceAll('{endpoint}', endpoint).replaceAll('{local_token}', token);
  }
  return variables;
}

const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;

/** Runs a program to its end. No shell; our streams are its streams. Throws `usage` where it cannot be started. */
function runChild(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', env });
  const onSignal = (signal: NodeJS.Signals): void => {
    // Ctrl-C in a terminal reaches the whole process group: the child has it already.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of passedOn) process.on(signal, onSignal);
  return new Promise<number>((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'ENOENT' ? 'there is no such program' : cause.message;
      reject(new McprecError('usage', `${program} cannot be started: ${why}`, { cause, remedy: 'check its name and PATH' }));
    });
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).finally(() => {
    for (const signal of passedOn) process.off(signal, onSignal);
  });
}

// `mcprec connect`: opens the forwarder, shows where it is and how it does, and ends it cleanly.
import { isoTime } from '../base/clock.ts';
import { Closers } from '../base/closers.ts';
import { asMcprecError, exitCodes, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { Forwarder } from '../forwarder/forwarder.ts';
import type { ForwarderEvent, Target } from '../forwarder/options.ts';
import { settlePlace } from '../forwarder/places.ts';
import { placeKey, targetName } from '../forwarder/targets.ts';
import { connectionsResponseSchema, controlPaths } from '../protocol/control.ts';
import { countText } from '../tui/words.ts';
import { approvalText } from './approval-notes.ts';
import { clientConfig, commandConfig, readClientName } from './client-config.ts';
import { runStdio, stdioArguments } from './connect-stdio.ts';
import { type ForwarderFlags, forwarderOptions } from './forwarder-options.ts';
import { ensureHome } from './home.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { StatusLine } from './status-line.ts';
import { refuseStdio } from './stdio-refusal.ts';
import { openTargets, portNumber, type TargetOptions } from './targets.ts';
import { boundYoungGeneration } from './young-generation.ts';

export interface ConnectOptions extends TargetOptions, ForwarderFlags {
  readonly port?: string | undefined;
  readonly rotate?: boolean | undefined;
  readonly printConfig?: string | undefined;
  readonly json?: boolean | undefined;
  readonly stdio?: boolean | undefined;
}

/** Runs until Ctrl-C, SIGTERM, or the end of its grants. Resolves to the exit code (DESIGN §5, names and places). */
export async function runConnect(connections: readonly string[], options: ConnectOptions, io: Io, version: string): Promise<number> {
  boundYoungGeneration();
  try {
    return await connect(connections, options, io, version);
  } catch (error) {
    if (options.stdio && options.printConfig === undefined) await refuseStdio(error, io);
    throw error;
  }
}

async function connect(connections: readonly string[], options: ConnectOptions, io: Io, version: string): Promise<number> {
  await using stack = new Closers();
  ensureHome(io.home);
  const targets = await openTargets(connections, options, io, stack);
  const port = portNumber(options.port);
  if (options.printConfig !== undefined) return await printConfig(targets, readClientName(options.printConfig), { options, connections, port, io });
  if (options.stdio) return await runStdio(targets, options, io, version);

  const interactive = !options.json && io.stdout.isTTY === true && io.stdin.isTTY === true;
  const status = interactive ? new StatusLine(io) : undefined;
  const { promise: over, resolve: end } = Promise.withResolvers<number>();
  const report = reporter(options, io, { status, end, interactive });
  const interrupted = () => end(0);
  // Caught before anything is opened, so that whatever was opened is closed in order.
  io.signal.addEventListener('abort', interrupted);
  const forwarder = await Forwarder.open({
    ...forwarderOptions(targets, options, io, version),
    port,
    ephemeral: false,
    rotate: options.rotate ?? false,
    report: (event) => report(event),
    askHold: status && ((question, signal) => status.ask(question, signal)),
  });
  banner(forwarder, options, io);
  status?.run(forwarder, { interrupt: interrupted, extend: () => extend(forwarder, io, status) });
  const code = await over;
  status?.stop();
  await closing(forwarder, options, io);
  return code;
}

/** Opens no session: prints what a client needs, which stays the same from one `connect` to the next. */
async function printConfig(
  targets: readonly Target[],
  client: ReturnType<typeof readClientName>,
  { options, connections, port, io }: { options: ConnectOptions; connections: readonly string[]; port: number | undefined; io: Io },
): Promise<number> {
  let shared = port;
  for (const target of targets) {
    if (target.kind === 'gateway') await expectMcp(target);
    if (options.stdio) {
      say(io, commandConfig(client, targetName(target), stdioArguments(connections, options)));
      continue;
    }
    const place = await settlePlace(io.home, placeKey(target), { rotate: options.rotate ?? false, random: io.random, port: shared });
    // One `connect` serves all its connections on one port: that of the first.
    shared ??= place.port;
    say(io, clientConfig(client, targetName(target), `http://127.0.0.1:${place.port}/${place.localToken.reveal()}/mcp`));
  }
  return 0;
}

/** Throws `not_found` where the gateway has no such connection, and `usage` where an MCP client has no use for it. */
async function expectMcp({ identity, connection }: Extract<Target, { kind: 'gateway' }>): Promise<void> {
  const answer = await identity.request('GET', controlPaths.connections);
  const { connections } = connectionsResponseSchema.parse(answer.json());
  const found = connections.find(({ name }) => name === connection);
  if (found === undefined) {
    const usable = connections.filter(({ allowed }) => allowed).map(({ name }) => name);
    throw new McprecError('not_found', `there is no connection named ${connection}; you may use: ${usable.join(', ')}`);
  }
  if (found.kind !== 'mcp') {
    throw new McprecError('usage', `${connection} is of kind ${found.kind}, which MCP clients do not speak`, {
      remedy: `use it with: mcprec exec ${connection} -- COMMAND`,
    });
  }
}

function reporter(
  options: ConnectOptions,
  io: Io,
  { status, end, interactive }: { status: StatusLine | undefined; end: (code: number) => void; interactive: boolean },
) {
  return (event: ForwarderEvent): void => {
    switch (event.event) {
      case 'changed':
        status?.draw();
        return;
      case 'trouble':
        if (options.json) sayJson(io, event);
        else aside(io, status, event.message);
        return;
      case 'approval':
      case 'approval_pending': {
        const text = approvalText(event);
        if (options.json) sayJson(io, event);
        else if (text !== undefined) aside(io, status, text);
        return;
      }
      case 'stderr':
        if (status === undefined) io.stderr.write(event.bytes);
        else aside(io, status, Buffer.from(event.bytes).toString('utf8').trimEnd());
        return;
      case 'ended':
        if (options.json) sayJson(io, event);
        else aside(io, status, `${event.connection}: ${endText(event.reason, interactive)}`);
        // On a terminal an expired grant can be extended; a revoked one is over.
        if (event.reason === 'revoked' || !interactive) end(exitCodes.auth);
        else status?.draw();
        return;
      default:
        event satisfies never;
    }
  };
}

function aside(io: Io, status: StatusLine | undefined, text: string): void {
  status?.clear();
  note(io, escapeHostileLine(text));
  status?.draw();
}

function endText(reason: 'closed' | 'expired' | 'revoked', interactive: boolean): string {
  switch (reason) {
    case 'expired':
      return interactive ? 'the grant has ended; press r to ask for a new one' : 'the grant has ended; run: mcprec connect';
    case 'revoked':
      return 'the grant was revoked; ask the platform owner why';
    case 'closed':
      return 'the gateway closed the session';
  }
}

async function extend(forwarder: Forwarder, io: Io, status: StatusLine): Promise<void> {
  try {
    await forwarder.extend();
    aside(io, status, 'a new grant; calls go on');
  } catch (error) {
    const { message, remedy } = asMcprecError(error);
    aside(io, status, `no new grant: ${message}; ${remedy}`);
  }
}

function banner(forwarder: Forwarder, options: ConnectOptions, io: Io): void {
  const { origin } = forwarder.listener;
  if (options.json) {
    sayJson(io, {
      event: 'connected',
      sessions: forwarder.seats.map(({ session, granted }) => ({
        connection: session.connection,
        kind: session.kind,
        sessionId: session.sessionId,
        endpoint: session.endpoint(origin),
        localToken: session.localToken.reveal(),
        record: session.record,
        identity: granted?.grant.identity ?? null,
        expiresAtMs: granted?.grant.expiresAtMs ?? null,
      })),
    });
    return;
  }
  if (forwarder.portMissed !== undefined) {
    note(
      io,
      `port ${forwarder.portMissed} is in use, perhaps by another mcprec connect; this one listens on ${forwarder.listener.port}, which clients must be told`,
    );
  }
  for (const { session, granted } of forwarder.seats) {
    const identity = granted?.grant.identity;
    say(io, `${escapeHostileLine(session.connection)}`);
    say(io, `  endpoint   ${session.endpoint(origin)}`);
    if (session.kind !== 'mcp') say(io, `  key        ${session.localToken.reveal()}  (as DD-API-KEY)`);
    say(io, `  identity   ${identity === undefined ? 'nobody (solo: no login, no grant)' : escapeHostileLine(identity.email ?? identity.subject)}`);
    if (granted !== undefined) say(io, `  expires    ${isoTime(granted.grant.expiresAtMs)}`);
    say(io, `  recording  ${recordingText(session.record)}`);
    say(io, `  session    ${session.sessionId}`);
  }
}

function recordingText(record: 'off' | 'metadata' | 'full'): string {
  switch (record) {
    case 'full':
      return 'every request and answer, masked';
    case 'metadata':
      return 'who, what and when; no contents';
    case 'off':
      return 'OFF: nothing of this session is recorded';
  }
}

async function closing(forwarder: Forwarder, options: ConnectOptions, io: Io): Promise<void> {
  const sessions = forwarder.seats.map(({ session }) => session);
  const { lag, syncError } = await forwarder.close();
  if (options.json) {
    sayJson(io, { event: 'closed', sessions: sessions.map((s) => ({ sessionId: s.sessionId, ...s.counts })), unsynced: lag.entries });
    return;
  }
  for (const session of sessions) {
    const { calls, denied, masked } = session.counts;
    say(
      io,
      `${countText(calls, 'call')}, ${denied} denied, ${countText(masked, 'value')} masked; look at them with: mcprec sessions show ${session.sessionId.slice(0, 16)}`,
    );
  }
  if (lag.entries > 0)
    note(io, `${lag.entries} entries are not at the gateway yet${syncError === undefined ? '' : ` (${syncError.message})`}; run: mcprec sync`);
}

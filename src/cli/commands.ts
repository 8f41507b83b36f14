// The commands with their arguments and flags; those of `approvals`, `policy` and `sessions` are in files of their own.
// A command's code is imported when it runs, so that the others cost nothing.
import type { Command } from 'commander';
import { registerApprovals } from './approvals-commands.ts';
import { GATEWAY, JSON_FLAG, PASSPHRASE } from './flags.ts';
import type { Io } from './io.ts';
import { registerPolicy } from './policy-commands.ts';
import { registerSessions } from './sessions-commands.ts';

export interface CommandContext {
  readonly io: Io;
  readonly version: string;
  /** What stood behind `--`. */
  readonly command: readonly string[];
  readonly exit: (code: number) => void;
}

const JSON_EVENTS: readonly [string, string] = ['--json', 'print one JSON event per line'];

function gather(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Adds the commands to `program`. */
export function registerCommands(program: Command, context: CommandContext): void {
  registerLogin(program, context);
  registerConnect(program, context);
  registerRecord(program, context);
  registerSessions(program, context);
  registerApprovals(program, context);
  registerServers(program, context);
  registerPolicy(program, context);
}

function registerLogin(program: Command, { io }: CommandContext): void {
  program
    .command('login')
    .description('log in at a gateway: with a code on any browser, or as a machine')
    .option(...GATEWAY)
    .option('--client-credentials', 'log in as a machine')
    .option('--client-id <id>', 'with --client-credentials: the client')
    .option('--client-secret-file <file>', 'with --client-credentials: the file with its secret')
    .option('--token-file <file>', 'log in with the token in this file, which something else keeps fresh')
    .option('--insecure-storage', 'keep secrets in a plain file (mode 0600), open to whoever reads the disk')
    .option(...PASSPHRASE)
    .option(...JSON_EVENTS)
    .action(async (options) => (await import('./login.ts')).runLogin(options, io));
  program
    .command('logout')
    .description('end the login at a gateway and remove it from this machine')
    .option(...GATEWAY)
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (options) => (await import('./logout.ts')).runLogout(options, io));
  program
    .command('whoami')
    .description('show who is logged in, and where')
    .option(...GATEWAY)
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (options) => (await import('./whoami.ts')).runWhoami(options, io));
}

function registerConnect(program: Command, { io, version, command, exit }: CommandContext): void {
  forwarderFlags(program.command('connect'))
    .description('open a recorded way to connections of the gateway, or to any MCP server with --url or a command')
    .usage('[options] [connection...] | [options] --url <url> | [options] -- <command...>')
    .option('--transport <name>', 'with --url: streamable-http, or sse as in 2024-11-05; else sse where the path ends in /sse')
    .option('--header <header>', 'with --url: a header for every call, as "NAME: env:VARIABLE" or "NAME: Bearer file:PATH"; may be repeated', gather, [])
    .option('--stdio', 'speak MCP on stdin and stdout, for clients that start a command')
    .option('--port <port>', 'the local port; else the one that this connection had before')
    .option('--rotate', 'make a new local token; clients must be told')
    .option('--print-config <client>', 'print what a client needs and exit: claude-code, cursor, vscode, json')
    .option(...JSON_EVENTS)
    .action(async (connections: string[], options) => exit(await (await import('./connect.ts')).runConnect(connections, { ...options, command }, io, version)));
  forwarderFlags(program.command('exec'))
    .description('run a command with connections in its environment: mcprec exec datadog -- python report.py')
    .usage('[options] [connection...] -- <command...>')
    .option('--json', 'print one JSON line to stderr at the end')
    .action(async (connections: string[], options) => exit(await (await import('./exec.ts')).runExec(connections, command, options, io, version)));
}

/** What `connect` and `exec` take alike. */
function forwarderFlags(command: Command): Command {
  return command
    .argument('[connection...]', 'names of connections')
    .option('--url <url>', 'solo: an MCP endpoint, with no gateway and no login')
    .option('--policy <file>', 'solo: a gateway.yaml whose access, rules and mask hold; else all is allowed')
    .option('--reason <text>', 'why; it is recorded')
    .option('--ttl <duration>', 'for how long, e.g. 30m; at most what policy allows')
    .option('--wait <duration>', 'where somebody must approve: wait no longer than this')
    .option('--no-wait', 'where somebody must approve: ask, print the link and end')
    .option('--synchronous <mode>', 'full: a record survives a power cut; normal: only the end of mcprec')
    .option('--journal-max <size>', 'refuse calls when the journal is that large, e.g. 4GiB')
    .option(...GATEWAY)
    .option(...PASSPHRASE);
}

function registerRecord(program: Command, { io, exit }: CommandContext): void {
  program
    .command('verify')
    .description('recompute the evidence of the journal, or with --gateway alone that of a gateway: every leaf, commitment and root')
    .option('--session <id>', 'only this session; the start of an id will do')
    .option('--bundle <file>', 'not the journal, but a bundle that mcprec sessions export wrote')
    .option('--reconcile', 'compare with what the gateway recorded of the same sessions')
    .option(...GATEWAY)
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (options) => exit(await (await import('./verify.ts')).runVerify(options, io)));
  program
    .command('mask')
    .description('mask stdin to stdout, as records are masked: text, JSON or JSON lines')
    .option('--policy <file>', 'a gateway.yaml whose mask is used, instead of the default detectors')
    .option('--report', 'say on stderr what was masked')
    .action(async (options) => exit(await (await import('./mask.ts')).runMask(options, io)));
  program
    .command('sync')
    .description('send the gateway what it lacks of the journal')
    .option('--status', 'only say how much that is')
    .option(...GATEWAY)
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (options) => (await import('./sync.ts')).runSync(options, io));
}

function registerServers(program: Command, { io, exit }: CommandContext): void {
  program
    .command('doctor')
    .description('check what mcprec needs on this machine, a line each')
    .option(...GATEWAY)
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (options) => exit(await (await import('./doctor.ts')).runDoctor(options, io)));
  program
    .command('gateway')
    .description('run a gateway')
    .requiredOption('--config <file>', 'its gateway.yaml')
    .option('--init-keys', 'only make the file of keys where it is missing, and exit')
    .option(...JSON_EVENTS)
    .action(async (options) => exit(await (await import('./gateway.ts')).runGateway(options, io)));
  program
    .command('witness')
    .description('run an independent witness of the trees of gateways')
    .requiredOption('--name <name>', 'how it is called in its signatures: an address without its scheme')
    .requiredOption('--log <key...>', 'verifier keys of the trees that it knows')
    .option('--listen <address>', 'HOST:PORT; else 127.0.0.1:7480')
    .option('--data <dir>', 'where its key and its state are; else witness in the state directory')
    .option(...JSON_EVENTS)
    .action(async (options) => (await import('./witness.ts')).runWitness(options, io));
  program
    .command('dev')
    .description('run a gateway, an identity provider and a made-up Datadog on this machine, to try mcprec with')
    .option('--port <port>', 'the gateway’s port; the other two are behind it. 0: any free ones; else 7470')
    .option('--data <dir>', 'keep what it stores in this directory; else nothing stays')
    .option(...JSON_EVENTS)
    .action(async (options) => exit(await (await import('./dev.ts')).runDev(options, io)));
}

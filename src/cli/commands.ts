// Every command with its arguments and flags. A command's code is imported when it runs, so that the others cost nothing.
import type { Command } from 'commander';
import { registerApprovals } from './approvals-commands.ts';
import { GATEWAY, JSON_FLAG, PASSPHRASE } from './flags.ts';
import type { Io } from './io.ts';
import { registerLookups } from './lookup-commands.ts';

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
  program
    .command('connect')
    .description('open a recorded way to connections of the gateway, or to any MCP server with --url or a command')
    .usage('[options] [connection...] | [options] --url <url> | [options] -- <command...>')
    .argument('[connection...]', 'names of connections')
    .option('--url <url>', 'solo: an MCP endpoint, with no gateway and no login')
    .option('--transport <name>', 'with --url: streamable-http, or sse as in 2024-11-05; else sse where the path ends in /sse')
    .option('--header <header>', 'with --url: a header for every call, as "NAME: env:VARIABLE" or "NAME: Bearer file:PATH"; may be repeated', gather, [])
    .option('--stdio', 'speak MCP on stdin and stdout, for clients that start a command')
    .option('--policy <file>', 'solo: a gateway.yaml whose access, rules and mask hold; else all is allowed')
    .option('--port <port>', 'the local port; else the one that this connection had before')
    .option('--reason <text>', 'why; it is recorded')
    .option('--ttl <duration>', 'for how long, e.g. 30m; at most what policy allows')
    .option('--wait <duration>', 'where somebody must approve: wait no longer than this')
    .option('--no-wait', 'where somebody must approve: ask, print the link and end')
    .option('--synchronous <mode>', 'full: a record survives a power cut; normal: only the end of mcprec')
    .option('--journal-max <size>', 'refuse calls when the journal is that large, e.g. 4GiB')
    .option('--rotate', 'make a new local token; clients must be told')
    .option('--print-config <client>', 'print what a client needs and exit: claude-code, cursor, vscode, json')
    .option(...GATEWAY)
    .option(...PASSPHRASE)
    .option(...JSON_EVENTS)
    .action(async (connections: string[], options) => exit(await (await import('./connect.ts')).runConnect(connections, { ...options, command }, io, version)));
  program
    .command('exec')
    .description('run a command with connections in its environment: mcprec exec datadog -- python report.py')
    .usage('[options] [connection...] -- <command...>')
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
    .option(...PASSPHRASE)
    .option('--json', 'print one JSON line to stderr at the end')
    .action(async (connections: string[], options) => exit(await (await import('./exec.ts')).runExec(connections, command, options, io, version)));
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

function registerSessions(program: Command, { io }: CommandContext): void {
  const sessions = program.command('sessions').description('look at what was recorded: on a terminal one browses in it, elsewhere it is a list');
  sessions
    .command('browse', { isDefault: true })
    .description('browse the sessions, or print the list where there is no terminal')
    .option('--connection <name>', 'only those on this connection')
    .option('--state <state>', 'only those that are: open, closed, crashed')
    .option('--limit <n>', 'where it is printed: at most so many')
    .option(...JSON_FLAG)
    .action(async (options) => (await import('./sessions.ts')).runSessions(options, io));
  sessions
    .command('list')
    .description('list the sessions, newest first')
    .option('--connection <name>', 'only those on this connection')
    .option('--state <state>', 'only those that are: open, closed, crashed')
    .option('--limit <n>', 'at most so many')
    .option('--gateway <url>', 'those that this gateway knows of, with what came of the laptops’ records')
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (options) => (await import('./sessions.ts')).runSessionsList(options, io));
  sessions
    .command('show')
    .description('show a session and its exchanges')
    .argument('<session>', 'its id, or the start of it')
    .option('--exchange <id>', 'show this exchange whole; the start of an id will do')
    .option('--gateway <url>', 'what this gateway has of it, and how both records compare')
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (session: string, options) => (await import('./sessions-show.ts')).runSessionsShow(session, options, io));
  registerLookups(sessions, io);
  sessions
    .command('export')
    .description('write a session with its proofs to stdout, for others to verify')
    .argument('<session>', 'its id, or the start of it')
    .option('--json', 'changes nothing: a bundle is JSON')
    .action(async (session: string, options) => (await import('./sessions-erase.ts')).runExport(session, options, io));
  sessions
    .command('erase')
    .description('remove payloads and names of a session for good; a signed entry says so')
    .argument('<session>', 'its id, or the start of it')
    .option('--reason <text>', 'why; it is recorded')
    .option('--at-gateway', 'at the gateway as well: for administrators, and for owners where the gateway lets them')
    .option(...GATEWAY)
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (session: string, options) => (await import('./sessions-erase.ts')).runErase(session, options, io));
  sessions
    .command('prune')
    .description('remove payloads and names of old sessions that the gateway has receipted; signed entries say so')
    .option('--keep <duration>', 'keep what is younger, e.g. 30d')
    .option('--max-size <size>', 'remove the oldest until the journal is no larger, e.g. 500MB')
    .option(...PASSPHRASE)
    .option(...JSON_FLAG)
    .action(async (options) => (await import('./sessions-erase.ts')).runPrune(options, io));
  sessions
    .command('replay')
    .description('replay a session at its recorded pace or faster')
    .argument('<session>', 'its id, or the start of it')
    .option('--speed <times>', 'times the recorded pace: 1, 2, 10, max')
    .action(async (session: string, options) => (await import('./sessions-replay.ts')).runSessionsReplay(session, options, io));
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
  const policy = program.command('policy').description('look at a gateway’s configuration');
  policy
    .command('check')
    .description('check a gateway.yaml: errors with line and column, warnings')
    .argument('<file>', 'the gateway.yaml')
    .option('--no-secrets', 'do not look whether its secrets are here, as in CI')
    .option(...JSON_FLAG)
    .action(async (file: string, options) => exit((await import('./policy.ts')).runPolicyCheck({ ...options, file }, io)));
  policy
    .command('test')
    .description('run the cases of a policy; exits with 5 where one comes out otherwise than expected')
    .argument('<file>', 'the file of cases')
    .option('-c, --config <file>', 'another gateway.yaml than the one that the file names')
    .option('--json', 'print JSON')
    .action(async (file: string, options) => exit((await import('./policy-test.ts')).runPolicyTest({ ...options, file }, io)));
  policy
    .command('schema')
    .description('print the JSON Schema of gateway.yaml, for editors')
    .action(async () => exit((await import('./policy.ts')).runPolicySchema({}, io)));
  policy
    .command('explain')
    .description('say what would be decided about a call, and by which entry or rule')
    .requiredOption('--config <file>', 'the gateway.yaml')
    .requiredOption('-c, --connection <name>', 'the connection')
    .option('--as <who>', 'whom the answer is about; groups alone decide')
    .option('--groups <names>', 'the groups, separated by commas', (text: string) => text.split(',').filter((name) => name !== ''))
    .option('-t, --tool <name>', 'the tool that is called')
    .option('--resource <uri>', 'the resource that is read')
    .option('--prompt <name>', 'the prompt that is asked for')
    .option('--method <method>', 'a method without a target, or verb and path of an HTTP call')
    .option('-a, --args <json>', 'arguments, params or body')
    .option(...JSON_FLAG)
    .action(async ({ config, ...options }) => exit((await import('./policy.ts')).runPolicyExplain({ ...options, file: config }, io)));
}

// The commands of `mcprec sessions`, with their arguments and flags.
import type { Command } from 'commander';
import type { CommandContext } from './commands.ts';
import { GATEWAY, JSON_FLAG, PASSPHRASE } from './flags.ts';
import type { Io } from './io.ts';

/** Adds them to `program`. */
export function registerSessions(program: Command, { io }: CommandContext): void {
  const sessions = program.command('sessions').description('look at what was recorded: on a terminal one browses in it, elsewhere it is a list');
  registerLists(sessions, io);
  registerLookups(sessions, io);
  registerRemovals(sessions, io);
}

function registerLists(sessions: Command, io: Io): void {
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
}

/** What looks something up in all sessions. */
function registerLookups(sessions: Command, io: Io): void {
  sessions
    .command('find')
    .description('calls and answers in which all of these words were recorded; newest session first')
    .argument('<words...>', 'each must be there, in any order; one may end in *')
    .option('--limit <n>', 'at most so many')
    .option(...JSON_FLAG)
    .action(async (words: string[], options) => (await import('./sessions-find.ts')).runSessionsFind(words, options, io));
  sessions
    .command('sent')
    .description('who sent a metric, a check or an event, and when; newest first')
    .argument('<name>', 'its name; the title of an event')
    .option('--kind <kind>', 'what it is: metric, check or event; else metric')
    .option('--limit <n>', 'at most so many')
    .option(...JSON_FLAG)
    .action(async (name: string, options) => (await import('./sessions-sent.ts')).runSessionsSent(name, options, io));
}

/** What takes contents out, as a copy or for good; and what plays them. */
function registerRemovals(sessions: Command, io: Io): void {
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

// The commands that look something up in all sessions, `mcprec sessions find` and `sent`, with their arguments and flags.
import type { Command } from 'commander';
import { JSON_FLAG } from './flags.ts';
import type { Io } from './io.ts';

/** Adds them to `mcprec sessions`. */
export function registerLookups(sessions: Command, io: Io): void {
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

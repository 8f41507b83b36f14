// The command `mcprec sessions sent`, with its argument and flags.
import type { Command } from 'commander';
import { JSON_FLAG } from './flags.ts';
import type { Io } from './io.ts';

/** Adds it to `mcprec sessions`. */
export function registerSent(sessions: Command, io: Io): void {
  sessions
    .command('sent')
    .description('who sent a metric, a check or an event, and when; newest first')
    .argument('<name>', 'its name; the title of an event')
    .option('--kind <kind>', 'what it is: metric, check or event; else metric')
    .option('--limit <n>', 'at most so many')
    .option(...JSON_FLAG)
    .action(async (name: string, options) => (await import('./sessions-sent.ts')).runSessionsSent(name, options, io));
}

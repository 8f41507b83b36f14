// The commands of `mcprec approvals`, with their arguments and flags.
import type { Command } from 'commander';
import { McprecError } from '../base/errors.ts';
import type { CommandContext } from './commands.ts';
import { GATEWAY, JSON_FLAG, PASSPHRASE } from './flags.ts';

/** Adds them to `program`. */
export function registerApprovals(program: Command, { io, exit }: CommandContext): void {
  const approvals = program
    .command('approvals')
    .description('decide about calls and grants that wait for a human: on a terminal a live screen, elsewhere a list');
  const flags = (command: Command) =>
    command
      .option(...GATEWAY)
      .option(...PASSPHRASE)
      .option(...JSON_FLAG);
  flags(approvals.command('watch', { isDefault: true }).description('look at what waits, live, or print the list where there is no terminal'))
    .option('--all', 'those that are over, too')
    .allowExcessArguments(true)
    .action(async (options, { args: [unknown] }: Command) => {
      // A word that is none of the commands would be an argument of this one.
      if (unknown !== undefined) throw new McprecError('usage', `approvals has no command ${unknown}`);
      await (await import('./approvals.ts')).runApprovals(options, io);
    });
  flags(approvals.command('list').description('list what waits'))
    .option('--all', 'those that are over, too')
    .action(async (options) => (await import('./approvals.ts')).runApprovalsList(options, io));
  flags(
    approvals
      .command('show')
      .description('show one whole: who, what, why, and what they did before')
      .argument('<approval>', 'its id, the start of it, or its link'),
  ).action(async (id: string, options) => exit(await (await import('./approvals.ts')).runApprovalsShow(id, options, io)));
  flags(approvals.command('approve').description('approve it').argument('<approval>', 'its id, the start of it, or its link')).action(
    async (id: string, options) => exit(await (await import('./approvals.ts')).runApprovalsApprove(id, options, io)),
  );
  flags(approvals.command('deny').description('refuse it').argument('<approval>', 'its id, the start of it, or its link'))
    .requiredOption('--reason <text>', 'why; whoever asked is told')
    .action(async (id: string, options) => (await import('./approvals.ts')).runApprovalsDeny(id, options, io));
  flags(approvals.command('cancel').description('take back what you asked for').argument('<approval>', 'its id, the start of it, or its link')).action(
    async (id: string, options) => (await import('./approvals.ts')).runApprovalsCancel(id, options, io),
  );
}

// The commands of `mcprec policy`, with their arguments and flags.
import type { Command } from 'commander';
import type { CommandContext } from './commands.ts';
import { JSON_FLAG } from './flags.ts';

/** Adds them to `program`. */
export function registerPolicy(program: Command, { io, exit }: CommandContext): void {
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

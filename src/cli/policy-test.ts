// `mcprec policy test FILE`: the cases of a policy, for the owner's own CI.
import { dirname, resolve } from 'node:path';
import { exitCodes, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { differences, jsonOf, type PolicyCase, parseCases } from '../policy/cases.ts';
import { compilePolicy } from '../policy/compile-config.ts';
import type { GatewayConfig } from '../policy/config.ts';
import { parseConfig } from '../policy/parse.ts';
import { readConfigFile } from './config-file.ts';
import { type Io, say, sayJson } from './io.ts';
import { callOf, contextOf } from './policy-call.ts';

export interface PolicyTestOptions {
  readonly file: string;
  /** Another configuration than the one that the file names. */
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
}

interface Judged {
  readonly name: string;
  readonly line: number;
  readonly differences: readonly string[];
}

/** Prints which cases come out otherwise than expected; returns 5 where any does. Throws `config_invalid`, `config_unreadable`. */
export function runPolicyTest(options: PolicyTestOptions, io: Io): number {
  const { policy, cases } = parseCases(readConfigFile(options.file), options.file);
  const file = options.config ?? resolve(dirname(options.file), policy);
  const { config } = parseConfig(readConfigFile(file), { file, env: io.env });
  const judged = cases.map(({ case: one, line }): Judged => ({ name: one.name, line, differences: judge(one, config, io) }));
  const failed = judged.filter((one) => one.differences.length > 0);
  if (options.json) sayJson(io, { ok: failed.length === 0, policy: file, passed: judged.length - failed.length, failed: failed.length, cases: judged });
  else {
    for (const { name, line, differences: found } of failed) {
      say(io, escapeHostileLine(`${options.file}:${line}: ${name}`));
      for (const difference of found) say(io, escapeHostileLine(`  ${difference}`));
    }
    say(io, `${judged.length - failed.length} of ${judged.length} cases are as expected`);
  }
  return failed.length === 0 ? 0 : exitCodes.denied;
}

function judge(one: PolicyCase, config: GatewayConfig, io: Io): readonly string[] {
  const { connection, as, groups, reason, at } = one;
  const context = contextOf({ as, groups, reason, atMs: at === undefined ? io.clock.wallMs() : Date.parse(at) }, config);
  const words = { ...one, args: jsonOf(one.args), body: jsonOf(one.body) };
  try {
    return differences(one, compilePolicy(config, context, connection).decide(callOf(words, config)));
  } catch (error) {
    // The case itself is wrong: its connection does not exist, its body is not what the intake takes.
    if (error instanceof McprecError && (error.code === 'usage' || error.code === 'not_found')) return [error.message];
    throw error;
  }
}

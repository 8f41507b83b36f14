// `mcprec policy check | schema | explain`: the platform owner's view of gateway.yaml, before a gateway reads it.
import { exitCodes, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { secretFindings } from '../gateway/secrets.ts';
import { connectionAccess } from '../policy/access.ts';
import type { Call, Decision } from '../policy/call.ts';
import type { GatewayConfig } from '../policy/config.ts';
import { type Explanation, explainDecision, type Step } from '../policy/explain.ts';
import { checkConfig, parseConfig, problemLine } from '../policy/parse.ts';
import { configJsonSchema } from '../policy/schema.ts';
import { readConfigFile } from './config-file.ts';
import { type Io, say, sayJson } from './io.ts';
import { callOf, contextOf } from './policy-call.ts';

export interface PolicyCheckOptions {
  readonly file: string;
  /** False: does not look whether secret references resolve here. */
  readonly secrets?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Prints what is wrong with a configuration, or that nothing is. Returns the exit code; throws `config_invalid`, `secret_unresolved`, `config_unreadable`. */
export function runPolicyCheck(options: PolicyCheckOptions, io: Io): number {
  const text = readConfigFile(options.file);
  let isWithoutSecrets = false;
  const look = (config: GatewayConfig) => {
    const found = secretFindings(config, io.env, io.random);
    isWithoutSecrets = found.length > 0;
    return found;
  };
  const { config, problems, warnings } = checkConfig(text, { file: options.file, env: io.env, ...(options.secrets !== false && { look }) });
  if (options.json) {
    sayJson(io, { ok: config !== undefined, problems, warnings });
    return config === undefined ? exitCodes.config : 0;
  }
  if (config === undefined) {
    const message = problems.map(problemLine).join('\n');
    if (!isWithoutSecrets) throw new McprecError('config_invalid', message);
    throw new McprecError('secret_unresolved', message, { remedy: 'where the secrets are not meant to be, as in CI, check with --no-secrets' });
  }
  for (const warning of warnings) say(io, escapeHostileLine(`warning: ${problemLine(warning)}`));
  say(io, escapeHostileLine(`${options.file} is valid: ${summary(config)}${options.secrets === false ? '; its secrets were not looked at' : ''}`));
  return 0;
}

/** Prints the JSON Schema of gateway.yaml. */
export function runPolicySchema(_options: object, io: Io): number {
  say(io, JSON.stringify(configJsonSchema(), undefined, 2));
  return 0;
}

export interface PolicyExplainOptions {
  readonly file: string;
  readonly connection: string;
  /** Whom the answer is about; groups alone decide. */
  readonly as?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly tool?: string | undefined;
  readonly resource?: string | undefined;
  readonly prompt?: string | undefined;
  /** A method without a target, or the verb and path of an intake or HTTP call. */
  readonly method?: string | undefined;
  /** JSON: a tool's arguments, a method's params, or the body of an intake call. */
  readonly args?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Prints which entries and rules concern a call, which of them won and why. Returns 0 whatever the decision is. */
export function runPolicyExplain(options: PolicyExplainOptions, io: Io): number {
  const { config } = parseConfig(readConfigFile(options.file), { file: options.file, env: io.env });
  const groups = options.groups ?? [];
  const access = connectionAccess(config, groups, options.connection, io.clock.wallMs());
  if (access.kind === 'unknown') {
    throw new McprecError('not_found', `there is no connection named ${options.connection}; there are: ${access.connections.join(', ')}`);
  }
  const call = callOf({ ...options, body: options.args }, config);
  const context = contextOf({ as: options.as, groups, atMs: io.clock.wallMs() }, config);
  const explanation = explainDecision(config, context, options.connection, call);
  if (options.json) sayJson(io, { as: options.as ?? null, groups, connection: options.connection, opens: access.kind === 'granted', ...explanation });
  else for (const line of explanationLines(options, groups, call, access.kind === 'granted', explanation)) say(io, escapeHostileLine(line));
  return 0;
}

function explanationLines(options: PolicyExplainOptions, groups: readonly string[], call: Call, opens: boolean, explanation: Explanation): readonly string[] {
  const { decision, access, rules } = explanation;
  const target = call.tool ?? call.uri ?? call.prompt;
  return [
    `${options.as ?? 'someone'} in ${groups.length > 0 ? groups.join(', ') : 'no group'} calls ${call.method}${target === undefined ? '' : ` ${target}`} on ${options.connection}`,
    ...(opens ? [] : ['no access entry lets these groups open the connection at all']),
    ...access.map(stepLine),
    ...rules.map(stepLine),
    decisionLine(decision),
  ];
}

function decisionLine(decision: Decision): string {
  switch (decision.effect) {
    case 'allow':
      return 'allowed';
    case 'hold':
      return `held by ${decision.rule} for ${decision.min} of ${decision.approvers.join(', ')}: ${decision.reason}`;
    case 'deny':
      return `denied by ${decision.rule}: ${decision.reason}${decision.hidden ? ' (it answers as if it did not exist)' : ''}`;
    default:
      return decision satisfies never;
  }
}

function stepLine(step: Step): string {
  return `  ${step.name}: ${step.verdict}${step.reason === undefined ? '' : ` (${step.reason})`}`;
}

function summary(config: GatewayConfig): string {
  const count = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
  const connections = count(Object.keys(config.connections).length, 'connection', 'connections');
  return `${connections}, ${count(config.access.length, 'access entry', 'access entries')}, ${count(config.rules.length, 'rule', 'rules')}`;
}

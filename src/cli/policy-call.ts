// Calls and callers as `policy explain` and `policy test` are told of them, made into what policy decides on.
import { McprecError } from '../base/errors.ts';
import { type JsonNode, parseJson } from '../base/json.ts';
import type { Call } from '../policy/call.ts';
import type { GatewayConfig } from '../policy/config.ts';
import type { PolicyContext } from '../policy/context.ts';
import { intakeEndpoint, readIntake } from '../protocol/intake.ts';

/** A call in words: one of tool, resource, prompt and method. */
export interface CallWords {
  readonly connection: string;
  readonly tool?: string | undefined;
  readonly resource?: string | undefined;
  readonly prompt?: string | undefined;
  readonly method?: string | undefined;
  /** JSON. */
  readonly args?: string | undefined;
  /** Of an intake call: JSON. */
  readonly body?: string | undefined;
}

export interface CallerWords {
  /** An e-mail address, or a subject. */
  readonly as: string | undefined;
  readonly groups: readonly string[];
  readonly reason?: string | undefined;
  readonly atMs: number;
}

/** Somebody who opened a session at that very moment. */
export function contextOf({ as = '', groups, reason, atMs }: CallerWords, { identity }: GatewayConfig): PolicyContext {
  return {
    identity: { issuer: identity.issuer, subject: as, email: as.includes('@') ? as : '', groups },
    session: { id: '', reason, openedMs: atMs },
    nowMs: () => atMs,
  };
}

/** The call. Throws `usage` where it names no one thing, or its JSON is none. */
export function callOf(options: CallWords, config: GatewayConfig): Call {
  const asked = [options.tool, options.resource, options.prompt, options.method].filter((value) => value !== undefined);
  if (asked.length !== 1) throw new McprecError('usage', 'name one of tool, resource, prompt and method');
  const args = readArgs(options.args);
  const base = { oneWay: false, ...(args === undefined ? {} : { args }) };
  if (options.tool !== undefined) return { ...base, method: 'tools/call', tool: options.tool };
  if (options.resource !== undefined) return { ...base, method: 'resources/read', uri: options.resource };
  if (options.prompt !== undefined) return { ...base, method: 'prompts/get', prompt: options.prompt };
  const method = options.method ?? '';
  if (config.connections[options.connection]?.kind !== 'datadog-intake') return { ...base, method };
  return { ...base, method, ...intakeNames(method, options.body ?? '') };
}

function intakeNames(method: string, body: string): Pick<Call, 'metrics' | 'checks' | 'events' | 'tagSets'> {
  const [verb = '', path = ''] = method.split(' ');
  const endpoint = intakeEndpoint(verb, path);
  const read = 'kind' in endpoint ? endpoint : readIntake(endpoint, body);
  if (read.kind === 'fault') throw new McprecError('usage', read.reason);
  return {
    ...(read.metrics && { metrics: [...read.metrics.keys()] }),
    ...(read.checks && { checks: [...read.checks.keys()] }),
    ...(read.events && { events: [...read.events.keys()] }),
    ...(read.tagSets && { tagSets: read.tagSets }),
  };
}

function readArgs(text: string | undefined): JsonNode | undefined {
  if (text === undefined) return undefined;
  const node = parseJson(text);
  if (node.type === 'fault') throw new McprecError('usage', `the arguments are not JSON: ${node.reason} at offset ${node.offset}`);
  return node;
}

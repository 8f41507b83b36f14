// What a call is aimed at: a tool, resources, a prompt, or nothing that has a name. Reads only what the call itself says.
import { type JsonNode, stringMember } from '../base/json.ts';
import { ANSWER_METHOD, type Call } from './call.ts';

export type TargetKind = 'tool' | 'resource' | 'prompt';

export type Target =
  /** `as` is the method by which access is judged: whoever may read a resource may watch it. */
  | { readonly kind: TargetKind; readonly names: readonly string[]; readonly as: string }
  /** `free`: it comes with the connection. */
  | { readonly kind: 'none'; readonly free: boolean }
  | { readonly kind: 'unclear'; readonly reason: string };

const freeOnMcp = new Set([
  'initialize',
  'server/discover',
  'ping',
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'prompts/list',
  'logging/setLevel',
]);

/** The target of a call on an MCP connection. Source: MCP 2024-11-05 … 2026-07-28, schema. */
export function mcpTarget(call: Call): Target {
  switch (call.method) {
    case 'tools/call':
      return single('tool', call.tool, call.method);
    case 'prompts/get':
      return single('prompt', call.prompt, call.method);
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return single('resource', call.uri, call.method);
    case 'completion/complete':
      return completed(call.args);
    case 'subscriptions/listen':
      return watched(call.args);
    default:
      return { kind: 'none', free: freeOnMcp.has(call.method) || isFreeOneWay(call) };
  }
}

// Being one-way alone frees nothing: some server executes a `tools/call` that comes without an id.
function isFreeOneWay({ oneWay, method }: Call): boolean {
  return oneWay && (method === ANSWER_METHOD || method.startsWith('notifications/'));
}

/** The target of a call on an intake: nothing but its method. Asking whether the key is valid comes with the connection. */
export function intakeTarget(call: Call): Target {
  return { kind: 'none', free: call.method === 'GET /api/v1/validate' };
}

/** The target of a call on an HTTP connection: nothing but its method. */
export function httpTarget(): Target {
  return { kind: 'none', free: false };
}

function single(kind: TargetKind, name: string | undefined, as: string): Target {
  return name === undefined ? { kind: 'unclear', reason: `${as} names no ${kind}` } : { kind, names: [name], as };
}

function completed(params: JsonNode | undefined): Target {
  const ref = soleMember(params, 'ref');
  if (ref === 'ambiguous' || ref?.type !== 'object' || ref.ambiguousKey !== undefined)
    return { kind: 'unclear', reason: 'the reference to complete is not clear' };
  const type = stringMember(ref, 'type');
  if (type === 'ref/prompt') return single('prompt', stringMember(ref, 'name'), 'prompts/get');
  if (type === 'ref/resource') return single('resource', stringMember(ref, 'uri'), 'resources/read');
  return { kind: 'unclear', reason: 'the reference to complete is not clear' };
}

function watched(params: JsonNode | undefined): Target {
  const unclear: Target = { kind: 'unclear', reason: 'what is to be listened to is not clear' };
  const filter = soleMember(params, 'notifications');
  if (filter === 'ambiguous' || filter?.type !== 'object') return unclear;
  const uris = soleMember(filter, 'resourceSubscriptions');
  if (uris === undefined) return { kind: 'none', free: true };
  if (uris === 'ambiguous' || uris.type !== 'array') return unclear;
  if (uris.items.length === 0) return { kind: 'none', free: true };
  const names = uris.items.map((item) => (item.type === 'string' ? item.value : undefined));
  return names.every((name) => name !== undefined) ? { kind: 'resource', names, as: 'resources/read' } : unclear;
}

// The member named `key`; `ambiguous` where another spelling of its case, or a repetition, could be what the upstream reads.
function soleMember(node: JsonNode | undefined, key: string): JsonNode | 'ambiguous' | undefined {
  if (node?.type !== 'object') return undefined;
  const alike = node.members.filter((m) => m.key.value.toUpperCase().toLowerCase() === key.toLowerCase());
  if (alike.length > 1 || (alike[0] !== undefined && alike[0].key.value !== key)) return 'ambiguous';
  return alike[0]?.value;
}

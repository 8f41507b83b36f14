// What masking leaves alone in an MCP message (ids, cursors, tokens of progress, state), and which of that the record must not hold (RULES R3).
import { type JsonNode, type JsonObject, member, parseJson } from '../base/json.ts';

interface Span {
  readonly start: number;
  readonly end: number;
}

export interface ProtocolSpans {
  /** Never masked. */
  readonly leave: readonly Span[];
  /** Strings that pass untouched on the wire and are recorded as their length. */
  readonly opaque: readonly Span[];
}

const TOP = ['jsonrpc', 'id', 'method'];
const INNER = ['progressToken', 'requestId', 'taskId', 'protocolVersion', 'elicitationId', 'subscriptionId'];
const OPAQUE = ['requestState', 'cursor', 'nextCursor'];
const META = ['progressToken', 'traceparent', 'tracestate'];
/** Among the labels of a key's prefix: the specification keeps those prefixes for itself. */
const RESERVED = /(?:^|\.)(?:modelcontextprotocol|mcp)(?:\.|$)/;

const none: ProtocolSpans = { leave: [], opaque: [] };

/** True where the name `start`…`end` may be one of something opaque: a cheap look before `protocolSpans`. */
export function isOpaqueName(text: string, start: number, end: number): boolean {
  const length = end - start;
  return (length === 6 || length === 10 || length === 12) && OPAQUE.includes(text.slice(start, end));
}

/** The spans of an MCP message or batch; none where it is not JSON. */
export function protocolSpans(text: string): ProtocolSpans {
  const root = parseJson(text);
  if (root.type === 'fault') return none;
  const leave: Span[] = [];
  const opaque: Span[] = [];
  for (const message of root.type === 'array' ? root.items : [root]) {
    if (message.type !== 'object') continue;
    collect(message, TOP, leave);
    for (const name of ['params', 'result']) {
      const body = member(message, name);
      if (body?.type !== 'object') continue;
      collectBody(body, leave, opaque);
    }
  }
  return { leave, opaque };
}

function collectBody(body: JsonObject, leave: Span[], opaque: Span[]): void {
  collect(body, INNER, leave);
  for (const m of body.members) {
    if (!OPAQUE.includes(m.key.value)) continue;
    (m.value.type === 'string' ? opaque : leave).push(m.value);
  }
  const meta = member(body, '_meta');
  if (meta?.type === 'object') for (const m of meta.members) if (isProtocolKey(m.key.value)) leave.push(m.value);
  const tasks: (JsonNode | undefined)[] = [member(body, 'task')];
  const list = member(body, 'tasks');
  if (list?.type === 'array') tasks.push(...list.items);
  for (const task of tasks) if (task?.type === 'object') collect(task, INNER, leave);
}

function isProtocolKey(key: string): boolean {
  const slash = key.indexOf('/');
  return META.includes(key) || (slash > 0 && RESERVED.test(key.slice(0, slash)));
}

function collect(node: JsonObject, names: readonly string[], into: Span[]): void {
  for (const m of node.members) if (names.includes(m.key.value)) into.push(m.value);
}

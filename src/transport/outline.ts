// What has to be known of a client's message before it is put on the data path; the data path reads it again, strictly.
import { type JsonNode, type JsonObject, member, parseJson, stringMember } from '../base/json.ts';
import { decodeUtf8 } from '../protocol/message.ts';
import { revisionOf } from '../protocol/request-headers.ts';
import { meaningOfId, readServerMessage } from '../protocol/server-message.ts';

export interface Outline {
  readonly body: Buffer;
  /** True of a notification and of an answer: whatever becomes of it, its sender is told nothing (JSON-RPC 2.0 §4.1). */
  readonly isOneWay: boolean;
  /** Undefined in a batch. */
  readonly node: JsonObject | undefined;
  readonly method: string | undefined;
  /** The revision that it names for itself, as in the modern era. */
  readonly revision: string | undefined;
  /** Its requests: what their id means, and the id as written. */
  readonly owed: readonly (readonly [string, string])[];
  /** What id it cancels. */
  readonly cancels: string | undefined;
}

export function outlineOf(body: Buffer): Outline {
  const text = decodeUtf8(body);
  const root = text === undefined ? undefined : parseJson(text);
  if (text === undefined || root === undefined || root.type === 'fault') {
    return { body, isOneWay: false, node: undefined, method: undefined, revision: undefined, owed: [], cancels: undefined };
  }
  const node = root.type === 'object' ? root : undefined;
  const method = stringMember(node, 'method');
  const requests = root.type === 'array' ? root.items : [root];
  const isAnswer = node !== undefined && method === undefined && (member(node, 'result') ?? member(node, 'error')) !== undefined;
  return {
    body,
    isOneWay: isAnswer || (node !== undefined && method !== undefined && member(node, 'id') === undefined),
    node,
    method,
    revision: revisionOf(node),
    owed: requests.flatMap((request) => owedOf(request, text)),
    cancels: method === 'notifications/cancelled' ? idOf(member(member(node, 'params'), 'requestId'), text) : undefined,
  };
}

function owedOf(request: JsonNode, text: string): readonly (readonly [string, string])[] {
  const id = member(request, 'id');
  const key = idOf(id, text);
  return key === undefined || id === undefined || member(request, 'method') === undefined ? [] : [[key, text.slice(id.start, id.end)]];
}

function idOf(node: JsonNode | undefined, text: string): string | undefined {
  return node?.type === 'string' || node?.type === 'number' ? meaningOfId(text.slice(node.start, node.end)) : undefined;
}

/** The revision in the answer to `initialize`; undefined where it is an error. */
export function revisionAgreed(text: string): string | undefined {
  const root = parseJson(text);
  return root.type === 'fault' ? undefined : stringMember(member(root, 'result'), 'protocolVersion');
}

/** How a JSON-RPC error that names nobody is told to the sender of one request; undefined where the bytes hold none. */
export function withId(message: Buffer): ((idLexeme: string) => Buffer) | undefined {
  const text = decodeUtf8(message);
  const root = text === undefined ? undefined : parseJson(text);
  const error = root === undefined || root.type === 'fault' ? undefined : member(root, 'error');
  if (text === undefined || error?.type !== 'object') return undefined;
  return (idLexeme) => Buffer.from(`{"jsonrpc":"2.0","id":${idLexeme},"error":${text.slice(error.start, error.end)}}`);
}

/** What the ids mean that a message of the server answers: one, those of a batch, or none. */
export function answeredIn(text: string): readonly string[] {
  const read = readServerMessage(text);
  if (read !== undefined) return read.kind === 'response' && read.idLexeme !== undefined ? [meaningOfId(read.idLexeme)] : [];
  if (!/^\s*\[/.test(text)) return [];
  try {
    return (JSON.parse(text) as { id?: unknown }[]).flatMap((item) => (item?.id === undefined ? [] : [meaningOfId(JSON.stringify(item.id))]));
  } catch {
    return [];
  }
}

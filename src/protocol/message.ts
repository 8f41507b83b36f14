// Reads what a client sends to an MCP server as JSON-RPC messages, strictly: what policy reads must be what the upstream
// reads (RULES R7). Does no IO and decides nothing.
import { foldCase } from '../base/fold-case.ts';
import { type JsonNode, type JsonObject, member, parseJson, stringMember } from '../base/json.ts';
import { decodeMcpHeader, headerValue, headerValues, isJsonType, isUtf8Type, type RawHeaders } from './headers.ts';

export interface ClientMessage {
  readonly kind: 'request' | 'notification' | 'response';
  /** The id as written (a number or a quoted string); undefined for notifications. */
  readonly idLexeme: string | undefined;
  /** Undefined for responses. */
  readonly method: string | undefined;
  readonly params: JsonObject | undefined;
  readonly node: JsonObject;
}

/** Why a body was refused; `answerRefusal` in refusal.ts puts it on the wire. */
export interface BodyFault {
  readonly kind: 'fault';
  /** JSON-RPC code: -32700 not JSON, -32600 not a valid request, -32602 a name is missing, -32020 header and body differ, -32000 another media type. */
  readonly code: number;
  /** HTTP status; 400 where absent. */
  readonly status?: number;
  readonly reason: string;
  readonly idLexeme: string | undefined;
}

/** What a POST body holds: at least one message, as an array of them where it is a batch. */
export interface ClientMessages {
  readonly kind: 'single' | 'batch';
  readonly messages: readonly [ClientMessage, ...ClientMessage[]];
  /** The body as text. */
  readonly text: string;
}
export type ClientBody = ClientMessages | BodyFault;

/** Methods that name their object, and the member of `params` that does. */
const namedBy = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);
/** What `Mcp-Name` mirrors. Source: MCP 2026-07-28, Streamable HTTP; tasks: SEP-2663. */
const mirroredBy = new Map([...namedBy, ['tasks/get', 'taskId'], ['tasks/update', 'taskId'], ['tasks/cancel', 'taskId']]);

/** The only revision with JSON-RPC batches; also what a request without the version header means. */
const BATCH_REVISION = '2025-03-26';
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 text of `bytes`, byte order mark kept, or undefined where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Reads a POST body of the Streamable HTTP transport. Source: MCP 2025-03-26 … 2026-07-28, transports. */
export function readClientBody(bytes: Uint8Array, headers: RawHeaders): ClientBody {
  const types = headerValues(headers, 'content-type');
  if (types.length === 0 || !types.every((type) => isJsonType(type) && isUtf8Type(type))) {
    return { ...fault(-32000, 'the Content-Type must be application/json, in UTF-8'), status: 415 };
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) return fault(-32700, 'the body is not UTF-8');
  const node = parseJson(text);
  if (node.type === 'fault') return fault(-32700, `the body is not JSON: ${node.reason} at offset ${node.offset}`);
  if (node.type === 'array') return readBatch(node.items, text, headers);
  const message = readMessage(node, text);
  return message.kind === 'fault' ? message : (headerMismatch(message, headers) ?? { kind: 'single', messages: [message], text });
}

function readBatch(items: readonly JsonNode[], text: string, headers: RawHeaders): ClientBody {
  const revision = headerValue(headers, 'mcp-protocol-version') ?? BATCH_REVISION;
  if (revision !== BATCH_REVISION) return fault(-32600, `revision ${revision} has no batches`);
  const messages: ClientMessage[] = [];
  const ids = new Set<string>();
  for (const item of items) {
    const message = readMessage(item, text);
    if (message.kind === 'fault') return message;
    if (message.kind === 'request' && message.idLexeme !== undefined) {
      const meaning = JSON.stringify(JSON.parse(message.idLexeme));
      if (ids.has(meaning)) return fault(-32600, 'an id stands twice in one batch', message.idLexeme);
      ids.add(meaning);
    }
    const mismatch = headerMismatch(message, headers);
    if (mismatch !== undefined) return mismatch;
    messages.push(message);
  }
  const [first, ...rest] = messages;
  return first === undefined ? fault(-32600, 'an empty batch') : { kind: 'batch', messages: [first, ...rest], text };
}

/** Reads one message whose JSON is given as a node of `text`. */
export function readMessage(node: JsonNode, text: string): ClientMessage | BodyFault {
  if (node.type !== 'object') return fault(-32600, 'a message must be an object');
  const id = member(node, 'id');
  const idLexeme = id?.type === 'string' || id?.type === 'number' ? text.slice(id.start, id.end) : undefined;
  if (node.ambiguousKey !== undefined) return fault(-32600, 'a key of the message stands twice, or twice but for its case', idLexeme);
  const wrongCase = node.members.find((m) => envelopeKeys.has(foldCase(m.key.value)) && !envelopeKeys.has(m.key.value));
  if (wrongCase) return fault(-32600, 'a key of the message is written in another case', idLexeme);
  if (stringMember(node, 'jsonrpc') !== '2.0') return fault(-32600, 'jsonrpc must be "2.0"', idLexeme);
  if (id !== undefined && idLexeme === undefined) return fault(-32600, 'the id must be a string or a number');

  const method = member(node, 'method');
  if (method === undefined) {
    const answers = member(node, 'result') !== undefined || member(node, 'error') !== undefined;
    if (!answers || idLexeme === undefined) return fault(-32600, 'neither a request, a notification nor a response', idLexeme);
    return { kind: 'response', idLexeme, method: undefined, params: undefined, node };
  }
  if (method.type !== 'string') return fault(-32600, 'the method must be a string', idLexeme);
  const meant = meantMethod(method.value);
  if (meant !== undefined) return fault(-32600, `write the method as ${meant}`, idLexeme);
  const params = readParams(node, idLexeme);
  if (params?.type === 'fault') return params.fault;
  const source = namedBy.get(method.value);
  if (source !== undefined && stringMember(params?.object, source) === undefined) {
    return fault(-32602, `params.${source} must be a string`, idLexeme);
  }
  return { kind: idLexeme === undefined ? 'notification' : 'request', idLexeme, method: method.value, params: params?.object, node };
}

/** Methods that policy judges by what they name. */
const aimedMethods = new Set([...namedBy.keys(), 'resources/subscribe', 'resources/unsubscribe', 'completion/complete', 'subscriptions/listen']);

// For a lenient upstream `Tools/Call` or `tools/call ` could be `tools/call`, which policy would have looked at.
function meantMethod(method: string): string | undefined {
  if (aimedMethods.has(method)) return undefined;
  const plain = foldCase(method).replace(/[^a-z/]/g, '');
  return aimedMethods.has(plain) ? plain : undefined;
}

const envelopeKeys = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);
/** The members of `params` that policy looks at; another spelling of their case could mean one to us and another to the upstream. */
const paramsKeys = new Set(['name', 'arguments', 'uri', 'inputResponses', 'requestState', '_meta', 'cursor', 'taskId']);
const paramsKeysFolded = new Map([...paramsKeys].map((key) => [foldCase(key), key]));

type Params = { readonly type: 'params'; readonly object: JsonObject } | { readonly type: 'fault'; readonly fault: BodyFault };

function readParams(node: JsonObject, idLexeme: string | undefined): Params | undefined {
  const params = member(node, 'params');
  if (params === undefined) return undefined;
  const bad = (reason: string): Params => ({ type: 'fault', fault: fault(-32600, reason, idLexeme) });
  if (params.type !== 'object') return bad('params must be an object');
  if (params.ambiguousKey !== undefined) return bad('a key of params stands twice, or twice but for its case');
  for (const { key } of params.members) {
    const exact = paramsKeysFolded.get(foldCase(key.value));
    if (exact !== undefined && exact !== key.value) return bad(`params: write ${exact} in this case`);
  }
  const args = member(params, 'arguments');
  if (args?.type === 'object' && args.ambiguousKey !== undefined) return bad('an argument stands twice, or twice but for its case');
  return { type: 'params', object: params };
}

// A missing header is the upstream's to refuse; one that says something else than the body is ours (RULES R7).
function headerMismatch(message: ClientMessage, headers: RawHeaders): BodyFault | undefined {
  const differs = (what: string): BodyFault => fault(-32020, what, message.idLexeme);
  if (headerValues(headers, 'mcp-method').some((method) => method !== message.method)) return differs('Mcp-Method differs from the method in the body');
  const source = mirroredBy.get(message.method ?? '');
  if (source !== undefined) {
    const named = stringMember(message.params, source);
    if (headerValues(headers, 'mcp-name').some((name) => decodeMcpHeader(name) !== named)) return differs('Mcp-Name differs from the name in the body');
  }
  const meta = stringMember(member(message.params, '_meta'), 'io.modelcontextprotocol/protocolVersion');
  if (meta !== undefined && headerValues(headers, 'mcp-protocol-version').some((revision) => revision !== meta)) {
    return differs('MCP-Protocol-Version differs from the version in the body');
  }
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    if (name.startsWith('mcp-param-') && decodeMcpHeader(headers[i + 1] as string) === undefined) return differs(`${name} is not what its encoding says`);
  }
  return undefined;
}

function fault(code: number, reason: string, idLexeme?: string): BodyFault {
  return { kind: 'fault', code, reason, idLexeme };
}

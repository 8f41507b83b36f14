// mask → forward: what leaves towards the upstream in place of a request that `mask` rules change. Where none does, the client's own bytes leave.
import { type JsonNode, member, parseJson } from '../base/json.ts';
import type { Masker } from '../mask/masker.ts';
import { decodeMcpHeader, encodeMcpHeader, headersOfChanged, type RawHeaders } from '../protocol/headers.ts';
import type { ClientMessages } from '../protocol/message.ts';
import type { Content } from './drafts.ts';
import type { Masking } from './masking.ts';
import type { ClientRequest } from './request.ts';

/** A request as it leaves instead of the client's. */
export interface ChangedRequest {
  readonly target: string;
  readonly headers: RawHeaders;
  readonly body: Uint8Array;
}

/** The messages of a POST with each masked by its own rules, `maskings` in their order; undefined where nothing was masked. */
export function maskMessages(read: ClientMessages, maskings: readonly Masking[], request: ClientRequest): ChangedRequest | undefined {
  let text = '';
  let at = 0;
  let headers = request.headers;
  for (const [i, message] of read.messages.entries()) {
    const upstream = maskings[i]?.upstream;
    if (upstream === undefined) continue;
    const { start, end } = message.node;
    const before = read.text.slice(start, end);
    const { text: masked } = upstream.mask(before, { form: 'json', scope: 'mcp', target: 'wire' });
    text += read.text.slice(at, start) + masked;
    at = end;
    headers = maskParams(headers, before, masked, upstream);
  }
  text += read.text.slice(at);
  if (text === read.text && headers === request.headers) return undefined;
  return { target: request.target, headers: headersOfChanged(headers, undefined), body: Buffer.from(text, 'utf8') };
}

/** A call of an intake or HTTP connection, its query and body masked; undefined where nothing was. */
export function maskCall(content: Content | undefined, { upstream }: Masking, request: ClientRequest): ChangedRequest | undefined {
  if (upstream === undefined) return undefined;
  const target = maskQuery(request.target, upstream);
  const text = content === undefined ? '' : upstream.mask(content.text, { form: content.form, scope: 'free', target: 'wire' }).text;
  if (target === request.target && text === (content?.text ?? '')) return undefined;
  return { target, headers: headersOfChanged(request.headers, undefined), body: Buffer.from(text, 'utf8') };
}

function maskQuery(target: string, masker: Masker): string {
  const query = target.indexOf('?') + 1;
  if (query === 0) return target;
  const { text, count } = masker.mask(target.slice(query), { form: 'text', scope: 'free', target: 'wire' });
  return count === 0 ? target : target.slice(0, query) + text.replaceAll('[', '%5B').replaceAll(']', '%5D');
}

// `Mcp-Param-*` repeat arguments, and an upstream refuses those that differ from the body.
function maskParams(headers: RawHeaders, before: string, masked: string, masker: Masker): RawHeaders {
  const isParam = (name: string): boolean => name.toLowerCase().startsWith('mcp-param-');
  if (!headers.some((name, i) => i % 2 === 0 && isParam(name))) return headers;
  const now = argumentsOf(masked);
  const replaced = new Map(argumentsOf(before).map((value, i) => [value, now[i] ?? value]));
  let changed = false;
  const out = headers.map((value, i) => {
    if (i % 2 === 0 || !isParam(headers[i - 1] ?? '')) return value;
    const given = decodeMcpHeader(value) ?? '';
    const by = replaced.get(given) ?? masker.mask(given, { form: 'text', scope: 'free', target: 'wire' }).text;
    if (by === given) return value;
    changed = true;
    return encodeMcpHeader(by);
  });
  return changed ? out : headers;
}

// The strings and numbers in the arguments of a message, in order: masking for the wire changes none of their places.
function argumentsOf(text: string): readonly string[] {
  const root = parseJson(text);
  const args = root.type === 'fault' ? undefined : member(member(root, 'params'), 'arguments');
  return args === undefined ? [] : leavesOf(args);
}

function leavesOf(node: JsonNode): readonly string[] {
  switch (node.type) {
    case 'object':
      return node.members.flatMap((m) => leavesOf(m.value));
    case 'array':
      return node.items.flatMap(leavesOf);
    case 'string':
      return [node.value];
    case 'number':
      return [node.lexeme];
    case 'literal':
      return [];
    default:
      return node satisfies never;
  }
}

// What a client of the HTTP transport says in headers about a message that came without any (stdio, HTTP+SSE). Source: MCP
// 2026-07-28, Streamable HTTP, request metadata. Does no IO.
import { type JsonNode, type JsonObject, member, parseJson, stringMember } from '../base/json.ts';
import { limits } from '../base/limits.ts';
import { decodeMcpHeader, headerValues, type RawHeaders } from './headers.ts';

/** A parameter of a tool that is repeated in `Mcp-Param-{name}`: where it stands in the arguments. */
interface MirroredParam {
  readonly name: string;
  readonly path: readonly string[];
}

/** What the lists of tools said so far about parameters to be repeated in headers, by tool. */
export type MirroredParams = Map<string, readonly MirroredParam[]>;

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const namedBy: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** The revision that a message names for itself, as those of the modern era do; undefined in the legacy era. */
export function revisionOf(message: JsonNode | undefined): string | undefined {
  return stringMember(member(member(message, 'params'), '_meta'), VERSION_KEY);
}

/** The headers of a message of the modern era: flat, name and value. */
export function modernHeaders(message: JsonObject, revision: string, mirrored: MirroredParams): readonly string[] {
  const headers = ['MCP-Protocol-Version', encodeMcpHeader(revision)];
  const method = stringMember(message, 'method');
  if (method === undefined) return headers;
  headers.push('Mcp-Method', encodeMcpHeader(method));
  const params = member(message, 'params');
  const source = namedBy.get(method);
  const name = source === undefined ? undefined : stringMember(params, source);
  if (name === undefined) return headers;
  headers.push('Mcp-Name', encodeMcpHeader(name));
  if (method !== 'tools/call') return headers;
  for (const param of mirrored.get(name) ?? []) {
    const value = scalarText(param.path.reduce<JsonNode | undefined>((node, key) => member(node, key), member(params, 'arguments')));
    if (value !== undefined) headers.push(`Mcp-Param-${param.name}`, encodeMcpHeader(value));
  }
  return headers;
}

/** Remembers what a message of the server says about parameters to be repeated, where it is a list of tools. */
export function noteMirroredParams(text: string, mirrored: MirroredParams): void {
  if (!text.includes('"tools"') || !text.includes('"inputSchema"')) return;
  const root = parseJson(text);
  const tools = root.type === 'fault' ? undefined : member(member(root, 'result'), 'tools');
  if (tools?.type !== 'array') return;
  for (const tool of tools.items) {
    const name = stringMember(tool, 'name');
    if (name === undefined) continue;
    const found = paramsOf(member(tool, 'inputSchema'), []);
    mirrored.delete(name);
    if (found.length > 0) mirrored.set(name, found);
    const [oldest] = mirrored.keys();
    if (mirrored.size > limits.mirroredToolsMax && oldest !== undefined) mirrored.delete(oldest);
  }
}

/**
 * The parameter of a call whose `Mcp-Param-*` says something else than the argument, or undefined. A header that is missing is the
 * upstream's to refuse, and so is one that no list of tools spoke of.
 */
export function differingParam(message: JsonNode, headers: RawHeaders, mirrored: MirroredParams): string | undefined {
  if (stringMember(message, 'method') !== 'tools/call') return undefined;
  const params = member(message, 'params');
  for (const { name, path } of mirrored.get(stringMember(params, 'name') ?? '') ?? []) {
    const said = headerValues(headers, `mcp-param-${name.toLowerCase()}`);
    if (said.length === 0) continue;
    const argument = path.reduce<JsonNode | undefined>((node, key) => member(node, key), member(params, 'arguments'));
    if (!said.every((value) => isSaid(decodeMcpHeader(value), argument))) return name;
  }
  return undefined;
}

// Numbers by their value: a client may write 42.0 in one place and 42 in the other.
function isSaid(text: string | undefined, argument: JsonNode | undefined): boolean {
  const written = scalarText(argument);
  if (text === written) return true;
  return (
    argument?.type === 'number' && text !== undefined && /^-?\d[\d.eE+-]*$/.test(text) && Number(text) === Number(written) && Number.isSafeInteger(Number(text))
  );
}

/** A value as a header can carry it: as it is, or in base64 between marks. */
export function encodeMcpHeader(value: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/.test(value);
  return plain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

function paramsOf(schema: JsonNode | undefined, path: readonly string[]): readonly MirroredParam[] {
  const properties = member(schema, 'properties');
  if (properties?.type !== 'object') return [];
  return properties.members.flatMap(({ key, value }) => {
    const at = [...path, key.value];
    const name = stringMember(value, 'x-mcp-header');
    const own = name !== undefined && /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name) ? [{ name, path: at }] : [];
    return [...own, ...paramsOf(value, at)];
  });
}

function scalarText(node: JsonNode | undefined): string | undefined {
  if (node?.type === 'string') return node.value;
  if (node?.type === 'number') return node.lexeme;
  return node?.type === 'literal' && node.value !== null ? String(node.value) : undefined;
}

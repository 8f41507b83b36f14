// HTTP headers as flat lists of name and value, as they were on the wire: order, case and repeats are kept (RULES R1).

/** `[name, value, name, value, …]`, as node:http's `rawHeaders`. */
export type RawHeaders = readonly string[];

/** Belong to one connection between two hops (RFC 9110 §7.6.1), or are made anew by each. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

/** Carry a credential; never forwarded from a client, never recorded. */
const credentialHeaders = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'dpop',
  'dd-api-key',
  'dd-application-key',
  'dd_api_key',
  'dd_application_key',
  'x-api-key',
  'x-auth-token',
  'signature',
  'signature-input',
]);

/** The first value of a header, or undefined. `name` in lower case. */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const key = headers[i] as string;
    if (key.length === name.length && key.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

/** All values of a header in order. `name` in lower case. */
export function headerValues(headers: RawHeaders, name: string): readonly string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).toLowerCase() === name) values.push(headers[i + 1] as string);
  }
  return values;
}

/** `headers` without those whose lower-case name `drop` says yes to. */
export function dropHeaders(headers: RawHeaders, drop: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (!drop((headers[i] as string).toLowerCase())) kept.push(headers[i] as string, headers[i + 1] as string);
  }
  return kept;
}

/**
 * What `Connection` names is hop-by-hop as well, but for what says how the body is to be read: without it the next hop
 * would read another message than this one did (RULES R7).
 */
function namedByConnection(headers: RawHeaders): ReadonlySet<string> {
  const names = new Set<string>();
  for (const value of headerValues(headers, 'connection')) {
    for (const name of value.split(',')) names.add(name.trim().toLowerCase());
  }
  for (const name of names) if (name.startsWith('content-') || name.startsWith('mcp-')) names.delete(name);
  return names;
}

/** CGI and WSGI read `Mcp_Session_Id` as `Mcp-Session-Id`; such a name was not looked at here, where the upstream must not be shared. */
function isUnderscored(name: string): boolean {
  if (!name.includes('_')) return false;
  const read = name.replaceAll('_', '-');
  return credentialHeaders.has(read) || read.startsWith('mcp-') || read.startsWith('mcprec-') || read === 'last-event-id';
}

export interface ForwardedRequest {
  /** `drop` where the next hop brings its own credential; `keep` where the client's is the only one (solo). */
  readonly credentials: 'drop' | 'keep';
  /** True where the answer will be read to be changed, and so must come unpacked. */
  readonly identityCoding: boolean;
}

/**
 * A client's request headers as they may leave towards the next hop: without hop-by-hop headers, its credential, Host and
 * Content-Length (made anew) and `Mcprec-*`. Source: RULES R1.
 */
export function forwardedRequestHeaders(headers: RawHeaders, how: ForwardedRequest): string[] {
  const named = namedByConnection(headers);
  const kept = dropHeaders(
    headers,
    (name) =>
      hopByHop.has(name) ||
      (how.credentials === 'drop' && (credentialHeaders.has(name) || isUnderscored(name))) ||
      name === 'host' ||
      name === 'content-length' ||
      (how.identityCoding && name === 'accept-encoding') ||
      name.startsWith('mcprec-') ||
      named.has(name),
  );
  if (how.identityCoding) kept.push('Accept-Encoding', 'identity');
  return kept;
}

/**
 * An upstream's answer headers as they may leave towards the client: without hop-by-hop headers and `Mcprec-*`, and without
 * cookies where it is not the client's own credential that they belong to.
 */
export function forwardedAnswerHeaders(headers: RawHeaders, { credentials }: Pick<ForwardedRequest, 'credentials'>): string[] {
  const named = namedByConnection(headers);
  return dropHeaders(
    headers,
    (name) => hopByHop.has(name) || (credentials === 'drop' && name === 'set-cookie') || name.startsWith('mcprec-') || named.has(name),
  );
}

/** Say something about the very bytes of a body, and so are wrong of other bytes. */
const bodyHeaders = new Set(['content-encoding', 'content-length', 'etag', 'digest', 'content-digest', 'repr-digest']);

/** Answer headers for a body that was changed on its way, of `length` bytes where that is known. Source: RULES R1. */
export function headersOfChanged(headers: RawHeaders, length: number | undefined): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const lower = name.toLowerCase();
    if (!bodyHeaders.has(lower)) kept.push(name, headers[i + 1] as string);
    else if (lower === 'content-length' && length !== undefined) kept.push(name, String(length));
  }
  return kept;
}

/** Value of `Mcp-Name` and `Mcp-Param-*`, decoded: `=?base64?…?=` or plain text. Undefined where the sentinel's content is not base64 of UTF-8. */
export function decodeMcpHeader(value: string): string | undefined {
  const sentinel = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(value);
  if (!sentinel) return value;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(sentinel[1] as string, 'base64'));
  } catch {
    return undefined;
  }
}

/** A value for `Mcp-Name` and `Mcp-Param-*`: as it is where a header can hold it, else as `=?base64?…?=`. */
export function encodeMcpHeader(value: string): string {
  const plain = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/.test(value) && !value.startsWith('=?base64?');
  return plain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

const recordedHeaders = new Set(['user-agent', 'content-type', 'content-encoding', 'accept', 'mcp-protocol-version', 'retry-after']);

/** The headers worth a record, lower-case names. Handles (`Mcp-Session-Id`, `Last-Event-ID`) are not among them (RULES R3). */
export function headersForRecord(headers: RawHeaders): Record<string, string> {
  const recorded: Record<string, string> = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    if (recordedHeaders.has(name)) recorded[name] = headers[i + 1] as string;
    else if (name.startsWith('mcp-param-')) recorded[name] = decodeMcpHeader(headers[i + 1] as string) ?? '';
  }
  return recorded;
}

/** True for `application/json` and `…+json`, whatever the parameters. */
export function isJsonType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType);
}

/** True where the text is UTF-8, which is what JSON is where nothing is said (RFC 8259 §8.1). */
export function isUtf8Type(contentType: string): boolean {
  const [, charset] = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType) ?? [];
  return charset === undefined || /^utf-?8$/i.test(charset);
}

/** True for `text/event-stream`. */
export function isEventStream(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*text\/event-stream\s*(?:;|$)/i.test(contentType);
}

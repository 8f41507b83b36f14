// MCP clients of both eras, and single messages without any SDK.
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** One JSON-RPC message by POST; the whole answer. */
export async function post(url: string, message: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(message),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** A call of a tool, without any SDK. */
export function callMessage(id: number, name: string, args: Readonly<Record<string, unknown>> = {}) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } };
}

/** A client of SDK v1, which has opened an MCP session. */
export async function legacyClient(endpoint: string): Promise<LegacyClient & AsyncDisposable> {
  const client = new LegacyClient({ name: 'e2e-legacy', version: '1.0.0' });
  // Its own declaration of `sessionId` does not fit exactOptionalPropertyTypes.
  await client.connect(new LegacyTransport(new URL(endpoint)) as Parameters<LegacyClient['connect']>[0]);
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

/** A client of SDK v2 that has negotiated the modern era. */
export async function modernClient(endpoint: string): Promise<ModernClient & AsyncDisposable> {
  const client = new ModernClient({ name: 'e2e-modern', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new ModernTransport(new URL(endpoint)));
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

// Clients of both SDKs over every transport, and the one conversation that each has with the fixture server.
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp, type Transport } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as LegacyStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as LegacyHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { LAUNCHER } from './process.ts';

/** What the clients of both SDKs do alike. */
export interface TestClient extends AsyncDisposable {
  readonly revision: string | undefined;
  tools(): Promise<readonly string[]>;
  call(name: string, args?: Readonly<Record<string, unknown>>, options?: { onprogress?: (progress: number) => void; signal?: AbortSignal }): Promise<string>;
  close(): Promise<void>;
}

/** A program to start: mcprec with its arguments and its home, or a server alone. */
export interface Started {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

type Way = { readonly url: string; readonly sse?: boolean } | Started;

/** mcprec as a client starts it. */
export function startedMcprec(home: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  return { args: [LAUNCHER, ...args], env: { MCPREC_HOME: home, ...env } };
}

const capabilities = { elicitation: { form: {} } };
const accept = () => ({ action: 'accept' as const, content: { yes: true } });

/** A client of SDK v1, which has shaken hands. */
export async function legacyClient(way: Way): Promise<TestClient> {
  const client = new LegacyClient({ name: 'legacy', version: '1.0.0' }, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, accept);
  let revision: string | undefined;
  const transport = 'url' in way ? (way.sse ? new SSEClientTransport(new URL(way.url)) : new LegacyHttp(new URL(way.url))) : new LegacyStdio(stdio(way));
  // Its own declaration of `sessionId` does not fit exactOptionalPropertyTypes.
  const connectable = transport as Parameters<LegacyClient['connect']>[0];
  const tell = connectable.setProtocolVersion?.bind(connectable);
  connectable.setProtocolVersion = (version) => {
    revision = version;
    tell?.(version);
  };
  await client.connect(connectable);
  return {
    revision,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, { onprogress, signal } = {}) =>
      textOf(
        await client.callTool({ name, arguments: args }, undefined, {
          ...(onprogress && { onprogress: ({ progress }) => onprogress(progress) }),
          ...(signal && { signal }),
        }),
      ),
    close: () => client.close(),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** A client of SDK v2, which speaks the modern era where the server does. */
export async function modernClient(way: Way): Promise<TestClient> {
  const client = new ModernClient({ name: 'modern', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' }, capabilities });
  client.setRequestHandler('elicitation/create', accept);
  const transport: Transport = 'url' in way ? new ModernHttp(new URL(way.url)) : new ModernStdio(stdio(way));
  await client.connect(transport);
  return {
    revision: client.getNegotiatedProtocolVersion(),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, { onprogress, signal } = {}) =>
      textOf(
        await client.callTool(
          { name, arguments: args },
          { ...(onprogress && { onprogress: ({ progress }) => onprogress(progress) }), ...(signal && { signal }) },
        ),
      ),
    close: () => client.close(),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

function stdio({ args, env }: Started) {
  const { PATH = '', HOME = '' } = process.env;
  return { command: process.execPath, args: [...args], env: { PATH, HOME, ...env }, stderr: 'ignore' as const };
}

function textOf(result: unknown): string {
  const { content } = result as { content?: readonly { readonly text?: string }[] };
  return (content ?? []).map(({ text }) => text ?? '').join('');
}

/** Lists, calls, follows progress, is asked a question, makes a mistake; throws where anything is not as it would be without mcprec. */
export async function converse(client: TestClient): Promise<readonly string[]> {
  const said: string[] = [(await client.tools()).toSorted().join()];
  said.push(await client.call('echo', { text: 'héllo \u2028 "wörld"\n' }));
  const seen: number[] = [];
  // The SDKs drop progress that they read together with its answer; the record tells whether all of it passed.
  said.push(await client.call('steps', {}, { onprogress: (progress) => seen.push(progress) }), isInOrder(seen) ? 'in order' : seen.join());
  said.push(await client.call('ask'));
  said.push(await client.call('nothing-of-that-name').catch((error: { code?: number }) => `error ${error.code}`));
  said.push((await Promise.all([1, 2, 3, 4, 5].map((n) => client.call('echo', { text: String(n) })))).join());
  return said;
}

/** True of 1, 2, 3 and of any beginning of it. */
export function isInOrder(seen: readonly number[]): boolean {
  return seen.every((progress, i) => progress === i + 1);
}

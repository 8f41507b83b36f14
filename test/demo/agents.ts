// Step: MCP clients of both eras work through the forwarder, as an agent would.
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Monitor } from '../../src/dev/world.ts';
import type { Stage } from './stage.ts';

const SHOWN_CHARACTERS = 110;
export const INCIDENT = 'IR-4103';
export const DENIED_TOOL = 'delete_datadog_monitor';

interface ToolAnswer {
  readonly isError: boolean;
  readonly text: string;
}

/** What a client saw; the rest of the demo holds it against what others saw. */
export interface AgentWork {
  readonly revision: string | undefined;
  readonly tools: readonly string[];
  /** Names of the tools that were called, in order. */
  readonly called: readonly string[];
  readonly answers: ReadonlyMap<string, ToolAnswer>;
  /** Progress notifications that arrived. */
  readonly progress: number;
}

export interface ModernWork extends AgentWork {
  /** The monitor that was muted, and was to be deleted. */
  readonly monitor: number;
}

/** SDK 2.x: reads an incident, analyses logs, mutes a monitor, and tries to delete it. */
export async function modernAgent(stage: Stage, endpoint: string): Promise<ModernWork> {
  const client = new ModernClient({ name: 'demo-agent', version: '2.0.0' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new ModernTransport(new URL(endpoint)));
  let progress = 0;
  const calls = new Calls(stage, async (name, args) => client.callTool({ name, arguments: args }, { onprogress: () => progress++ }));
  const { tools } = await client.listTools();
  const revision = client.getNegotiatedProtocolVersion();
  stage.tell(`a client of @modelcontextprotocol/client, revision ${revision}, is offered ${tools.length} tools`);

  await calls.call('search_datadog_incidents', { state: 'active' });
  await calls.call('get_datadog_incident', { incident_id: INCIDENT });
  await calls.call('analyze_datadog_logs', { query: 'service:checkout status:error' });
  const found = await calls.call('search_datadog_monitors', { query: 'checkout' });
  const monitor = (JSON.parse(found.text) as { monitors: Monitor[] }).monitors[0]?.id ?? 0;
  await calls.call('mute_datadog_monitor', { monitor_id: monitor, duration_minutes: 30 });
  await calls.call(DENIED_TOOL, { monitor_id: monitor });
  await client.close();
  return { revision, tools: tools.map(({ name }) => name), ...calls, progress, monitor };
}

/** SDK 1.x, with a session of MCP's own: queries a metric and searches logs. */
export async function legacyAgent(stage: Stage, endpoint: string): Promise<AgentWork> {
  const client = new LegacyClient({ name: 'demo-script', version: '1.0.0' });
  const transport = new LegacyTransport(new URL(endpoint));
  // The types of the two disagree under exactOptionalPropertyTypes only.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  const calls = new Calls(stage, async (name, args) => client.callTool({ name, arguments: args }));
  const { tools } = await client.listTools();
  const revision = transport.protocolVersion;
  stage.tell(`a client of @modelcontextprotocol/sdk, revision ${revision}, is offered ${tools.length} tools`);
  await calls.call('get_datadog_metric', { query: 'p95:checkout.latency{env:prod}' });
  await calls.call('search_datadog_logs', { query: 'status:error', limit: 20 });
  await transport.terminateSession();
  await client.close();
  return { revision, tools: tools.map(({ name }) => name), ...calls, progress: 0 };
}

type CallTool = (name: string, args: Record<string, unknown>) => Promise<unknown>;

/** Calls tools, shows each call with the beginning of its answer, and keeps both. */
class Calls {
  readonly called: string[] = [];
  readonly answers = new Map<string, ToolAnswer>();
  readonly #stage: Stage;
  readonly #callTool: CallTool;

  constructor(stage: Stage, callTool: CallTool) {
    this.#stage = stage;
    this.#callTool = callTool;
  }

  async call(name: string, args: Record<string, unknown>): Promise<ToolAnswer> {
    const result = (await this.#callTool(name, args)) as { isError?: boolean; content: readonly { text?: string }[] };
    const answer = { isError: result.isError === true, text: result.content[0]?.text ?? '' };
    this.called.push(name);
    this.answers.set(name, answer);
    this.#stage.output(`→ ${name} ${JSON.stringify(args)}\n← ${answer.isError ? answer.text : shorten(answer.text)}`);
    return answer;
  }
}

function shorten(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}… ${text.length} characters`;
}

// The upstream's own word on what reached it: the sandbox's log, asked over HTTP.
import type { IntakeRecord } from '../../src/dev/intake.ts';
import type { UpstreamRequest } from '../../src/dev/upstream-log.ts';
import type { Monitor } from '../../src/dev/world.ts';

export interface UpstreamView {
  readonly requests: readonly UpstreamRequest[];
  /** What the intake accepted, decoded. */
  readonly intake: readonly IntakeRecord[];
  readonly monitors: readonly Monitor[];
}

export async function askUpstream(sandbox: string): Promise<UpstreamView> {
  const response = await fetch(`${sandbox}/__log`);
  if (!response.ok) throw new Error(`the sandbox's log answered ${response.status}`);
  return (await response.json()) as UpstreamView;
}

/** The requests to the MCP endpoint. */
export function mcpRequests({ requests }: UpstreamView): UpstreamRequest[] {
  return requests.filter(({ path }) => path.startsWith('/v1/mcp'));
}

/** Names of the tools that were really called, in order. */
export function calledTools(view: UpstreamView): string[] {
  return view.requests.flatMap(({ messages }) => messages.flatMap(({ method, name }) => (method === 'tools/call' ? [name ?? ''] : [])));
}

// One MCP server of the sandbox with its tools, resources and prompts: built anew for each session (legacy) or request (modern).
import { McpServer, ResourceNotFoundError, ResourceTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { type ChangeTools, registerChangeTools } from './tools-change.ts';
import { registerReadTools } from './tools-read.ts';
import { readToolsets } from './toolsets.ts';
import type { World } from './world.ts';

/** `request` is the one that opened the session or is served; it says which toolsets are offered. */
export function makeSurface(tools: ChangeTools, request: Request | undefined): McpServer {
  const server = new McpServer(
    { name: 'datadog-mcp-sandbox', title: 'Datadog (sandbox)', version: '1.4.0' },
    {
      capabilities: { logging: {}, tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, prompts: {} },
      instructions: 'Made-up telemetry of the Harbor shop. Start with search_datadog_services.',
    },
  );
  const toolsets = readToolsets(request);
  registerReadTools(server, tools.world, toolsets);
  if (toolsets.has('core')) registerChangeTools(server, tools);
  registerResources(server, tools.world);
  registerPrompts(server);
  return server;
}

function registerResources(server: McpServer, world: World): void {
  server.registerResource(
    'service catalog',
    'datadog://services',
    { title: 'Service catalog', mimeType: 'application/json', description: 'Every service with its team' },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify(world.services) }] }),
  );
  const list = () => ({
    resources: [...world.monitors.values()].map((m) => ({ uri: `datadog://monitors/${m.id}`, name: m.name, mimeType: 'application/json' })),
  });
  server.registerResource(
    'monitor',
    new ResourceTemplate('datadog://monitors/{id}', { list }),
    { title: 'Monitor', mimeType: 'application/json' },
    (uri, { id }) => {
      const monitor = world.monitors.get(Number(id));
      if (!monitor) throw new ResourceNotFoundError(uri.href);
      return { contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify(monitor) }] };
    },
  );
}

function registerPrompts(server: McpServer): void {
  const ask = (text: string) => ({ messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }] });
  server.registerPrompt(
    'triage-incident',
    { title: 'Triage an incident', description: 'What to look at first', argsSchema: z.object({ incident_id: z.string() }) },
    ({ incident_id }) => ask(`Read ${incident_id} with get_datadog_incident, then look at the errors of its services in the hour before it was created.`),
  );
  server.registerPrompt(
    'service-health',
    { title: 'Health of a service', description: 'Latency, errors and monitors of one service', argsSchema: z.object({ service: z.string() }) },
    ({ service }) =>
      ask(`Show p95:${service}.latency{env:prod} and sum:${service}.errors{env:prod} of the last hour, and every monitor of ${service} that is not OK.`),
  );
}

// The sandbox's reading tools, named and shaped like Datadog's.
import type { CallToolResult, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { isoTime } from '../base/clock.ts';
import { readTime, timeArguments } from './arguments.ts';
import { incidentsOf } from './incidents.ts';
import { searchLogs } from './logs.ts';
import { metricNames, parseMetricQuery, querySeries } from './metrics.ts';
import type { Toolset } from './toolsets.ts';
import type { World } from './world.ts';

const LOG_LINES_MAX = 5_000;
const POINTS_MAX = 300;
const readOnly = { readOnlyHint: true, openWorldHint: true };

const seriesSchema = z.object({
  query: z.string(),
  from: z.string(),
  to: z.string(),
  series: z.array(z.object({ metric: z.string(), scope: z.string(), unit: z.string(), points: z.array(z.array(z.number()).length(2)) })),
});

/** An answer whose text is the JSON of its structured content, as Datadog's server gives it. */
export function jsonResult(value: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value) }], structuredContent: value };
}

export function failure(text: string): CallToolResult {
  return { isError: true, content: [{ type: 'text', text }] };
}

/** Registers the reading tools of those toolsets. */
export function registerReadTools(server: McpServer, world: World, toolsets: ReadonlySet<Toolset>): void {
  if (toolsets.has('core')) {
    registerLogs(server, world);
    registerMetrics(server, world);
    registerInventory(server, world);
    registerIncidents(server, world);
  }
  if (toolsets.has('apm')) registerTraces(server, world);
}

function registerLogs(server: McpServer, world: World): void {
  server.registerTool(
    'search_datadog_logs',
    {
      title: 'Search logs',
      description: 'Searches log events, newest first. The query uses facets and words: service:checkout status:error timeout',
      inputSchema: z.object({ query: z.string().default('*'), ...timeArguments, limit: z.number().int().min(1).max(LOG_LINES_MAX).default(50) }),
      annotations: readOnly,
    },
    ({ query, from, to, limit }) => {
      const now = world.clock.wallMs();
      const { lines, scanned } = searchLogs(world, { query, fromMs: readTime(from, now), toMs: readTime(to, now), limit });
      return { content: [{ type: 'text', text: JSON.stringify({ logs: lines, meta: { count: lines.length, scanned, query } }) }] };
    },
  );
}

function registerMetrics(server: McpServer, world: World): void {
  server.registerTool(
    'get_datadog_metric',
    {
      title: 'Query a metric',
      description: 'Queries one metric: avg:checkout.latency{env:prod} by {host}',
      inputSchema: z.object({ query: z.string(), ...timeArguments }),
      outputSchema: seriesSchema,
      annotations: readOnly,
    },
    ({ query, from, to }) => {
      const now = world.clock.wallMs();
      const [fromMs, toMs] = [readTime(from, now), readTime(to, now)];
      const parsed = parseMetricQuery(query);
      if (!parsed) return failure(`cannot read the query ${query}; write it like avg:checkout.latency{env:prod} by {host}`);
      if (!metricNames(world).includes(parsed.metric)) return failure(`there is no metric ${parsed.metric}; search_datadog_metrics lists those there are`);
      const stepMs = Math.max(15_000, Math.ceil((toMs - fromMs) / POINTS_MAX));
      const series = querySeries(world, parsed, fromMs, toMs, stepMs);
      return jsonResult({ query, from: isoTime(fromMs), to: isoTime(toMs), series });
    },
  );
  server.registerTool(
    'search_datadog_metrics',
    {
      title: 'Find metrics',
      description: 'Lists metric names that contain a text',
      inputSchema: z.object({ name_filter: z.string().default('') }),
      annotations: readOnly,
    },
    ({ name_filter }) => jsonResult({ metrics: metricNames(world).filter((name) => name.includes(name_filter)) }),
  );
}

function registerInventory(server: McpServer, world: World): void {
  server.registerTool(
    'search_datadog_services',
    {
      title: 'List services',
      description: 'Lists services with team, language and tier',
      inputSchema: z.object({ query: z.string().default('') }),
      annotations: readOnly,
    },
    ({ query }) => jsonResult({ services: world.services.filter((s) => s.name.includes(query) || s.team.includes(query)) }),
  );
  server.registerTool(
    'search_datadog_hosts',
    {
      title: 'List hosts',
      description: 'Lists hosts, by service or environment',
      inputSchema: z.object({ service: z.string().optional(), env: z.enum(['prod', 'staging']).optional() }),
      annotations: readOnly,
    },
    ({ service, env }) =>
      jsonResult({ hosts: world.hosts.filter((h) => (service === undefined || h.service === service) && (env === undefined || h.env === env)) }),
  );
  server.registerTool(
    'search_datadog_monitors',
    {
      title: 'Search monitors',
      description: 'Lists monitors whose name or tags contain a text',
      inputSchema: z.object({ query: z.string().default('') }),
      annotations: readOnly,
    },
    ({ query }) => jsonResult({ monitors: [...world.monitors.values()].filter((m) => m.name.includes(query) || m.tags.includes(query)) }),
  );
}

function registerIncidents(server: McpServer, world: World): void {
  server.registerTool(
    'search_datadog_incidents',
    {
      title: 'List incidents',
      description: 'Lists incidents, newest first',
      inputSchema: z.object({ state: z.enum(['active', 'stable', 'resolved']).optional() }),
      annotations: readOnly,
    },
    ({ state }) =>
      jsonResult({
        incidents: incidentsOf(world)
          .filter((i) => state === undefined || i.state === state)
          .map(({ id, title, severity, state: now, created }) => ({ id, title, severity, state: now, created })),
      }),
  );
  server.registerTool(
    'get_datadog_incident',
    {
      title: 'Read an incident',
      description: 'Reads one incident with its timeline',
      inputSchema: z.object({ incident_id: z.string() }),
      annotations: readOnly,
    },
    ({ incident_id }) => {
      const incident = incidentsOf(world).find((i) => i.id === incident_id);
      return incident ? jsonResult({ incident }) : failure(`there is no incident ${incident_id}; search_datadog_incidents lists those there are`);
    },
  );
}

function registerTraces(server: McpServer, world: World): void {
  server.registerTool(
    'get_datadog_trace',
    {
      title: 'Read a trace',
      description: 'Lists the log lines of one trace of the last hour',
      inputSchema: z.object({ trace_id: z.string() }),
      annotations: readOnly,
    },
    ({ trace_id }) => {
      const now = world.clock.wallMs();
      const { lines } = searchLogs(world, { query: `trace_id:${trace_id}`, fromMs: now - 3_600_000, toMs: now, limit: 100 });
      return lines.length > 0 ? jsonResult({ trace_id, lines }) : failure(`there is no trace ${trace_id} in the last hour`);
    },
  );
}

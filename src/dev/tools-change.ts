// The sandbox's tools that change something, take their time, or ask back.
import { acceptedContent, inputRequired, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { isoTime } from '../base/clock.ts';
import { readTime, timeArguments } from './arguments.ts';
import { incidentsOf } from './incidents.ts';
import { searchLogs } from './logs.ts';
import { failure, jsonResult } from './tools-read.ts';
import type { World } from './world.ts';

const ANALYSIS_STEPS = 5;
const confirmation = z.object({ confirm: z.boolean() });

export interface ChangeTools {
  readonly world: World;
  /** Called with the URI of a resource that has changed. */
  changed(uri: string): void;
  /** How long each step of the slow tool takes. */
  readonly stepMs: number;
}

export function registerChangeTools(server: McpServer, tools: ChangeTools): void {
  registerMute(server, tools);
  registerDelete(server, tools);
  registerAnalysis(server, tools);
  registerIncidentUpdate(server, tools);
}

function registerMute(server: McpServer, { world, changed }: ChangeTools): void {
  server.registerTool(
    'mute_datadog_monitor',
    {
      title: 'Mute a monitor',
      description: 'Silences a monitor for a while',
      inputSchema: z.object({ monitor_id: z.number().int(), scope: z.string().optional(), duration_minutes: z.number().int().positive().default(60) }),
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
    },
    ({ monitor_id, duration_minutes }) => {
      const monitor = world.monitors.get(monitor_id);
      if (!monitor) return failure(`there is no monitor ${monitor_id}`);
      const muted = { ...monitor, muted: true, mutedUntil: isoTime(world.clock.wallMs() + duration_minutes * 60_000) };
      world.monitors.set(monitor_id, muted);
      changed(`datadog://monitors/${monitor_id}`);
      return jsonResult({ monitor: muted });
    },
  );
}

function registerDelete(server: McpServer, { world, changed }: ChangeTools): void {
  server.registerTool(
    'delete_datadog_monitor',
    {
      title: 'Delete a monitor',
      description: 'Deletes a monitor for good',
      inputSchema: z.object({ monitor_id: z.number().int() }),
      annotations: { readOnlyHint: false, destructiveHint: true },
    },
    ({ monitor_id }) => {
      if (!world.monitors.delete(monitor_id)) return failure(`there is no monitor ${monitor_id}`);
      changed(`datadog://monitors/${monitor_id}`);
      return jsonResult({ deleted_monitor_id: monitor_id });
    },
  );
}

function registerAnalysis(server: McpServer, { world, stepMs }: ChangeTools): void {
  server.registerTool(
    'analyze_datadog_logs',
    {
      title: 'Analyse logs',
      description: 'Counts log lines by service and status over a stretch of time; tells its progress',
      inputSchema: z.object({ query: z.string().default('*'), ...timeArguments }),
      annotations: { readOnlyHint: true },
    },
    async ({ query, from, to }, context) => {
      const now = world.clock.wallMs();
      const [fromMs, toMs] = [readTime(from, now), readTime(to, now)];
      const token = context.mcpReq._meta?.progressToken;
      const counts = new Map<string, number>();
      for (let step = 0; step < ANALYSIS_STEPS; step++) {
        await pause(stepMs, context.mcpReq.signal);
        const part = (n: number) => fromMs + ((toMs - fromMs) * n) / ANALYSIS_STEPS;
        const { lines, scanned } = searchLogs(world, { query, fromMs: part(step), toMs: part(step + 1), limit: 20_000 });
        for (const line of lines) counts.set(`${line.service} ${line.status}`, (counts.get(`${line.service} ${line.status}`) ?? 0) + 1);
        if (token === undefined) continue;
        const message = `read ${scanned} lines from ${isoTime(part(step))}`;
        await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: token, progress: step + 1, total: ANALYSIS_STEPS, message } });
      }
      const rows = [...counts].map(([key, count]) => ({ service: key.split(' ')[0], status: key.split(' ')[1], count }));
      return jsonResult({ query, rows: rows.sort((a, b) => b.count - a.count) });
    },
  );
}

function registerIncidentUpdate(server: McpServer, { world }: ChangeTools): void {
  server.registerTool(
    'update_datadog_incident',
    {
      title: 'Change an incident',
      description: 'Sets the state of an incident; asks the user before it resolves one',
      inputSchema: z.object({ incident_id: z.string(), state: z.enum(['active', 'stable', 'resolved']) }),
      annotations: { readOnlyHint: false, destructiveHint: false },
    },
    ({ incident_id, state }, context) => {
      const incident = incidentsOf(world).find((i) => i.id === incident_id);
      if (!incident) return failure(`there is no incident ${incident_id}`);
      if (state === 'resolved') {
        const answers = context.mcpReq.inputResponses;
        const message = `Resolve ${incident.id}, ${incident.title}?`;
        if (answers?.confirm === undefined)
          return inputRequired({ inputRequests: { confirm: inputRequired.elicit({ message, requestedSchema: confirmation }) } });
        if (acceptedContent(answers, 'confirm', confirmation)?.confirm !== true) return failure(`${incident.id} stays ${incident.state}: not confirmed`);
      }
      return jsonResult({ incident: { id: incident.id, title: incident.title, state } });
    },
  );
}

/** Resolves after `ms`; rejects at once where the call is cancelled. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new Error('the call was cancelled'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

// The comparison bites: whatever a proxy loses on the way, the suite sees it, and the comparison says so.
import { expect, test } from 'vitest';
import { type Leg, runLeg } from './legs.ts';
import { type Mistake, throughRelay } from './relay.ts';
import { legacyEndpoint } from './server-legacy.ts';
import { modernEndpoint } from './server-modern.ts';

const legacy: Leg = { name: 'legacy', side: 'server', revision: '2025-11-25', endpoint: legacyEndpoint, scenarioMsMax: 3_000 };
const modern: Leg = { name: 'modern', side: 'server', revision: '2026-07-28', endpoint: modernEndpoint, scenarioMsMax: 3_000 };

test.each<{ leg: Leg; scenario: string; mistakes: Readonly<Record<string, Mistake>> }>([
  {
    leg: legacy,
    scenario: 'server-sse-polling',
    mistakes: {
      GET: { verb: 'GET' },
      'Last-Event-ID': { header: 'last-event-id' },
      'the ids of events': { line: 'id:' },
      retry: { line: 'retry:' },
    },
  },
  { leg: legacy, scenario: 'server-session-lifecycle', mistakes: { DELETE: { verb: 'DELETE' }, 'Mcp-Session-Id': { header: 'mcp-session-id' } } },
  { leg: modern, scenario: 'http-header-validation', mistakes: { 'Mcp-Method': { header: 'mcp-method' } } },
  { leg: legacy, scenario: 'tools-call-elicitation', mistakes: { 'the moment, because it buffers': { buffers: true } } },
])('$scenario finds out a relay that loses something', async ({ leg, scenario, mistakes }) => {
  const relays = Object.entries(mistakes).map(([loses, mistake]) => throughRelay(loses, mistake));
  const { ways } = await runLeg(leg, [throughRelay('nothing', {}), ...relays], [scenario]);
  expect(ways.get('nothing')).toMatchObject({ differences: [] });
  expect(ways.get('nothing')?.checks).toBeGreaterThan(1);
  for (const loses of Object.keys(mistakes)) expect(ways.get(loses)?.differences, loses).not.toEqual([]);
});

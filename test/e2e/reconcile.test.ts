// Honest sessions through both hops: whatever happens to their calls, no exchange differs, nothing is missing, and the laptop gets receipts.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callMessage, legacyClient, post } from './clients.ts';
import { DevProcess, Laptop } from './harness.ts';

let dev: DevProcess;
const maya = new Laptop();
beforeAll(async () => {
  dev = await DevProcess.start();
  await maya.login(dev.gateway, 'maya.okafor');
});
afterAll(async () => {
  await dev[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
});

interface Verified {
  readonly verified: boolean;
  readonly sessions: readonly { readonly entries: number; readonly signed: number; readonly receipted: number }[];
  readonly reconciled: readonly { readonly counts: Readonly<Record<string, number>>; readonly exchanges: readonly unknown[] }[];
}

test('calls, streams, denials and calls that were given up reconcile', async () => {
  {
    await using connected = await maya.connect('datadog');
    await using client = await legacyClient(connected.endpoint);
    await client.listTools();
    await client.callTool({ name: 'search_datadog_logs', arguments: { query: 'service:checkout' } });
    await client.callTool({ name: 'analyze_datadog_logs', arguments: { query: 'service:checkout' } }, undefined, { onprogress: () => undefined });
    await client.callTool({ name: 'delete_datadog_monitor', arguments: { monitor_id: 1 } }).catch(() => undefined);
    const gaveUp = new AbortController();
    const call = client.callTool({ name: 'analyze_datadog_logs', arguments: { query: 'x' } }, undefined, {
      signal: gaveUp.signal,
      onprogress: () => gaveUp.abort(),
    });
    await call.catch(() => undefined);
    await post(connected.endpoint, callMessage(7, 'search_datadog_logs', { query: 'a' })).catch(() => undefined);
  }
  const result = await maya.json<Verified>('verify', '--reconcile');
  expect(result.reconciled).toHaveLength(1);
  const [{ counts } = { counts: {} as Record<string, number> }] = result.reconciled;
  expect({ ...counts, exchanges: result.reconciled[0]?.exchanges }).toMatchObject({ differs: 0, missing: 0 });
  expect(counts.matched).toBeGreaterThan(4);
  expect(result.verified).toBe(true);
  for (const { entries, signed, receipted } of result.sessions) expect([signed, receipted]).toEqual([entries, entries]);
});

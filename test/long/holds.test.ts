// A held call at the times of everyday: SDK v1 gives up after 60 seconds, the gateway answers after 45.
import { expect, test } from 'vitest';
import type { ApprovalSummary } from '../../src/protocol/approvals.ts';
import { legacyClient } from '../e2e/clients.ts';
import { Laptop } from '../e2e/harness.ts';
import { World } from '../e2e/world.ts';

const TOOL = 'mute_datadog_monitor';

/** A gateway that holds the tool; `wait` is its hold_wait, left out for the default. */
async function heldWorld(wait: string) {
  const world = await World.start({}, (yaml) =>
    yaml.replace('rules:\n', `rules:\n  - { id: mutes, hold: { approvers: [sre-leads] }, tools: [${TOOL}] }\n`).concat(wait),
  );
  const [maya, priya] = [new Laptop(), new Laptop()];
  await maya.login(world.url, 'maya.okafor');
  await priya.login(world.url, 'priya.raman');
  const connected = await maya.connect('datadog');
  return {
    world,
    priya,
    endpoint: connected.endpoint,
    monitor: Number([...world.sandbox.world.monitors.keys()][0]),
    async [Symbol.asyncDispose]() {
      await connected[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
      for (const laptop of [maya, priya]) laptop[Symbol.dispose]();
    },
  };
}

async function approveLatest(priya: Laptop): Promise<void> {
  const { approvals } = await priya.json<{ approvals: ApprovalSummary[] }>('approvals', 'list');
  await priya.answer('approvals', 'approve', approvals[0]?.approvalId ?? '');
}

test('SDK v1 at its default time-out hears of the hold before it gives up', async () => {
  await using held = await heldWorld('');
  await using client = await legacyClient(held.endpoint);
  const call = () => client.callTool({ name: TOOL, arguments: { monitor_id: held.monitor } });
  expect(await call()).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('Held by rule "mutes"') }] });
  await approveLatest(held.priya);
  expect((await call()).isError).toBeFalsy();
  expect(held.world.callsOf(TOOL)).toBe(1);
});

test('where it gives up first, its cancel ends the waiting and not the hold', async () => {
  await using held = await heldWorld('hold_wait: 10m\n');
  await using client = await legacyClient(held.endpoint);
  const call = () => client.callTool({ name: TOOL, arguments: { monitor_id: held.monitor } });
  await expect(call()).rejects.toMatchObject({ code: -32001 });
  await approveLatest(held.priya);
  expect((await call()).isError).toBeFalsy();
  expect(held.world.callsOf(TOOL)).toBe(1);
});

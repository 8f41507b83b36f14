// The live screen of approvals in a real terminal, on a real gateway. Needs tmux: skipped where it is missing.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callMessage, post } from '../e2e/clients.ts';
import { type Connected, Laptop } from '../e2e/harness.ts';
import { World } from '../e2e/world.ts';
import { hasTmux, Terminal } from '../support/terminal.ts';

const LAUNCHER = new URL('../../bin/mcprec.js', import.meta.url).pathname;

describe.skipIf(!hasTmux)('mcprec approvals on a terminal (needs tmux; skipped where it is missing)', () => {
  const maya = new Laptop();
  const priya = new Laptop();
  let world: World;
  let connected: Connected;

  beforeAll(async () => {
    world = await World.start({}, (yaml) =>
      yaml
        .replace(
          'rules:\n',
          'rules:\n  - { id: mutes, hold: { approvers: [sre-leads] }, tools: [mute_datadog_monitor], message: Somebody else looks at it first. }\n',
        )
        .concat('hold_wait: 100ms\n'),
    );
    await maya.login(world.url, 'maya.okafor');
    await priya.login(world.url, 'priya.raman');
    connected = await maya.connect('datadog', '--reason', 'incident 7 of jane.roe@example.com');
  });
  afterAll(async () => {
    await connected?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
    for (const laptop of [maya, priya]) laptop[Symbol.dispose]();
  });

  test('shows what waits as it comes, one whole, and decides', async () => {
    using terminal = new Terminal([process.execPath, LAUNCHER, 'approvals'], { columns: 80, rows: 24, env: { ...priya.env, MCPREC_HOME: priya.home } });
    await terminal.shows('nothing waits for you');
    await post(connected.endpoint, callMessage(1, 'mute_datadog_monitor', { monitor_id: 1, note: 'for jane.roe@example.com\u001b[2J' }));
    await terminal.shows(/1 approval, 1 for you to decide[\s\S]*mute_datadog_/);
    await post(connected.endpoint, callMessage(1, 'mute_datadog_monitor', { monitor_id: 2 }));
    const list = await terminal.shows('2 approvals, 2 for you to decide');
    terminal.type('Enter');
    await terminal.shows('approvals › mute_datadog_monitor');
    const whole = await terminal.shows('"monitor_id": ');
    terminal.resize(132, 40);
    const wide = await terminal.shows('in this session since');
    terminal.type('d', 'n', 'o', 't', 'Space', 'n', 'o', 'w');
    await terminal.shows('why not? not now');
    terminal.type('Enter');
    const refused = await terminal.shows(/refused +not now/);
    terminal.type('q');
    await terminal.shows('1 approval, 1 for you to decide');
    terminal.type('Enter');
    await terminal.shows(/state +waits/);
    terminal.type('a');
    await terminal.shows('approve this very call, once?');
    terminal.type('y');
    await terminal.shows(/state +approved/);
    terminal.type('q', 'q');
    await terminal.shows('ended 0');
    expect(whole.split('\n')[23]).toContain('a approve');
    expect(wide).not.toContain('jane.roe');
    if (process.env.LOOK) writeFileSync(process.env.LOOK, [list, whole, wide, refused].join('\n=====\n'));
  });
});

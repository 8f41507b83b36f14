// `npm run conformance`, whole, as a user runs it.
import { expect, test } from 'vitest';
import { startNode } from '../support/process.ts';

const RUN_MS_MAX = 590_000;

test('no check differs, and every scored check passes directly', async () => {
  await using run = startNode(['test/conformance/main.ts'], { waitMs: RUN_MS_MAX });
  const { code } = await run.end();
  expect(run.stdout.join('\n')).toMatch(/checks: \d{3,}, differences: 0$/);
  expect([code, run.stderr]).toEqual([0, '']);
});

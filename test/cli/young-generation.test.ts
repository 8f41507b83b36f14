import { expect, it } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { startNode } from '../support/process.ts';

async function grown(how: 'bound' | 'free'): Promise<number> {
  await using child = startNode([new URL('young-child.ts', import.meta.url).pathname, how], { waitMs: 60_000 });
  return Number(await child.line(() => true));
}

it('a command that stays keeps the young generation of its heap small, which would grow much further', async () => {
  // What is asked for when it is found to be large enough may be one step late.
  expect(await grown('bound')).toBeLessThanOrEqual(2 * limits.youngBytesMax);
  expect(await grown('free')).toBeGreaterThan(2 * limits.youngBytesMax);
});

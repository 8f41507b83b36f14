// Heartbeats of open sessions at the gateway: an entry each minute, and a checkpoint in the tree that covers it.
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import type { Caller } from './caller.ts';
import { TestWorld } from './support.ts';

let world: TestWorld;
let sre: Caller;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  world = await TestWorld.start();
  sre = await world.caller('sre');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  vi.useRealTimers();
});

async function kindsOf(logId: string): Promise<string[]> {
  const { body } = await sre.call('GET', `/v1/logs/${logId}/leaves`);
  return (body.leaves as string[]).map((leaf) => decodeLeaf(Buffer.from(leaf, 'base64')).kind);
}

it('an open session gets one each minute, under a checkpoint; one that has ended gets none', async () => {
  const [open, ended] = [await sre.grant('datadog'), await sre.grant('datadog')];
  const logOf = async (id: string) => {
    const { body } = await sre.call('GET', `/v1/sessions/${id}`);
    return (body.logs as { logId: string; vantage: string }[]).find(({ vantage }) => vantage === 'gateway')?.logId ?? '';
  };
  const [log, other] = [await logOf(open.response.sessionId), await logOf(ended.response.sessionId)];
  await sre.call('DELETE', `/v1/grants/${ended.response.grantId}`);
  expect(await kindsOf(log)).toEqual(['open']);
  for (const beats of [1, 2]) {
    vi.advanceTimersByTime(limits.heartbeatMs);
    await expect.poll(() => kindsOf(log), { timeout: 5_000 }).toEqual(['open', ...Array.from({ length: beats }, () => 'heartbeat')]);
  }
  const covered = async () => {
    const { body } = await sre.call('GET', `/v1/logs/${log}/audit`);
    return (body.checkpoints as { note: string }[]).some(({ note }) => note.split('\n')[1] === '3');
  };
  await expect.poll(covered, { timeout: 5_000 }).toBe(true);
  expect(await kindsOf(other)).toEqual(['open', 'close']);
});

// The sync beside a forwarder while its gateway is away: it tries again and again, ever later, never all laptops at once, and goes on when it is back.
import { generateKeyPairSync } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { McprecError } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import { logSigner } from '../../src/evidence/checkpoint.ts';
import type { GatewayIdentity } from '../../src/identity/gateway-identity.ts';
import { SyncFollower } from '../../src/sync/follower.ts';
import { journalPath, open, recordSession } from '../journal/support.ts';

const gateway = 'https://mcprec.example.com';

/** When it tries, in milliseconds from the start, with that byte as its randomness. */
async function triesWith(byte: number, count: number): Promise<number[]> {
  using journal = open(journalPath());
  await recordSession(journal, 1, { gateway });
  const tried: ((code: string | undefined) => void)[] = [];
  const identity = {
    gateway,
    logSigner: logSigner(generateKeyPairSync('ed25519').privateKey),
    request: () => Promise.reject(new McprecError('gateway_unreachable', 'away')),
  } as unknown as GatewayIdentity;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  try {
    const startMs = Date.now();
    const follower = new SyncFollower({
      journal,
      identity,
      clock: systemClock,
      required: [],
      random: () => Uint8Array.of(byte),
      tried: (error) => tried.shift()?.(error?.code),
    });
    const times: number[] = [];
    while (times.length < count) {
      const result = new Promise((resolve) => tried.push(resolve));
      await vi.advanceTimersToNextTimerAsync();
      times.push(Date.now() - startMs);
      expect(await result).toBe('gateway_unreachable');
      // Its next timer is set behind this.
      await new Promise((resolve) => setImmediate(resolve));
    }
    follower.stop();
    expect(vi.getTimerCount()).toBe(0);
    return times;
  } finally {
    vi.useRealTimers();
  }
}

test('the pauses double up to a bound, and half of each is chance', async () => {
  const pauses = (times: number[]) => times.slice(1).map((at, i) => at - (times[i] ?? 0));
  const [soonest, latest] = [await triesWith(0, 10), await triesWith(255, 10)];
  expect(soonest[0]).toBe(limits.syncEveryMs);
  const expected = Array.from({ length: 9 }, (_, i) => Math.min(limits.syncBackoffMsMax, limits.syncBackoffMsMin * 2 ** (i + 1)));
  expect(pauses(soonest)).toEqual(expected.map((ms) => ms / 2));
  for (const [i, ms] of pauses(latest).entries()) {
    expect(ms).toBeGreaterThan(0.99 * (expected[i] ?? 0));
    expect(ms).toBeLessThanOrEqual(expected[i] ?? 0);
  }
});

// A process of its own that shares a login: at each line on stdin it asks for a token as if the last one were about to
// end, and prints the token's digest.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openIdentity } from '../../src/identity/gateway-identity.ts';

const [home = ''] = process.argv.slice(2);
let aheadMs = 0;
const clock = { wallMs: () => Date.now() + aheadMs, monoUs: systemClock.monoUs };
const identity = await openIdentity({ home, env: process.env, clock, random: systemRandom });
for await (const _line of createInterface({ input: process.stdin })) {
  aheadMs += 590_000;
  const answer = await identity.accessToken().then(
    ({ token }) => createHash('sha256').update(token.reveal()).digest('hex'),
    (error: Error) => error.message,
  );
  process.stdout.write(`${answer}\n`);
}
await identity[Symbol.asyncDispose]();

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TestWorld } from '../gateway/support.ts';
import { startNode } from '../support/process.ts';

const page = readFileSync(new URL('../../docs/gateway.md', import.meta.url), 'utf8');

test('the script in docs/gateway.md revokes anybody’s grant for an administrator, and for nobody else', async () => {
  await using world = await TestWorld.start();
  const script = join(world.directory, 'revoke.mjs');
  writeFileSync(script, /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
  const revoke = async (who: 'admin' | 'dev', session: string) => {
    const { clientId, clientSecret } = world.machines[who];
    await using child = startNode([script, world.gateway.publicUrl, session, 'laptop lost'], { env: { CLIENT_ID: clientId, CLIENT_SECRET: clientSecret } });
    const { code } = await child.end();
    return { code, stdout: child.stdout, stderr: child.stderr };
  };
  const grant = await (await world.caller('sre')).grant('datadog');
  const { sessionId } = grant.response;
  expect(await revoke('dev', sessionId)).toMatchObject({ code: 1, stderr: expect.stringContaining('not_found') });
  expect((await grant.send()).status).toBe(200);
  expect(await revoke('admin', sessionId)).toMatchObject({ code: 0, stdout: [`${sessionId} is revoked`] });
  expect(await grant.send()).toMatchObject({ status: 401, body: { error: { code: 'grant_revoked' } } });
});

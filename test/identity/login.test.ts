import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DevProvider, startProvider } from '../../src/dev/provider.ts';
import { login } from '../../src/identity/login.ts';
import { loggedIn, loginRequest, openTestIdentity, startGateway, type TestGateway, temporaryHome } from './support.ts';

let provider: DevProvider;
let gateway: TestGateway;
beforeAll(async () => {
  provider = await startProvider({ pollSeconds: 0.05 });
  gateway = await startGateway(provider);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await provider.close();
});

describe('a login by device code', () => {
  test('gives a token that is bound to the DPoP key, and calls that prove it', async () => {
    using home = temporaryHome();
    const events = await loggedIn(gateway.url, home.path);
    expect(events.map((e) => e.event)).toEqual(['storage', 'device_code', 'logged_in']);
    await using identity = await openTestIdentity(home.path);
    const answer = await identity.request('POST', '/v1/grants?x=1', { json: { connection: 'datadog' } });
    expect(answer.status).toBe(200);
    const received = gateway.received.at(-1);
    expect(received?.claims).toMatchObject({ sub: 'maya.okafor', cnf: { jkt: received?.thumbprint } });
    expect(received?.body).toBe('{"connection":"datadog"}');
    expect(identity.login.identity).toEqual({
      issuer: provider.issuer,
      subject: 'maya.okafor',
      email: 'maya.okafor@harborshop.example',
      name: 'Maya Okafor',
      groups: ['engineering', 'sre'],
    });
  });

  test('that the person refuses is login_refused, and stores nothing', async () => {
    using home = temporaryHome();
    for (const refuse of ['code', 'account'] as const) {
      const { request } = loginRequest(gateway.url, home.path, { press: { account: 'maya.okafor', refuse } });
      await expect(login(request)).rejects.toMatchObject({ code: 'login_refused' });
    }
    expect(() => readFileSync(join(home.path, 'logins.json'))).toThrow('ENOENT');
    expect(() => readFileSync(join(home.path, 'credentials.enc'))).toThrow('ENOENT');
  });
});

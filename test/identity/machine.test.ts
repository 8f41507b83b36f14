import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { devMachine } from '../../src/dev/accounts.ts';
import { type DevProvider, startProvider } from '../../src/dev/provider.ts';
import { login } from '../../src/identity/login.ts';
import { logout } from '../../src/identity/logout.ts';
import { loginRequest, openTestIdentity, PASSPHRASE, startGateway, type TestGateway, temporaryHome } from './support.ts';

const machine = devMachine('nightly secret of a test');
let provider: DevProvider;
let gateway: TestGateway;
beforeAll(async () => {
  provider = await startProvider({ machines: [machine] });
  gateway = await startGateway(provider);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await provider.close();
});

describe('a login with client credentials', () => {
  test('gives a bound token, and another when it ends; the secret stays in its file', async () => {
    using home = temporaryHome();
    const secretFile = join(home.path, 'secret');
    writeFileSync(secretFile, `${machine.clientSecret}\n`);
    const { request, events } = loginRequest(gateway.url, home.path, { method: { kind: 'client-credentials', secretFile }, clientId: machine.clientId });
    const entry = await login(request);
    expect(events.map((e) => e.event)).toEqual(['storage', 'logged_in']);
    expect(entry.identity).toMatchObject({ subject: machine.clientId, email: machine.email, groups: ['automation'] });
    expect(JSON.stringify(entry)).not.toContain(machine.clientSecret);
    const later = { wallMs: () => Date.now() + 600_000 - limits.accessTokenAheadMs, monoUs: systemClock.monoUs };
    const tokens: string[] = [];
    for (const clock of [systemClock, later]) {
      await using identity = await openTestIdentity(home.path, { clock });
      tokens.push((await identity.accessToken()).token.reveal());
    }
    expect(new Set(tokens).size).toBe(2);
    await using identity = await openTestIdentity(home.path);
    await identity.request('GET', '/v1/connections');
    expect(gateway.received.at(-1)?.claims).toMatchObject({ sub: machine.clientId, cnf: { jkt: gateway.received.at(-1)?.thumbprint } });
  });

  test('with a wrong secret is login_refused; without one it is secret_unresolved', async () => {
    using home = temporaryHome();
    const wrong = loginRequest(gateway.url, home.path, {
      method: { kind: 'client-credentials' },
      clientId: machine.clientId,
      env: { MCPREC_PASSPHRASE: PASSPHRASE, MCPREC_CLIENT_SECRET: 'wrong' },
    });
    await expect(login(wrong.request)).rejects.toMatchObject({ code: 'login_refused', exitCode: 4 });
    const none = loginRequest(gateway.url, home.path, { method: { kind: 'client-credentials' }, clientId: machine.clientId });
    await expect(login(none.request)).rejects.toMatchObject({ code: 'secret_unresolved', exitCode: 3 });
  });
});

describe('a login with a token file', () => {
  test('reads the file at each use and keeps the token nowhere', async () => {
    using home = temporaryHome();
    const file = join(home.path, 'token');
    writeFileSync(file, `${await plainToken()}\n`);
    const { request } = loginRequest(gateway.url, home.path, { method: { kind: 'token-file', file } });
    expect((await login(request)).identity).toMatchObject({ subject: machine.clientId, groups: ['automation'] });
    await using identity = await openTestIdentity(home.path);
    await identity.request('GET', '/v1/connections');
    const first = gateway.received.at(-1)?.headers.authorization;
    expect(first).toMatch(/^Bearer /);
    writeFileSync(file, await plainToken());
    await identity.request('GET', '/v1/connections');
    expect(gateway.received.at(-1)?.headers.authorization).not.toBe(first);
    writeFileSync(file, `e30.${Buffer.from('{"exp":1}').toString('base64url')}.x`);
    await expect(identity.request('GET', '/v1/connections')).rejects.toMatchObject({ code: 'login_expired', remedy: 'have whatever writes the file renew it' });
    expect((await logout({ home: home.path, env: { MCPREC_PASSPHRASE: PASSPHRASE }, clock: systemClock })).revocation).toEqual({ kind: 'none' });
  });

  test('whose file is missing is config_unreadable', async () => {
    using home = temporaryHome();
    const { request } = loginRequest(gateway.url, home.path, { method: { kind: 'token-file', file: join(home.path, 'none') } });
    await expect(login(request)).rejects.toMatchObject({ code: 'config_unreadable', exitCode: 3 });
  });

  async function plainToken(): Promise<string> {
    const answer = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${machine.clientId}:${machine.clientSecret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: provider.audience }),
    });
    return ((await answer.json()) as { access_token: string }).access_token;
  }
});

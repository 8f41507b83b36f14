import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type DevProvider, type ProviderOptions, startProvider } from '../../src/dev/provider.ts';
import { pressButtons } from '../support/press.ts';

const machine = { clientId: 'nightly-report', clientSecret: 'a-secret-for-one-test', email: 'nightly-report@harborshop.example', groups: ['automation'] };
const scope = 'openid offline_access email profile groups';

// oidc-provider likes to give advice on the console; in mcprec dev it would stand between the lines that matter.
const spies = (['info', 'warn', 'log', 'error'] as const).map((name) => vi.spyOn(console, name));
afterAll(() => {
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});

let provider: DevProvider;
let config: client.Configuration;

beforeEach(async () => {
  provider = await startProvider({ machines: [machine], pollSeconds: 0.05 });
  config = await discover(provider.clientId);
});
afterEach(() => provider.close());

async function discover(clientId: string, secret?: string): Promise<client.Configuration> {
  return client.discovery(new URL(provider.issuer), clientId, secret, undefined, { execute: [client.allowInsecureRequests] });
}

async function logIn(account: string, options?: client.DPoPOptions) {
  const device = await client.initiateDeviceAuthorization(config, { scope, resource: provider.audience });
  const pages = await pressButtons(String(device.verification_uri_complete), { account });
  return { pages, tokens: await client.pollDeviceAuthorizationGrant(config, device, undefined, options) };
}

async function verify(token: string) {
  return jwtVerify(token, createRemoteJWKSet(new URL(String(config.serverMetadata().jwks_uri))), {
    issuer: provider.issuer,
    audience: provider.audience,
    typ: 'at+jwt',
  });
}

describe('device flow', () => {
  test('a person logs in with three buttons and gets a signed token with e-mail and groups', async () => {
    const { pages, tokens } = await logIn('maya.okafor');
    expect(pages).toEqual(['Submitting Callback', 'Is this your code?', 'Who are you today?', 'You are logged in']);
    const { payload, protectedHeader } = await verify(tokens.access_token);
    expect(protectedHeader.alg).toBe('ES256');
    expect(payload).toMatchObject({ sub: 'maya.okafor', email: 'maya.okafor@harborshop.example', groups: ['engineering', 'sre'], client_id: 'mcprec' });
    expect(tokens.claims()).toMatchObject({ sub: 'maya.okafor', email: 'maya.okafor@harborshop.example', groups: ['engineering', 'sre'], name: 'Maya Okafor' });
    expect(tokens.refresh_token).toBeTypeOf('string');
  });

  test('a token bound with DPoP names the key, and only that key refreshes it', async () => {
    const keys = await client.randomDPoPKeyPair('ES256');
    const DPoP = client.getDPoPHandle(config, keys);
    const { tokens } = await logIn('maya.okafor', { DPoP });
    expect(tokens.token_type).toBe('dpop');
    const bound = decodeJwt(tokens.access_token).cnf as { jkt: string };
    expect(bound.jkt).toBe(await DPoP.calculateThumbprint());
    const refreshed = await client.refreshTokenGrant(config, String(tokens.refresh_token), undefined, { DPoP });
    expect(decodeJwt(refreshed.access_token)).toMatchObject({ sub: 'maya.okafor', aud: provider.audience, cnf: bound, groups: ['engineering', 'sre'] });
    const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    await expect(client.refreshTokenGrant(config, String(refreshed.refresh_token), undefined, { DPoP: other })).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  test('changed groups show in the next token; a disabled account gets none', async () => {
    const { tokens } = await logIn('jonas.weber');
    provider.setGroups('jonas.weber', ['engineering', 'sre']);
    const next = await client.refreshTokenGrant(config, String(tokens.refresh_token));
    expect(decodeJwt(next.access_token).groups).toEqual(['engineering', 'sre']);
    provider.disable('jonas.weber');
    await expect(client.refreshTokenGrant(config, String(next.refresh_token))).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  test.each(['code', 'account'] as const)('refused on the page with the %s: the client is told access_denied', async (refuse) => {
    const device = await client.initiateDeviceAuthorization(config, { scope });
    const pages = await pressButtons(String(device.verification_uri_complete), { account: 'maya.okafor', refuse });
    expect(pages.at(-1)).toBe('Log in to mcprec');
    await expect(client.pollDeviceAuthorizationGrant(config, device)).rejects.toMatchObject({ error: 'access_denied' });
  });

  test('one browser logs in as one person and then as another', async () => {
    const cookies = new Map<string, string>();
    for (const account of ['maya.okafor', 'priya.raman']) {
      const device = await client.initiateDeviceAuthorization(config, { scope });
      await pressButtons(String(device.verification_uri_complete), { account, cookies });
      const tokens = await client.pollDeviceAuthorizationGrant(config, device);
      expect(tokens.claims()?.sub).toBe(account);
    }
  });

  test('polling faster than the interval is answered slow_down, at its pace authorization_pending', async () => {
    let nowUs = 0;
    const slow = await startProvider({ pollSeconds: 5, clock: { wallMs: () => Date.now(), monoUs: () => nowUs } });
    try {
      const device = (await post(`${slow.issuer}/device/auth`, { client_id: 'mcprec', scope })) as { device_code: string; interval: number };
      expect(device.interval).toBe(5);
      const poll = () =>
        post(`${slow.issuer}/token`, { client_id: 'mcprec', grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: device.device_code });
      expect(await poll()).toMatchObject({ error: 'authorization_pending' });
      nowUs += 1_000_000;
      expect(await poll()).toMatchObject({ error: 'slow_down' });
      nowUs += 5_000_000;
      expect(await poll()).toMatchObject({ error: 'authorization_pending' });
    } finally {
      await slow.close();
    }
  });

  test('a revoked refresh token stops working', async () => {
    const { tokens } = await logIn('priya.raman');
    await client.tokenRevocation(config, String(tokens.refresh_token));
    await expect(client.refreshTokenGrant(config, String(tokens.refresh_token))).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  test('the code typed in by hand, in small letters; a wrong one leads nowhere', async () => {
    const device = await client.initiateDeviceAuthorization(config, { scope });
    expect(await pressButtons(device.verification_uri, { code: 'WXYZ-WXYZ', account: 'maya.okafor' })).toEqual(['Log in to mcprec', 'Log in to mcprec']);
    const pages = await pressButtons(device.verification_uri, { code: device.user_code.toLowerCase(), account: 'maya.okafor' });
    expect(pages.at(-1)).toBe('You are logged in');
    expect((await client.pollDeviceAuthorizationGrant(config, device)).claims()?.sub).toBe('maya.okafor');
  });

  test('another resource than the gateway is refused', async () => {
    await expect(client.initiateDeviceAuthorization(config, { scope, resource: 'https://other.example' })).rejects.toMatchObject({ error: 'invalid_target' });
  });
});

async function post(url: string, form: Record<string, string>): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
  return response.json();
}

test('a machine logs in with its secret, and not with another', async () => {
  const tokens = await client.clientCredentialsGrant(await discover(machine.clientId, machine.clientSecret), { resource: provider.audience });
  const { payload } = await verify(tokens.access_token);
  expect(payload).toMatchObject({ sub: 'nightly-report', client_id: 'nightly-report', email: machine.email, groups: ['automation'] });
  const wrong = await discover(machine.clientId, 'not-the-secret');
  await expect(client.clientCredentialsGrant(wrong, { resource: provider.audience })).rejects.toMatchObject({ error: 'invalid_client' });
});

/** Starts a provider where one was; waits until the client's pool has noticed that its old connections are gone. */
async function restart(options: ProviderOptions): Promise<DevProvider> {
  const next = await startProvider(options);
  await vi.waitFor(() => fetch(`${next.issuer}/jwks`), { interval: 5 });
  return next;
}

test('with a data directory a restart keeps keys and log-ins', async () => {
  const data = mkdtempSync(join(tmpdir(), 'mcprec-provider-'));
  const port = Number(new URL(provider.issuer).port);
  try {
    await provider.close();
    provider = await restart({ port, data, pollSeconds: 0.05 });
    expect(statSync(join(data, 'provider.db')).mode & 0o777).toBe(0o600);
    config = await discover(provider.clientId);
    const { tokens } = await logIn('maya.okafor');
    await provider.close();
    provider = await restart({ port, data });
    await verify(tokens.access_token);
    const refreshed = await client.refreshTokenGrant(config, String(tokens.refresh_token));
    await verify(refreshed.access_token);
  } finally {
    rmSync(data, { recursive: true });
  }
});

test('a port that is taken is named', async () => {
  const port = Number(new URL(provider.issuer).port);
  await expect(startProvider({ port })).rejects.toMatchObject({ code: 'port_taken', message: expect.stringContaining(String(port)) });
});

test('nothing is printed on a Node release that is not LTS', () => {
  const module = new URL('../../src/dev/provider.ts', import.meta.url).href;
  const script = `Object.defineProperty(process, 'release', { value: {} }); const { startProvider } = await import('${module}'); await (await startProvider()).close();`;
  const run = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], { encoding: 'utf8' });
  expect([run.status, run.stdout, run.stderr]).toEqual([0, '', '']);
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { decodeJwt } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { type DevProvider, startProvider } from '../../src/dev/provider.ts';
import { readCredential } from '../../src/identity/credential.ts';
import { login } from '../../src/identity/login.ts';
import { readLogins } from '../../src/identity/logins.ts';
import { logout } from '../../src/identity/logout.ts';
import { openSecretStore } from '../../src/identity/secrets.ts';
import { secretKey } from '../../src/identity/tokens.ts';
import { loggedIn, loginRequest, openTestIdentity, PASSPHRASE, sendError, sendJson, startGateway, type TestGateway, temporaryHome } from './support.ts';

const env = { MCPREC_PASSPHRASE: PASSPHRASE };
/** A clock on which every access token that was fetched before is about to end. */
const later = { wallMs: () => Date.now() + 600_000 - limits.accessTokenAheadMs, monoUs: systemClock.monoUs };

let provider: DevProvider;
let gateway: TestGateway;
let home: ReturnType<typeof temporaryHome>;
beforeEach(async () => {
  provider = await startProvider({ pollSeconds: 0.05 });
  gateway = await startGateway(provider);
  home = temporaryHome();
  await loggedIn(gateway.url, home.path);
});
afterEach(async () => {
  home[Symbol.dispose]();
  await gateway[Symbol.asyncDispose]();
  await provider.close();
});

async function stored() {
  const text = await openSecretStore('encrypted-file', { home: home.path, env }).get(secretKey(gateway.url));
  return readCredential(text ?? '');
}

describe('an access token', () => {
  test('comes from the store while it lasts, without the provider', async () => {
    await provider.close();
    await using identity = await openTestIdentity(home.path);
    expect((await identity.accessToken()).token.reveal()).toBe((await stored()).access?.token.reveal());
  });

  test('is refreshed when it is about to end, once for all who ask, and the new refresh token is stored', async () => {
    const before = await stored();
    await using identity = await openTestIdentity(home.path, { clock: later });
    const tokens = await Promise.all([identity.accessToken(), identity.accessToken(), identity.accessToken()]);
    expect(new Set(tokens.map((t) => t.token.reveal())).size).toBe(1);
    const after = await stored();
    expect(after.access?.token.reveal()).toBe(tokens[0]?.token.reveal());
    expect(after.access?.token.reveal()).not.toBe(before.access?.token.reveal());
    expect(after.refreshToken?.reveal()).not.toBe(before.refreshToken?.reveal());
    expect(decodeJwt(after.access?.token.reveal() ?? '')).toMatchObject({ sub: 'maya.okafor', aud: provider.audience });
  });

  test('that still lasts is used when the provider is down', async () => {
    await provider.close();
    await using identity = await openTestIdentity(home.path, { clock: later });
    expect((await identity.accessToken()).token.reveal()).toBe((await stored()).access?.token.reveal());
  });

  test('that has ended, with the provider down, is provider_unreachable', async () => {
    await provider.close();
    await using identity = await openTestIdentity(home.path, { clock: { ...later, wallMs: () => Date.now() + 700_000 } });
    await expect(identity.accessToken()).rejects.toMatchObject({ code: 'provider_unreachable' });
  });

  test('of an account that was ended is login_expired', async () => {
    provider.disable('maya.okafor');
    await using identity = await openTestIdentity(home.path, { clock: later });
    await expect(identity.accessToken()).rejects.toMatchObject({ code: 'login_expired', exitCode: 4 });
  });

  test('that the gateway does not take is replaced once, and then its error is told', async () => {
    await using identity = await openTestIdentity(home.path);
    const first = (await identity.accessToken()).token.reveal();
    let calls = 0;
    gateway.answer = (_received, response) => (++calls === 1 ? sendError(response, 401, 'token_invalid', 'no such key') : sendJson(response, 200, { calls }));
    expect((await identity.request('GET', '/v1/connections')).json()).toEqual({ calls: 2 });
    expect((await identity.accessToken()).token.reveal()).not.toBe(first);
    gateway.answer = (_received, response) => {
      calls++;
      sendError(response, 401, 'token_invalid', 'no such key');
    };
    await expect(identity.request('GET', '/v1/connections')).rejects.toMatchObject({ code: 'token_invalid', message: 'no such key' });
    expect(calls).toBe(4);
  });

  test('is not refreshed where the new refresh token could not be stored', async () => {
    // As another user: root writes everywhere.
    const asNobody = process.getuid?.() === 0;
    await using identity = await openTestIdentity(home.path, { clock: later });
    const before = await stored();
    for (const name of readdirSync(home.path)) if (asNobody) chownSync(join(home.path, name), 65_534, 65_534);
    if (asNobody) chownSync(home.path, 65_534, 65_534);
    chmodSync(home.path, 0o500);
    await import('better-sqlite3');
    if (asNobody) process.seteuid?.(65_534);
    try {
      await expect(identity.accessToken()).rejects.toMatchObject({ code: 'home_unwritable', exitCode: 3 });
    } finally {
      if (asNobody) process.seteuid?.(0);
      chmodSync(home.path, 0o700);
    }
    expect((await stored()).refreshToken?.reveal()).toBe(before.refreshToken?.reveal());
    await using another = await openTestIdentity(home.path, { clock: later });
    expect((await another.accessToken()).token.reveal()).not.toBe(before.access?.token.reveal());
  });
});

describe('several processes', () => {
  interface Refresher {
    readonly child: ChildProcess;
    refresh(): Promise<string>;
  }

  function startRefresher(): Refresher {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'refresh-child.ts'), home.path], {
      env: { ...process.env, ...env, NODE_OPTIONS: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      child,
      async refresh() {
        child.stdin.write('go\n');
        return String((await lines.next()).value);
      },
    };
  }

  test('that refresh at the same time, again and again, stay logged in', async () => {
    const seen: unknown[] = [];
    const children = [startRefresher(), startRefresher(), startRefresher()];
    try {
      for (let round = 0; round < 4; round++) {
        const answers = await Promise.all(children.map((c) => c.refresh()));
        // One of them has refreshed, and the others have taken its token.
        expect(answers).toEqual(Array(3).fill(expect.stringMatching(/^[0-9a-f]{64}$/)));
        expect(new Set(answers).size).toBe(1);
        expect(seen).not.toContain(answers[0]);
        seen.push(answers[0]);
      }
    } finally {
      for (const { child } of children) {
        child.stdin?.end();
        await once(child, 'close');
      }
    }
    await using identity = await openTestIdentity(home.path, { clock: { ...later, wallMs: () => Date.now() + 3_600_000 } });
    await identity.accessToken();
  });
});

describe('a login that ends', () => {
  test('with logout is revoked at the provider and gone from this laptop', async () => {
    const { refreshToken } = await stored();
    await using running = await openTestIdentity(home.path, { clock: later });
    const outcome = await logout({ home: home.path, env, clock: systemClock });
    expect(outcome).toEqual({ gateway: gateway.url, alsoLost: [], revocation: { kind: 'revoked' } });
    expect(readLogins(home.path)).toEqual({ version: 1, gateways: {} });
    expect(readdirSync(home.path).sort()).toEqual(['logins.json', 'logins.lock']);
    await expect(openTestIdentity(home.path)).rejects.toMatchObject({ code: 'login_required' });
    await expect(running.accessToken()).rejects.toMatchObject({ code: 'login_required' });
    const answer = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', client_id: provider.clientId, refresh_token: refreshToken?.reveal() ?? '' }),
    });
    expect(await answer.json()).toMatchObject({ error: 'invalid_grant' });
  });

  test('with the provider down is gone from this laptop all the same, and says so', async () => {
    await provider.close();
    const outcome = await logout({ home: home.path, env, clock: systemClock });
    expect(outcome.revocation).toMatchObject({ kind: 'failed', reason: expect.stringContaining('cannot reach the identity provider') });
    expect(readdirSync(home.path).sort()).toEqual(['logins.json', 'logins.lock']);
  });

  test('with a forgotten passphrase takes the file, and every login in it', async () => {
    await using second = await startGateway(provider);
    await loggedIn(second.url, home.path);
    const outcome = await logout({ home: home.path, gateway: gateway.url, env: { MCPREC_PASSPHRASE: 'forgotten' }, clock: systemClock });
    expect(outcome).toMatchObject({ alsoLost: [second.url], revocation: { kind: 'failed' } });
    expect(readdirSync(home.path).sort()).toEqual(['logins.json', 'logins.lock']);
    await loggedIn(gateway.url, home.path);
  });

  test('because another person logs in is login_required for who runs still', async () => {
    await using running = await openTestIdentity(home.path, { clock: later });
    const { request } = loginRequest(gateway.url, home.path, { press: { account: 'jonas.weber' } });
    await login(request);
    await expect(running.accessToken()).rejects.toMatchObject({ code: 'login_required', message: expect.stringContaining('somebody else') });
    await using identity = await openTestIdentity(home.path);
    expect(identity.login.identity.subject).toBe('jonas.weber');
    // The gateway has enrolled the old device key for maya.
    expect(identity.signDevice().publicKey).not.toEqual(running.signDevice().publicKey);
  });

  test('leaves the logins at other gateways alone', async () => {
    await using second = await startGateway(provider);
    await loggedIn(second.url, home.path);
    expect(readLogins(home.path).default).toBe(second.url);
    await logout({ home: home.path, env, clock: systemClock });
    expect(readLogins(home.path).default).toBe(gateway.url);
    await using identity = await openTestIdentity(home.path);
    expect((await identity.request('GET', '/v1/connections')).status).toBe(200);
    await expect(openTestIdentity(home.path, { gateway: second.url })).rejects.toMatchObject({
      code: 'login_required',
      message: `not logged in to ${second.url} (there is a login at ${gateway.url})`,
      remedy: `run: mcprec login --gateway ${second.url}`,
    });
  });
});

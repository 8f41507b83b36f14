import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DevProvider, startProvider } from '../../src/dev/provider.ts';
import { login } from '../../src/identity/login.ts';
import { pressButtons } from '../support/press.ts';
import { loggedIn, loginRequest, openTestIdentity, PASSPHRASE, startGateway, type TestGateway, temporaryHome } from './support.ts';

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
    expect(received?.headers['content-type']).toBe('application/json');
    expect(received?.body).toBe('{"connection":"datadog"}');
    expect(identity.login.identity).toEqual({
      issuer: provider.issuer,
      subject: 'maya.okafor',
      email: 'maya.okafor@harborshop.example',
      name: 'Maya Okafor',
      groups: ['engineering', 'sre'],
    });
  });

  test('keeps every secret out of logins.json, and its files to their owner', async () => {
    using home = temporaryHome();
    await loggedIn(gateway.url, home.path);
    await using identity = await openTestIdentity(home.path);
    const { token } = await identity.accessToken();
    const everything = readdirSync(home.path).map((name) => readFileSync(join(home.path, name), 'utf8'));
    expect(everything.length).toBeGreaterThanOrEqual(2);
    for (const text of everything) {
      expect(text).not.toContain(token.reveal());
      expect(text).not.toContain('refreshToken');
      expect(text).not.toContain('"d"');
      expect(text).not.toContain(PASSPHRASE);
    }
    for (const name of ['logins.json', 'credentials.enc']) expect(statSync(join(home.path, name)).mode & 0o777).toBe(0o600);
    expect(readdirSync(home.path).sort()).toEqual(['credentials.enc', 'logins.json', 'logins.lock']);
  });

  test('keeps the keys of this device when it is done again', async () => {
    using home = temporaryHome();
    const keys: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      await loggedIn(gateway.url, home.path);
      await using identity = await openTestIdentity(home.path);
      await identity.request('GET', '/v1/connections');
      keys.push([identity.signDevice(), gateway.received.at(-1)?.thumbprint]);
    }
    expect(keys[1]).toEqual(keys[0]);
  });

  test('that the person refuses is login_refused, and stores nothing', async () => {
    using home = temporaryHome();
    for (const refuse of ['code', 'account'] as const) {
      const { request } = loginRequest(gateway.url, home.path, { press: { account: 'maya.okafor', refuse } });
      await expect(login(request)).rejects.toMatchObject({ code: 'login_refused', exitCode: 4 });
    }
    expect(existsSync(join(home.path, 'logins.json'))).toBe(false);
    expect(existsSync(join(home.path, 'credentials.enc'))).toBe(false);
  });

  test('slows down when it is told to', async () => {
    // The provider's clock stands still, so the second poll is always too early; then the person confirms.
    let polls = 0;
    let page = '';
    const clock = {
      wallMs: () => Date.now(),
      monoUs: () => {
        if (++polls === 2) void pressButtons(page, { account: 'maya.okafor' });
        return 0;
      },
    };
    const strict = await startProvider({ pollSeconds: 0.05, clock });
    await using strictGateway = await startGateway(strict);
    using home = temporaryHome();
    const { request } = loginRequest(strictGateway.url, home.path, {
      report: (event) => {
        if (event.event === 'device_code') page = event.verificationUriComplete ?? '';
      },
    });
    const started = performance.now();
    await login(request);
    expect(polls).toBe(2);
    // RFC 8628 §3.5: the interval grows by 5 seconds.
    expect(performance.now() - started).toBeGreaterThan(5_000);
    await strict.close();
  });

  test('that nobody confirms in time is login_expired', async () => {
    const hasty = await startProvider({ pollSeconds: 0.05, deviceCodeSeconds: 1 });
    await using hastyGateway = await startGateway(hasty);
    using home = temporaryHome();
    const { request } = loginRequest(hastyGateway.url, home.path, { report: () => undefined });
    await expect(login(request)).rejects.toMatchObject({ code: 'login_expired', message: 'the code was not confirmed in time' });
    await hasty.close();
  });

  test('ends with Ctrl-C as cancelled', async () => {
    using home = temporaryHome();
    const interrupt = new AbortController();
    const { request } = loginRequest(gateway.url, home.path, {
      signal: interrupt.signal,
      report: (event) => {
        if (event.event === 'device_code') interrupt.abort('SIGINT');
      },
    });
    await expect(login(request)).rejects.toMatchObject({ code: 'cancelled', exitCode: 130 });
  });

  test('outlasts a provider that is away for a poll', async () => {
    using data = temporaryHome();
    using home = temporaryHome();
    const first = await startProvider({ pollSeconds: 0.05, data: data.path });
    const port = Number(new URL(first.issuer).port);
    await using restarting = await startGateway(first);
    const again = Promise.withResolvers<DevProvider>();
    const { request } = loginRequest(restarting.url, home.path, {
      report: (event) => {
        if (event.event !== 'device_code') return;
        const page = event.verificationUriComplete ?? '';
        awayForOneConnection(first, port)
          .then(() => startProvider({ pollSeconds: 0.05, data: data.path, port }))
          .then(async (provider) => {
            again.resolve(provider);
            await pressButtons(page, { account: 'maya.okafor' });
          }, again.reject);
      },
    });
    await expect(login(request)).resolves.toMatchObject({ identity: { subject: 'maya.okafor' } });
    await (await again.promise).close();
  });

  test('gives a provider up that stays away', async () => {
    const leaving = await startProvider({ pollSeconds: 0.05 });
    await using left = await startGateway(leaving);
    using home = temporaryHome();
    const { request } = loginRequest(left.url, home.path, {
      report: (event) => {
        if (event.event === 'device_code') void leaving.close();
      },
    });
    await expect(login(request)).rejects.toMatchObject({ code: 'provider_unreachable' });
  });

  test('at a provider that is down is provider_unreachable', async () => {
    const gone = await startProvider();
    await using orphan = await startGateway(gone);
    await gone.close();
    using home = temporaryHome();
    const { request } = loginRequest(orphan.url, home.path);
    await expect(login(request)).rejects.toMatchObject({ code: 'provider_unreachable', exitCode: 6 });
    expect(existsSync(join(home.path, 'logins.json'))).toBe(false);
  });

  test('into a home that cannot be made or written says so before anybody types a code', async () => {
    using home = temporaryHome();
    writeFileSync(join(home.path, 'file'), '');
    const { request, events } = loginRequest(gateway.url, join(home.path, 'file', 'home'));
    await expect(login(request)).rejects.toMatchObject({ code: 'home_unwritable' });
    expect(events).toEqual([]);
  });

  test('in a file of another passphrase says so before anybody types a code', async () => {
    using home = temporaryHome();
    await loggedIn(gateway.url, home.path);
    const { request, events } = loginRequest(gateway.url, home.path, { env: { MCPREC_PASSPHRASE: 'another' } });
    await expect(login(request)).rejects.toMatchObject({ code: 'passphrase_wrong' });
    expect(events).toEqual([]);
  });
});

// Closes the provider and takes its port until somebody has found it so.
async function awayForOneConnection(provider: DevProvider, port: number): Promise<void> {
  await provider.close();
  const refused = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.destroy();
    refused.resolve();
  });
  server.listen(port, '127.0.0.1');
  await refused.promise;
  await new Promise((resolve) => server.close(resolve));
}

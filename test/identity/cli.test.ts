import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Io } from '../../src/cli/io.ts';
import { runLogin } from '../../src/cli/login.ts';
import { runLogout } from '../../src/cli/logout.ts';
import { runWhoami } from '../../src/cli/whoami.ts';
import { type DevProvider, startProvider } from '../../src/dev/provider.ts';
import { pressButtons } from '../support/press.ts';
import { openTestIdentity, PASSPHRASE, startGateway, type TestGateway, temporaryHome } from './support.ts';

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

/** The world of a command without a terminal; the person presses the buttons as soon as the page is named. */
function pipes(home: string, env: Io['env'] = { MCPREC_PASSPHRASE: PASSPHRASE }) {
  const out = { stdout: '', stderr: '' };
  let pressed = false;
  const stream = (name: keyof typeof out) =>
    new PassThrough().setEncoding('utf8').on('data', (text: string) => {
      out[name] += text;
      const code = /\b[A-Z]{4}-[A-Z]{4}\b/.exec(text)?.[0];
      if (pressed || code === undefined) return;
      pressed = true;
      void pressButtons(`${provider.issuer}/device?user_code=${code}`, { account: 'maya.okafor' });
    });
  const io = {
    stdin: new PassThrough(),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env,
    clock: systemClock,
    random: systemRandom,
    home,
    signal: new AbortController().signal,
  };
  return { io: io as unknown as Io, out };
}

describe('the commands of a login', () => {
  test('login shows page and code, whoami who it is, logout what it did', async () => {
    using home = temporaryHome();
    const { io, out } = pipes(home.path);
    await runLogin({ gateway: gateway.url }, io);
    expect(out.stderr).toMatch(/^mcprec: the login is kept in .*credentials\.enc, encrypted with the passphrase, as a passphrase was given\n/);
    expect(out.stderr).toMatch(new RegExp(`\n {2}Open {3}${provider.issuer}/device\n {2}Enter {2}[A-Z]{4}-[A-Z]{4}\n`));
    expect(out.stdout).toBe(`logged in to ${gateway.url} as maya.okafor@harborshop.example\n`);

    const who = pipes(home.path);
    await runWhoami({}, who.io);
    expect(who.out.stdout.replace(/\d{4}-.*?Z/g, 'TIME')).toBe(
      [
        'maya.okafor@harborshop.example',
        '  subject  maya.okafor',
        `  issuer   ${provider.issuer}`,
        '  groups   engineering, sre',
        `  gateway  ${gateway.url}`,
        '  login    device code, TIME, kept in: encrypted-file',
        '  token    valid until TIME; renewed when it is needed',
        '',
      ].join('\n'),
    );
    const unasked = pipes(home.path, {});
    await runWhoami({}, unasked.io);
    expect(unasked.out.stdout).toContain('  token    not known without the passphrase\n');

    const left = pipes(home.path);
    await runLogout({}, left.io);
    expect(left.out).toEqual({ stderr: 'mcprec: the identity provider has revoked the login\n', stdout: `logged out of ${gateway.url}\n` });
    await expect(runWhoami({}, pipes(home.path).io)).rejects.toMatchObject({ code: 'login_required' });
  });

  test('with --json print one event per line, and nothing else', async () => {
    using home = temporaryHome();
    const { io, out } = pipes(home.path);
    await runLogin({ gateway: gateway.url, json: true }, io);
    const events = out.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events).toEqual([
      { event: 'storage', storage: 'encrypted-file', message: expect.any(String) },
      {
        event: 'device_code',
        userCode: expect.stringMatching(/^[A-Z]{4}-[A-Z]{4}$/),
        verificationUri: `${provider.issuer}/device`,
        verificationUriComplete: expect.stringContaining('user_code='),
        expiresAtMs: expect.any(Number),
      },
      {
        event: 'logged_in',
        gateway: gateway.url,
        identity: expect.objectContaining({ subject: 'maya.okafor' }),
        storage: 'encrypted-file',
        tokenExpiresAtMs: expect.any(Number),
      },
    ]);
    expect(out.stderr).toBe('');
    const who = pipes(home.path);
    await runWhoami({ json: true }, who.io);
    expect(JSON.parse(who.out.stdout)).toMatchObject({
      gateway: gateway.url,
      method: 'device',
      storage: 'encrypted-file',
      tokenExpiresAtMs: events[2].tokenExpiresAtMs,
    });
    const left = pipes(home.path);
    await runLogout({ json: true }, left.io);
    expect(JSON.parse(left.out.stdout)).toEqual({ event: 'logged_out', gateway: gateway.url, alsoLost: [], revocation: { kind: 'revoked' } });
  });

  test('print no secret, and only --insecure-storage writes one down', async () => {
    using home = temporaryHome();
    const { io, out } = pipes(home.path, {});
    await runLogin({ gateway: gateway.url, insecureStorage: true }, io);
    expect(out.stderr).toContain('kept unencrypted in');
    await using identity = await openTestIdentity(home.path, { env: {} });
    const token = (await identity.accessToken()).token.reveal();
    const credential = JSON.parse(Object.values(JSON.parse(readFileSync(join(home.path, 'credentials.json'), 'utf8')) as Record<string, string>)[0] ?? '');
    const secrets = [token, credential.refreshToken, credential.dpopKey.d, credential.deviceKey.d] as string[];
    const shown = [out.stdout, out.stderr, readFileSync(join(home.path, 'logins.json'), 'utf8')];
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(20);
      for (const text of shown) expect(text).not.toContain(secret);
    }
    // Without the flag the next login does not go on with a plain file, and takes the old one away.
    const again = pipes(home.path);
    await runLogin({}, again.io);
    expect(readdirSync(home.path).sort()).toEqual(['credentials.enc', 'logins.json', 'logins.lock']);
  });

  test('refuse flags that do not go together, and a login at no gateway', async () => {
    using home = temporaryHome();
    const { io } = pipes(home.path);
    for (const options of [{ clientCredentials: true }, { clientId: 'x' }, { tokenFile: 'f', clientId: 'x' }, {}]) {
      await expect(runLogin(options, io)).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
    }
  });

  test('name a damaged logins.json', async () => {
    using home = temporaryHome();
    const path = join(home.path, 'logins.json');
    for (const content of ['{', '{"version":1,"gateways":{"https://gw.example":{}}}', '{"version":2}']) {
      writeFileSync(path, content);
      await expect(runWhoami({}, pipes(home.path).io)).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining(path) });
    }
    mkdirSync(join(home.path, 'other', 'logins.json'), { recursive: true });
    await expect(runWhoami({}, pipes(join(home.path, 'other')).io)).rejects.toMatchObject({ code: 'config_unreadable' });
  });
});

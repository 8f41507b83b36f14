import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { keychainFault } from '../../src/identity/keychain.ts';
import type { SecretOptions } from '../../src/identity/secret-store.ts';
import { chooseSecretStore, openSecretStore } from '../../src/identity/secrets.ts';
import { temporaryHome } from './support.ts';

const env = { MCPREC_PASSPHRASE: 'långt lösenord' };

describe('the encrypted file', () => {
  test('gives back what was put in, under its passphrase only', async () => {
    using home = temporaryHome();
    const store = openSecretStore('encrypted-file', { home: home.path, env });
    await store.set('a', 'first');
    await store.set('b', 'second');
    const again = openSecretStore('encrypted-file', { home: home.path, env });
    expect([await again.get('a'), await again.get('b'), await again.get('c')]).toEqual(['first', 'second', undefined]);
    // The same letters, composed in another way by another keyboard.
    const decomposed = { MCPREC_PASSPHRASE: env.MCPREC_PASSPHRASE.normalize('NFD') };
    expect(await openSecretStore('encrypted-file', { home: home.path, env: decomposed }).get('a')).toBe('first');
    const wrong = openSecretStore('encrypted-file', { home: home.path, env: { MCPREC_PASSPHRASE: 'guess' } });
    await expect(wrong.get('a')).rejects.toMatchObject({ code: 'passphrase_wrong', exitCode: 4 });
    await expect(wrong.set('a', 'mine')).rejects.toMatchObject({ code: 'passphrase_wrong' });
    await expect(openSecretStore('encrypted-file', { home: home.path, env: {} }).get('a')).rejects.toMatchObject({ code: 'passphrase_required' });
    expect(await again.get('a')).toBe('first');
  });

  test('shows nothing of keys and values, and seals anew at each write', async () => {
    using home = temporaryHome();
    const store = openSecretStore('encrypted-file', { home: home.path, env });
    const path = join(home.path, 'credentials.enc');
    await store.set('gateway-name', 'refresh-token');
    const first = readFileSync(path, 'utf8');
    await store.set('gateway-name', 'refresh-token');
    const second = readFileSync(path, 'utf8');
    expect(first + second).not.toMatch(/gateway-name|refresh-token/);
    expect(JSON.parse(first).iv).not.toBe(JSON.parse(second).iv);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('goes with its last secret', async () => {
    using home = temporaryHome();
    const store = openSecretStore('encrypted-file', { home: home.path, env });
    await store.set('a', '1');
    await store.set('b', '2');
    await store.delete('a');
    expect(await store.get('b')).toBe('2');
    await store.delete('b');
    expect(() => statSync(join(home.path, 'credentials.enc'))).toThrow('ENOENT');
  });

  test('that was tampered with, in any field, does not open', async () => {
    using home = temporaryHome();
    const path = join(home.path, 'credentials.enc');
    await openSecretStore('encrypted-file', { home: home.path, env }).set('a', 'value');
    const file = JSON.parse(readFileSync(path, 'utf8'));
    const turned = (text: string): string => (text.startsWith('A') ? `B${text.slice(1)}` : `A${text.slice(1)}`);
    const tampered: readonly [Record<string, unknown> | string, string][] = [
      [{ ...file, sealed: turned(file.sealed) }, 'credentials_corrupt'],
      [{ ...file, iv: turned(file.iv) }, 'credentials_corrupt'],
      [{ ...file, iv: '' }, 'credentials_corrupt'],
      [{ ...file, sealed: file.sealed.slice(0, 8) }, 'credentials_corrupt'],
      [{ ...file, salt: turned(file.salt) }, 'passphrase_wrong'],
      [{ ...file, check: turned(file.check) }, 'passphrase_wrong'],
      [{ ...file, check: '' }, 'passphrase_wrong'],
      [{ ...file, scrypt: { N: 2 ** 30, r: 8, p: 1 } }, 'credentials_corrupt'],
      [{ ...file, scrypt: { N: 2 ** 15 + 1, r: 8, p: 1 } }, 'credentials_corrupt'],
      [{ ...file, mcprecCredentials: 2 }, 'credentials_corrupt'],
      ['{', 'credentials_corrupt'],
      ['', 'credentials_corrupt'],
    ];
    for (const [content, code] of tampered) {
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
      await expect(openSecretStore('encrypted-file', { home: home.path, env }).get('a'), JSON.stringify(content)).rejects.toMatchObject({ code });
    }
  });

  test('takes its passphrase from a file, without the line break', async () => {
    using home = temporaryHome();
    const passphraseFile = join(home.path, 'passphrase');
    writeFileSync(passphraseFile, `${env.MCPREC_PASSPHRASE}\n`);
    await openSecretStore('encrypted-file', { home: home.path, env: { MCPREC_PASSPHRASE: 'not this' }, passphraseFile }).set('a', 'value');
    expect(await openSecretStore('encrypted-file', { home: home.path, env }).get('a')).toBe('value');
    writeFileSync(passphraseFile, '\n');
    await expect(openSecretStore('encrypted-file', { home: home.path, env, passphraseFile }).get('a')).rejects.toMatchObject({ code: 'config_unreadable' });
    const missing = { home: home.path, env, passphraseFile: join(home.path, 'no') };
    await expect(openSecretStore('encrypted-file', missing).get('a')).rejects.toMatchObject({ code: 'config_unreadable' });
  });
});

describe('the plain file', () => {
  test('is refused once others can read it', async () => {
    using home = temporaryHome();
    const store = openSecretStore('plain-file', { home: home.path, env: {} });
    await store.set('a', 'value');
    const path = join(home.path, 'credentials.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await store.get('a')).toBe('value');
    chmodSync(path, 0o640);
    await expect(store.get('a')).rejects.toMatchObject({ code: 'credentials_corrupt', message: expect.stringContaining('mode 640') });
  });
});

describe('the choice of a place', () => {
  const choose = (options: Omit<SecretOptions, 'home'>, earlier?: 'encrypted-file' | 'keychain') =>
    chooseSecretStore({ home: '/nowhere', ...options }, earlier);

  test('plain only with the flag', async () => {
    const { store, reason } = await choose({ env, storage: 'plain-file' });
    expect(store.kind).toBe('plain-file');
    expect(reason).toContain('unencrypted in /nowhere/credentials.json');
  });

  test('a passphrase that was given, or one that an earlier login has, needs no keychain', async () => {
    expect((await choose({ env })).store.kind).toBe('encrypted-file');
    expect((await choose({ env: {}, passphraseFile: '/some/file' })).store.kind).toBe('encrypted-file');
    expect((await choose({ env: {} }, 'encrypted-file')).store.kind).toBe('encrypted-file');
  });

  test('without keychain, passphrase and terminal it is keychain_unavailable', async () => {
    await expect(choose({ env: {} })).rejects.toMatchObject({
      code: 'keychain_unavailable',
      exitCode: 4,
      message: 'there is no keychain: no D-Bus session bus',
      remedy: 'give a passphrase (--passphrase-file or MCPREC_PASSPHRASE), or --insecure-storage',
    });
  });

  test('without keychain a terminal is asked for a new passphrase, twice', async () => {
    using home = temporaryHome();
    const asking = (answers: string[]): SecretOptions => ({ home: home.path, env: {}, askPassphrase: async () => new Secret(answers.shift() ?? '') });
    await expect(chooseSecretStore(asking(['one', 'other']), undefined)).rejects.toMatchObject({ code: 'passphrase_wrong' });
    await expect(chooseSecretStore(asking(['', '']), undefined)).rejects.toMatchObject({ code: 'passphrase_required' });
    const { store, reason } = await chooseSecretStore(asking(['one', 'one']), undefined);
    expect(reason).toContain('as there is no keychain (no D-Bus session bus)');
    await store.set('a', 'value');
    expect(await openSecretStore('encrypted-file', { home: home.path, env: { MCPREC_PASSPHRASE: 'one' } }).get('a')).toBe('value');
    // The file is there now: its passphrase is asked for, once.
    expect(await (await chooseSecretStore(asking(['one']), undefined)).store.get('a')).toBe('value');
  });
});

describe('a keychain that is not there', () => {
  test('a bus that is gone is no keychain', async () => {
    expect(await keychainFault({ home: '/h', env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus' } })).toBeTypeOf('string');
  });

  test('a bus that never answers is no keychain, after a bounded wait', async () => {
    using home = temporaryHome();
    const path = join(home.path, 'bus');
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const fault = await keychainFault({ home: '/h', env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: `unix:path=${path}` } });
    // Where libsecret is missing too, the helper fails before it asks the bus.
    expect(fault).toBe(
      hasLibsecret()
        ? 'no answer within 5 s'
        : 'Failed to load keytar native addon, checked ["../build/Release","../prebuilds/linux-x64","./prebuilds/linux-x64"] on linux-x64',
    );
    server.close();
  });
});

function hasLibsecret(): boolean {
  return spawnSync('sh', ['-c', 'ldconfig -p | grep -q libsecret-1']).status === 0;
}

function hasKeyring(): boolean {
  return hasLibsecret() && spawnSync('sh', ['-c', 'command -v dbus-run-session && command -v gnome-keyring-daemon']).status === 0;
}

const skipReason = hasKeyring() ? '' : ' (skipped: dbus-run-session, gnome-keyring-daemon or libsecret-1 is not installed)';

describe.skipIf(skipReason !== '')(`the real keychain${skipReason}`, () => {
  test('keeps a value for this home, and gives it to no other', () => {
    using home = temporaryHome();
    mkdirSync(join(home.path, 'xdg'), { mode: 0o700 });
    const script = join(import.meta.dirname, 'keychain-child.ts');
    const shell = `printf 'keyring' | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$0" "$1" "$2"`;
    const text = execFileSync('dbus-run-session', ['--', 'sh', '-c', shell, process.execPath, script, home.path], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', HOME: home.path, XDG_DATA_HOME: join(home.path, 'xdg'), XDG_RUNTIME_DIR: join(home.path, 'xdg') },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 25_000,
    });
    expect(JSON.parse(text)).toEqual({ chosen: 'keychain', first: 'value one', other: null, replaced: 'value two', deleted: null });
  });
});

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DevProvider, startProvider } from '../../src/dev/provider.ts';
import { pressButtons } from '../support/press.ts';
import { openTestIdentity, startGateway, type TestGateway, temporaryHome } from './support.ts';

const skipReason = spawnSync('script', ['--version']).status === 0 ? '' : ' (skipped: script(1), which makes a terminal, is not installed)';

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

/** `mcprec login` at a terminal of its own. */
class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  text = '';

  constructor(home: string, path: string) {
    const script = join(import.meta.dirname, 'terminal-child.ts');
    this.#child = spawn('script', ['-qfec', `'${process.execPath}' '${script}'`, '/dev/null'], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        PATH: `${path}:${process.env.PATH}`,
        MCPREC_HOME: home,
        MCPREC_GATEWAY: gateway.url,
        DISPLAY: ':99',
        DBUS_SESSION_BUS_ADDRESS: '',
        XDG_RUNTIME_DIR: '',
      },
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
  }

  async shows(text: string): Promise<void> {
    while (!this.text.includes(text)) await once(this.#child.stdout, 'data');
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  async ends(): Promise<void> {
    await once(this.#child, 'close');
  }
}

describe.skipIf(skipReason !== '')(`a login at a terminal${skipReason}`, () => {
  test('asks for a new passphrase unseen, shows a QR code, and opens the browser on Enter', async () => {
    using home = temporaryHome();
    const bin = join(home.path, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'xdg-open'), `#!/bin/sh\nprintf '%s' "$1" > '${home.path}/part' && mv '${home.path}/part' '${home.path}/opened'\n`, {
      mode: 0o755,
    });
    const terminal = new Terminal(join(home.path, 'state'), bin);
    await terminal.shows('Choose a passphrase for the mcprec logins: ');
    terminal.type('hidden words\r');
    await terminal.shows('The same again: ');
    terminal.type('hidden words\r');
    await terminal.shows('Press Enter to open the page in the browser.');
    const watcher = watch(home.path);
    terminal.type('\r');
    while (!existsSync(join(home.path, 'opened'))) await once(watcher, 'change');
    watcher.close();
    const page = readFileSync(join(home.path, 'opened'), 'utf8');
    expect(page).toMatch(new RegExp(`^${provider.issuer}/device\\?user_code=[A-Z]{4}-[A-Z]{4}$`));
    await pressButtons(page, { account: 'maya.okafor' });
    await terminal.ends();
    expect(terminal.text).toContain('█▀▀▀▀▀▀▀█');
    expect(terminal.text).toContain(`logged in to ${gateway.url} as maya.okafor@harborshop.example`);
    expect(terminal.text).not.toContain('hidden');
    await using identity = await openTestIdentity(join(home.path, 'state'), { env: { MCPREC_PASSPHRASE: 'hidden words' } });
    expect(identity.gateway).toBe(gateway.url);
  });

  test('ends with Ctrl-C at the question and while it waits for the person', async () => {
    using home = temporaryHome();
    const asked = new Terminal(home.path, '');
    await asked.shows('Choose a passphrase');
    asked.type('hid\u0003');
    await asked.ends();
    expect(asked.text).toContain('ended: cancelled');
    const waiting = new Terminal(home.path, '');
    await waiting.shows('Choose a passphrase');
    waiting.type('words\r');
    await waiting.shows('again: ');
    waiting.type('words\r');
    await waiting.shows('Press Enter');
    waiting.type('\u0003');
    await waiting.ends();
    expect(waiting.text).toContain('ended: cancelled');
  });
});

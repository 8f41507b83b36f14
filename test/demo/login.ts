// Step: a person logs in with a device code; the script stands in for the hands on the provider's pages.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pressButtons } from '../support/press.ts';
import type { Machine } from './machine.ts';
import type { Stage } from './stage.ts';

/** Logs that person in at the gateway and checks what `whoami` says of it. */
export async function logIn(stage: Stage, machine: Machine, gateway: string, account: string): Promise<void> {
  const login = machine.start(['login', '--gateway', gateway]);
  const shown = await login.says('Enter  ');
  stage.output(shown.trimEnd());
  const page = /Open +(\S+)/.exec(shown)?.[1] ?? '';
  const code = /Enter +(\S+)/.exec(shown)?.[1] ?? '';
  stage.tell(`the script opens ${page}, types the code, and presses the buttons:`);
  const pages = await pressButtons(page, { account, code });
  stage.output(pages.join(' → '));
  const { code: exit } = await login.end();
  stage.output(login.stdout.join('\n'));
  stage.fact('the provider says that the login is complete, and login ends with 0', 'command', [pages.at(-1), exit], ['You are logged in', 0]);

  const { stdout } = await machine.run(['whoami']);
  const said = (label: string) => new RegExp(`^ +${label} +(.*)$`, 'm').exec(stdout)?.[1];
  stage.fact('the login is that person’s, with the groups of the provider', 'command', [said('subject'), said('groups')], [account, 'engineering, sre']);

  const file = join(machine.home, 'credentials.enc');
  const kept = readFileSync(file, 'latin1');
  const mode = (statSync(file).mode & 0o777).toString(8);
  // `eyJ` begins every JSON Web Token.
  const inClear = ['eyJ', 'refresh', account].filter((text) => kept.includes(text));
  stage.fact('without a keychain the tokens are in an encrypted file that only its owner can read', 'files', { mode, inClear }, { mode: '600', inClear: [] });
}

// `mcprec login`: shows the code and the page, waits for the person, says where the login is kept.
import { resolve } from 'node:path';
import { McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { type LoginEvent, login } from '../identity/login.ts';
import { type Login, namedGateway, readLogins } from '../identity/logins.ts';
import { terminalAsk } from '../identity/passphrase.ts';
import type { SecretOptions } from '../identity/secret-store.ts';
import { hasBrowser, openOnEnter } from './browser.ts';
import { ensureHome } from './home.ts';
import { type Io, note, say, sayJson } from './io.ts';

/** The flags that every command which opens a login takes. */
export interface SecretFlags {
  readonly passphraseFile?: string | undefined;
}

export interface LoginOptions extends SecretFlags {
  readonly gateway?: string | undefined;
  readonly clientCredentials?: boolean | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecretFile?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly insecureStorage?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Where secrets are kept and how a passphrase is asked for, from flags and environment. */
export function secretOptions(flags: SecretFlags, io: Io): SecretOptions {
  return {
    home: io.home,
    env: io.env,
    passphraseFile: flags.passphraseFile,
    askPassphrase: io.stdin.isTTY && io.stderr.isTTY ? terminalAsk(io.stdin, io.stderr, io.signal) : undefined,
    signal: io.signal,
  };
}

/** Logs in; prints who is logged in, or with `--json` one event per line. Throws what `login` throws, and `usage`. */
export async function runLogin(options: LoginOptions, io: Io): Promise<void> {
  const method = methodOf(options);
  const gateway = namedGateway({ gateway: options.gateway, env: io.env }, readLogins(io.home));
  if (gateway === undefined) throw new McprecError('usage', 'no gateway is named', { remedy: 'give --gateway URL, or set MCPREC_GATEWAY' });
  // Before anybody is asked anything: a login that cannot be kept is none.
  ensureHome(io.home);
  const qr = await qrWriter(options, io);
  let offer: Disposable | undefined;
  const report = (event: LoginEvent): void => {
    if (options.json) sayJson(io, event);
    else offer = tell(event, io, qr) ?? offer;
  };
  try {
    await login({
      ...secretOptions(options, io),
      storage: options.insecureStorage ? 'plain-file' : undefined,
      gateway,
      method,
      clientId: options.clientId,
      clock: io.clock,
      signal: io.signal,
      report,
    });
  } finally {
    offer?.[Symbol.dispose]();
  }
}

function methodOf(options: LoginOptions): Login['method'] {
  const { clientCredentials, clientId, clientSecretFile, tokenFile } = options;
  const wrong = (message: string): McprecError => new McprecError('usage', message);
  if (tokenFile !== undefined) {
    if (clientCredentials || clientId !== undefined || clientSecretFile !== undefined) throw wrong('--token-file goes with none of the --client flags');
    return { kind: 'token-file', file: resolve(tokenFile) };
  }
  if (clientCredentials) {
    if (clientId === undefined) throw wrong('--client-credentials needs --client-id ID');
    return { kind: 'client-credentials', ...(clientSecretFile === undefined ? {} : { secretFile: resolve(clientSecretFile) }) };
  }
  if (clientId !== undefined || clientSecretFile !== undefined) throw wrong('--client-id and --client-secret-file go with --client-credentials');
  return { kind: 'device' };
}

type QrWriter = (text: string) => string;

async function qrWriter(options: LoginOptions, io: Io): Promise<QrWriter | undefined> {
  if (options.json || !io.stderr.isTTY) return undefined;
  const { renderUnicodeCompact } = await import('uqr');
  return (text) => renderUnicodeCompact(text, { border: 1 });
}

/** Tells the person; returns the offer to open a browser, to be withdrawn when the login has ended. */
function tell(event: LoginEvent, io: Io, qr: QrWriter | undefined): Disposable | undefined {
  switch (event.event) {
    case 'storage':
    case 'warning':
      note(io, event.message);
      return undefined;
    case 'device_code': {
      const page = event.verificationUriComplete ?? event.verificationUri;
      io.stderr.write(`\n  Open   ${escapeHostileLine(event.verificationUri)}\n  Enter  ${escapeHostileLine(event.userCode)}\n\n`);
      if (qr !== undefined) io.stderr.write(`${qr(page)}\n\n`);
      if (!hasBrowser(io)) return undefined;
      io.stderr.write('  Press Enter to open the page in the browser.\n\n');
      return openOnEnter(page, io);
    }
    case 'logged_in':
      say(io, `logged in to ${event.gateway} as ${whoText(event.identity)}`);
      return undefined;
  }
}

/** A person or machine in one line, safe to print. */
export function whoText(identity: Login['identity']): string {
  return escapeHostileLine(identity.email ?? identity.name ?? identity.subject);
}

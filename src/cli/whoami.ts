// `mcprec whoami`: the identity, its gateway, where the login is kept, and until when its token lasts.
import { isoTime } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { openIdentity } from '../identity/gateway-identity.ts';
import { findLogin, type Login, readLogins } from '../identity/logins.ts';
import { type Io, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions, whoText } from './login.ts';

export interface WhoamiOptions extends SecretFlags {
  readonly gateway?: string | undefined;
  readonly json?: boolean | undefined;
}

const methodNames = { device: 'device code', 'client-credentials': 'client credentials', 'token-file': 'token file' } as const satisfies Record<
  Login['method']['kind'],
  string
>;

/** Prints the login. Throws `login_required`, and what opening its secrets throws. */
export async function runWhoami(options: WhoamiOptions, io: Io): Promise<void> {
  const { gateway, login } = findLogin({ gateway: options.gateway, env: io.env }, readLogins(io.home));
  const tokenExpiresAtMs = await tokenEnd(options, io);
  const { identity, storage, method, loggedInAtMs } = login;
  if (options.json) return sayJson(io, { gateway, identity, storage, method: method.kind, loggedInAtMs, tokenExpiresAtMs: tokenExpiresAtMs ?? null });
  say(io, whoText(identity));
  say(io, `  subject  ${escapeHostileLine(identity.subject)}`);
  say(io, `  issuer   ${escapeHostileLine(identity.issuer)}`);
  if (identity.groups.length > 0) say(io, `  groups   ${escapeHostileLine(identity.groups.join(', '))}`);
  say(io, `  gateway  ${gateway}`);
  say(io, `  login    ${methodNames[method.kind]}, ${isoTime(loggedInAtMs)}, kept in: ${storage}`);
  say(io, `  token    ${tokenText(tokenExpiresAtMs, io, method.kind)}`);
}

// Asks for no passphrase: who is logged in is no secret, and only the token's end is behind it.
async function tokenEnd(options: WhoamiOptions, io: Io): Promise<number | undefined> {
  try {
    const { askPassphrase: _, ...silent } = secretOptions(options, io);
    await using identity = await openIdentity({ ...silent, gateway: options.gateway, clock: io.clock, random: io.random });
    return identity.tokenExpiresAtMs;
  } catch (error) {
    if (error instanceof McprecError && error.code === 'passphrase_required') return undefined;
    throw error;
  }
}

function tokenText(expiresAtMs: number | undefined, io: Io, method: Login['method']['kind']): string {
  if (method === 'token-file') return 'read from its file at each use';
  if (expiresAtMs === undefined) return 'not known without the passphrase';
  const state = expiresAtMs > io.clock.wallMs() ? 'valid until' : 'ended';
  return `${state} ${isoTime(expiresAtMs)}; renewed when it is needed`;
}

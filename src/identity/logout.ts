// Ends a login: revokes its refresh token at the provider as far as that can be, and deletes its secrets in any case.
import type { Clock } from '../base/clock.ts';
import { asMcprecError, McprecError } from '../base/errors.ts';
import { type Credential, readCredential } from './credential.ts';
import { inHome, removeFile } from './files.ts';
import { withLoginLock } from './lock.ts';
import { findLogin, type Login, readLogins, withoutLogins, writeLogins } from './logins.ts';
import type { SecretOptions } from './secret-store.ts';
import { openSecretStore } from './secrets.ts';
import { openProviderFor, secretKey } from './tokens.ts';

export interface LogoutRequest extends SecretOptions {
  readonly gateway?: string | undefined;
  readonly clock: Clock;
}

export interface LogoutOutcome {
  readonly gateway: string;
  /** Gateways whose logins went with it, as they were in a file that could not be opened. */
  readonly alsoLost: readonly string[];
  readonly revocation: Revocation;
}

/** `none`: there was no refresh token. `not_offered`: the provider cannot revoke. `failed`: it stays valid there until it ends by itself. */
type Revocation = { readonly kind: 'revoked' | 'none' | 'not_offered' } | { readonly kind: 'failed'; readonly reason: string };

/** Logs out of one gateway. Throws `login_required` where there is no such login, `home_unwritable`, `config_invalid`, `keychain_unavailable`. */
export async function logout(request: LogoutRequest): Promise<LogoutOutcome> {
  const { gateway, login, credential, alsoLost } = await withLoginLock(request.home, () => forgetLogin(request), request.signal);
  return { gateway, alsoLost, revocation: await revoke(request, login, credential) };
}

interface Forgotten {
  readonly gateway: string;
  readonly login: Login;
  /** Undefined where the secrets could not be read. */
  readonly credential: Credential | McprecError | undefined;
  readonly alsoLost: readonly string[];
}

async function forgetLogin(request: LogoutRequest): Promise<Forgotten> {
  const logins = readLogins(request.home);
  const { gateway, login } = findLogin(request, logins);
  const store = openSecretStore(login.storage, request);
  let credential: Forgotten['credential'];
  let alsoLost: string[] = [];
  try {
    const text = await store.get(secretKey(gateway));
    credential = text === undefined ? undefined : readable(text);
    await store.delete(secretKey(gateway));
  } catch (error) {
    const fault = asMcprecError(error);
    if (login.storage === 'keychain' || fault.category !== 'auth') throw error;
    // A forgotten passphrase or a damaged file: a new login must be possible, so the file goes, with all that is in it.
    credential = fault;
    alsoLost = Object.keys(logins.gateways).filter((other) => other !== gateway && logins.gateways[other]?.storage === login.storage);
    removeFile(inHome(request.home, login.storage === 'plain-file' ? 'plain' : 'encrypted'));
  }
  writeLogins(
    request.home,
    withoutLogins(logins, (other) => other === gateway || alsoLost.includes(other)),
  );
  return { gateway, login, credential, alsoLost };
}

function readable(text: string): Credential | McprecError {
  try {
    return readCredential(text);
  } catch (error) {
    return asMcprecError(error);
  }
}

async function revoke(request: LogoutRequest, login: Login, credential: Forgotten['credential']): Promise<Revocation> {
  if (credential instanceof McprecError) return login.method.kind === 'device' ? { kind: 'failed', reason: credential.message } : { kind: 'none' };
  if (credential?.refreshToken === undefined) return { kind: 'none' };
  try {
    const provider = await openProviderFor(login, request);
    return { kind: (await provider.revoke(credential.refreshToken)) ? 'revoked' : 'not_offered' };
  } catch (error) {
    return { kind: 'failed', reason: asMcprecError(error).message };
  }
}

// The access token of one login: from memory, from the secret store, or from the provider. Any number of processes share a
// login; under the login lock each looks first whether another has already fetched a new token, so that one refresh token
// is never spent twice (the provider would take that for theft and end the login).
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { Secret } from '../base/secret.ts';
import { type AccessToken, type Credential, readCredential, writeCredential } from './credential.ts';
import type { DpopKey } from './dpop.ts';
import { readSecretFile } from './files.ts';
import { withLoginLock } from './lock.ts';
import type { Login } from './logins.ts';
import type { Provider, Tokens } from './provider.ts';
import type { SecretStore } from './secret-store.ts';

export interface TokenSettings {
  readonly home: string;
  readonly gateway: string;
  readonly login: Pick<Login, 'method' | 'issuer' | 'clientId' | 'scopes' | 'audience'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly store: SecretStore;
  readonly dpop: DpopKey;
}

export class TokenSource {
  readonly #settings: TokenSettings;
  #credential: Credential;
  #renewal: Promise<AccessToken> | undefined;

  constructor(settings: TokenSettings, credential: Credential) {
    this.#settings = settings;
    this.#credential = credential;
  }

  /**
   * A token that is good for a while yet; `refused` is one that the gateway did not take. Throws `login_expired`,
   * `provider_unreachable`, `provider_failed`, `login_required` after a logout, and the errors of the secret store.
   */
  async current(refused?: AccessToken): Promise<AccessToken> {
    const { method } = this.#settings.login;
    if (method.kind === 'token-file') return tokenOfFile(method.file, this.#settings.clock);
    const held = this.#credential.access;
    if (held !== undefined && this.#isFresh(held, refused)) return held;
    this.#renewal ??= this.#renew(refused).finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #renew(refused: AccessToken | undefined): Promise<AccessToken> {
    try {
      return await withLoginLock(this.#settings.home, () => this.#renewLocked(refused));
    } catch (error) {
      const held = this.#credential.access;
      const lasts = held !== undefined && held.expiresAtMs > this.#settings.clock.wallMs() && held.token.reveal() !== refused?.token.reveal();
      // Refreshing ahead of time is a courtesy: while the old token lasts, a provider that is down stops nobody.
      if (lasts && error instanceof McprecError && error.category === 'upstream') return held;
      throw error;
    }
  }

  async #renewLocked(refused: AccessToken | undefined): Promise<AccessToken> {
    const { store, gateway, clock } = this.#settings;
    const text = await store.get(secretKey(gateway));
    if (text === undefined) throw new McprecError('login_required', `logged out of ${gateway} meanwhile`);
    const stored = readCredential(text);
    if (stored.owner !== this.#credential.owner) throw new McprecError('login_required', `somebody else has logged in to ${gateway} meanwhile`);
    // Ours can be the newer one where storing it failed.
    const latest = stored.changedAtMs >= this.#credential.changedAtMs ? stored : this.#credential;
    this.#credential = latest;
    if (latest.access !== undefined && this.#isFresh(latest.access, refused)) return latest.access;
    const tokens = await this.#fetch(latest);
    const { claims: _, ...secrets } = tokens;
    const next = { ...latest, ...secrets, changedAtMs: Math.max(clock.wallMs(), latest.changedAtMs + 1) };
    this.#credential = next;
    // Before the token is used: a crash in between must find the new refresh token, the old one is spent.
    await store.set(secretKey(gateway), writeCredential(next));
    return tokens.access;
  }

  async #fetch(credential: Credential): Promise<Tokens> {
    const { login, dpop, gateway } = this.#settings;
    const provider = await openProviderFor(login, this.#settings);
    if (login.method.kind === 'client-credentials') return provider.clientCredentials(dpop);
    if (credential.refreshToken === undefined) throw new McprecError('login_expired', `the login at ${gateway} has ended`);
    return provider.refresh(credential.refreshToken, dpop);
  }

  #isFresh(access: AccessToken, refused: AccessToken | undefined): boolean {
    if (refused !== undefined && access.token.reveal() === refused.token.reveal()) return false;
    return access.expiresAtMs - limits.accessTokenAheadMs > this.#settings.clock.wallMs();
  }
}

/** The provider that `login` was made at, as its client. Throws `provider_unreachable`, `provider_failed`, `secret_unresolved`. */
export async function openProviderFor(
  login: TokenSettings['login'],
  world: Pick<TokenSettings, 'env' | 'clock'> & { readonly signal?: AbortSignal | undefined },
): Promise<Provider> {
  const { issuer, clientId, scopes, audience, method } = login;
  const { openProvider } = await import('./provider.ts');
  return openProvider({ issuer, clientId, scopes, audience, clientSecret: clientSecretOf(method, world.env), clock: world.clock, signal: world.signal });
}

/** The key of a gateway's login in the secret store. */
export function secretKey(gateway: string): string {
  return `login at ${gateway}`;
}

/** The token that a workload's platform keeps in `file`. Its end is read from it where it is a JWT. Throws `config_unreadable`, `login_expired`. */
export function tokenOfFile(file: string, clock: Clock): AccessToken {
  const token = readSecretFile(file, limits.secretFileBytesMax).trim();
  const exp = jwtClaims(token)?.exp;
  const expiresAtMs = typeof exp === 'number' ? exp * 1000 : Number.MAX_SAFE_INTEGER;
  if (expiresAtMs <= clock.wallMs()) {
    throw new McprecError('login_expired', `the token in ${file} has expired`, { remedy: 'have whatever writes the file renew it' });
  }
  return { token: new Secret(token), scheme: 'Bearer', expiresAtMs };
}

/** The claims of a JWT, unverified and so only for display and for guessing its end; undefined where `token` is none. */
export function jwtClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? { ...claims } : undefined;
  } catch {
    return undefined;
  }
}

function clientSecretOf(method: Login['method'], env: TokenSettings['env']): Secret | undefined {
  if (method.kind !== 'client-credentials') return undefined;
  if (method.secretFile !== undefined) return new Secret(readSecretFile(method.secretFile, limits.secretFileBytesMax));
  if (env.MCPREC_CLIENT_SECRET) return new Secret(env.MCPREC_CLIENT_SECRET);
  throw new McprecError('secret_unresolved', 'there is no client secret', { remedy: 'give --client-secret-file FILE, or set MCPREC_CLIENT_SECRET' });
}

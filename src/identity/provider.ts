// The OIDC provider, through openid-client. Imported only when a token is needed: it would slow the start of every command.
import * as oidc from 'openid-client';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { Secret } from '../base/secret.ts';
import type { DpopKey } from './dpop.ts';
import { anySignal } from './http.ts';
import { boundedFetch, providerFault } from './provider-faults.ts';

export interface ProviderSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: Secret | undefined;
  readonly scopes: readonly string[];
  /** Asked for as `resource` (RFC 8707) where it is a URI, else as `audience`. */
  readonly audience: string;
  readonly clock: Clock;
  /** Ends any request to the provider. */
  readonly signal?: AbortSignal | undefined;
}

export interface Tokens {
  readonly access: { readonly token: Secret; readonly scheme: 'DPoP' | 'Bearer'; readonly expiresAtMs: number };
  readonly refreshToken?: Secret;
  /** Claims of the ID token; undefined where there is none. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

export interface DeviceCode {
  readonly userCode: string;
  readonly verificationUri: string;
  /** With the code in it; absent where the provider has none. */
  readonly verificationUriComplete?: string;
  readonly expiresAtMs: number;
  /** Waits until the code was confirmed. Throws `login_refused`, `login_expired`, `cancelled`, `provider_unreachable`, `provider_failed`. */
  poll(dpop: DpopKey): Promise<Tokens>;
}

/** Lifetime of an access token where the provider names none. */
const TOKEN_SECONDS_DEFAULT = 300;
/** RFC 8628 §3.2. */
const POLL_SECONDS_DEFAULT = 5;
/** Scopes that say what is told of a person: a machine asks for none of them. */
const PERSON_SCOPES = new Set(['openid', 'offline_access', 'profile', 'email', 'address', 'phone', 'groups']);

/** Reads the provider's metadata. Throws `provider_unreachable`, `provider_failed`. */
export async function openProvider(settings: ProviderSettings): Promise<Provider> {
  const issuer = new URL(settings.issuer);
  const options: oidc.DiscoveryRequestOptions = {
    [oidc.customFetch]: boundedFetch(settings.signal),
    timeout: limits.providerMsMax / 1000,
    ...(issuer.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : {}),
  };
  try {
    return new Provider(await oidc.discovery(issuer, settings.clientId, undefined, clientAuth(settings.clientSecret), options), settings);
  } catch (error) {
    throw providerFault(error, settings.issuer, settings);
  }
}

export class Provider {
  readonly #config: oidc.Configuration;
  readonly #settings: ProviderSettings;

  constructor(config: oidc.Configuration, settings: ProviderSettings) {
    this.#config = config;
    this.#settings = settings;
  }

  /** Asks for a device code (RFC 8628 §3.1). Throws `provider_unreachable`, `provider_failed`, `login_refused`. */
  async startDevice(): Promise<DeviceCode> {
    const { scopes, clock } = this.#settings;
    const parameters = { scope: scopes.join(' '), ...this.#target() };
    const answer = await this.#ask(() => oidc.initiateDeviceAuthorization(this.#config, parameters));
    const expiresInMs = Math.min(answer.expires_in * 1000, limits.deviceCodeMsMax);
    const deadline = AbortSignal.timeout(expiresInMs);
    const complete = answer.verification_uri_complete;
    return {
      userCode: answer.user_code,
      verificationUri: answer.verification_uri,
      ...(complete === undefined ? {} : { verificationUriComplete: complete }),
      expiresAtMs: clock.wallMs() + expiresInMs,
      poll: (dpop) => this.#poll(answer, dpop, deadline),
    };
  }

  async #poll(code: oidc.DeviceAuthorizationResponse, dpop: DpopKey, deadline: AbortSignal): Promise<Tokens> {
    const { issuer, signal } = this.#settings;
    const polling = { DPoP: this.#handle(dpop), signal: anySignal(signal, deadline) };
    let interval = code.interval ?? POLL_SECONDS_DEFAULT;
    for (let faults = 0; ; faults++) {
      try {
        return this.#tokens(await oidc.pollDeviceAuthorizationGrant(this.#config, { ...code, interval }, this.#target(), polling));
      } catch (error) {
        const fault = providerFault(error, issuer, { signal, deadline });
        if (fault.code !== 'provider_unreachable' || faults === limits.pollFaultsMax) throw fault;
        // RFC 8628 §3.5: a lost connection is not the end of the code, but polls come more slowly from now on.
        interval *= 2;
      }
    }
  }

  /** Spends a refresh token. Throws `login_expired` where the provider does not take it. */
  async refresh(refreshToken: Secret, dpop: DpopKey): Promise<Tokens> {
    return this.#tokens(await this.#ask(() => oidc.refreshTokenGrant(this.#config, refreshToken.reveal(), this.#target(), { DPoP: this.#handle(dpop) })));
  }

  /** A token for the client itself (RFC 6749 §4.4). Throws `login_refused`. */
  async clientCredentials(dpop: DpopKey): Promise<Tokens> {
    const scope = this.#settings.scopes.filter((name) => !PERSON_SCOPES.has(name)).join(' ');
    const parameters = { ...(scope === '' ? {} : { scope }), ...this.#target() };
    return this.#tokens(await this.#ask(() => oidc.clientCredentialsGrant(this.#config, parameters, { DPoP: this.#handle(dpop) })));
  }

  /** Revokes a refresh token (RFC 7009). False where the provider offers no revocation. */
  async revoke(refreshToken: Secret): Promise<boolean> {
    if (this.#config.serverMetadata().revocation_endpoint === undefined) return false;
    await this.#ask(() => oidc.tokenRevocation(this.#config, refreshToken.reveal(), { token_type_hint: 'refresh_token' }));
    return true;
  }

  async #ask<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw providerFault(error, this.#settings.issuer, this.#settings);
    }
  }

  #target(): Record<string, string> {
    const { audience } = this.#settings;
    return URL.canParse(audience) ? { resource: audience } : { audience };
  }

  #handle(dpop: DpopKey): oidc.DPoPHandle {
    return oidc.getDPoPHandle(this.#config, { privateKey: dpop.privateKey, publicKey: dpop.publicKey });
  }

  #tokens(answer: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers): Tokens {
    return {
      access: {
        token: new Secret(answer.access_token),
        scheme: answer.token_type.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer',
        expiresAtMs: this.#settings.clock.wallMs() + (answer.expiresIn() ?? TOKEN_SECONDS_DEFAULT) * 1000,
      },
      ...(answer.refresh_token === undefined ? {} : { refreshToken: new Secret(answer.refresh_token) }),
      claims: answer.claims(),
    };
  }
}

function clientAuth(secret: Secret | undefined): oidc.ClientAuth {
  if (secret === undefined) return oidc.None();
  return (server, client, body, headers) => {
    // OpenID Connect Discovery §3: a provider that lists no methods takes client_secret_basic.
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const method = methods.includes('client_secret_basic') ? oidc.ClientSecretBasic : oidc.ClientSecretPost;
    return method(secret.reveal())(server, client, body, headers);
  };
}

// A logged-in identity at one gateway: what every command that talks to a gateway holds.
import { hostname } from 'node:os';
import type { JWK } from 'jose';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import type { RandomBytes } from '../base/random.ts';
import { type LogSigner, logSigner } from '../evidence/checkpoint.ts';
import type { SessionEvent } from '../protocol/control.ts';
import { type ControlAnswer, ControlClient, type ControlRequest } from './control.ts';
import { type AccessToken, readCredential } from './credential.ts';
import { importDeviceKey, signDevice } from './device.ts';
import { importDpopKey } from './dpop.ts';
import { openAgent } from './http.ts';
import { findLogin, type Login, readLogins } from './logins.ts';
import type { SecretOptions } from './secret-store.ts';
import { openSecretStore } from './secrets.ts';
import { secretKey, TokenSource } from './tokens.ts';

export interface IdentityOptions extends SecretOptions {
  /** From `--gateway`; else MCPREC_GATEWAY, else the gateway of the latest login. */
  readonly gateway?: string | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface GatewayIdentity extends AsyncDisposable {
  /** Base URL, no slash at its end. */
  readonly gateway: string;
  /** Who is logged in and how, as logins.json has it. */
  readonly login: Login;
  /** When the access token at hand ends, without fetching another; undefined where there is none. */
  readonly tokenExpiresAtMs: number | undefined;
  /** A valid access token: from memory, the secret store or the provider. */
  accessToken(): Promise<AccessToken>;
  /** Makes a control call; see ControlClient.request. */
  request(method: string, path: string, call?: ControlRequest): Promise<ControlAnswer>;
  /** The events of `GET /v1/sessions/{id}/events`; see ControlClient.stream. */
  stream(path: string, signal: AbortSignal): AsyncIterable<SessionEvent>;
  /** Signs checkpoints of the logs of this device. */
  readonly logSigner: LogSigner;
  /** The `device` part of a grant request. */
  signDevice(): { readonly name: string; readonly publicKey: JWK; readonly signature: string };
}

/**
 * Opens the login at a gateway; makes no request yet. Close it with `await using`. Throws `login_required`, `config_invalid`,
 * and what the secret store throws (`passphrase_required`, `passphrase_wrong`, `credentials_corrupt`, `keychain_unavailable`).
 */
export async function openIdentity(options: IdentityOptions): Promise<GatewayIdentity> {
  const { home, env, clock, random } = options;
  const { gateway, login } = findLogin(options, readLogins(home));
  const store = openSecretStore(login.storage, options);
  const text = await store.get(secretKey(gateway));
  if (text === undefined) throw new McprecError('login_required', `the secrets of the login at ${gateway} are gone`);
  const credential = readCredential(text);
  const dpop = await importDpopKey(credential.dpopKey);
  const device = importDeviceKey(credential.deviceKey);
  const tokens = new TokenSource({ home, gateway, login, env, clock, store, dpop }, credential);
  const agent = openAgent();
  const control = new ControlClient({ gateway, dpop, agent, clock, random, token: (refused) => tokens.current(refused) });
  return {
    gateway,
    login,
    tokenExpiresAtMs: credential.access?.expiresAtMs,
    logSigner: logSigner(device.privateKey),
    accessToken: () => tokens.current(),
    request: (method, path, call) => control.request(method, path, call),
    stream: (path, signal) => control.stream(path, signal),
    signDevice: () => ({
      name: hostname().slice(0, 200),
      publicKey: device.publicJwk,
      signature: signDevice(device, dpop.thumbprint, new URL(gateway).origin),
    }),
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

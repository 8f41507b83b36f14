// Logs in at a gateway's provider: by device code (RFC 8628) for people, by client credentials or a token file for machines.
import type { Clock } from '../base/clock.ts';
import { asMcprecError, McprecError } from '../base/errors.ts';
import type { Identity, WellKnown } from '../protocol/control.ts';
import { type Credential, newCredential, ownerOf, readCredential, writeCredential } from './credential.ts';
import { newDeviceJwk } from './device.ts';
import { discoverGateway } from './discovery.ts';
import { type DpopKey, importDpopKey } from './dpop.ts';
import { gatewayUrl, whyUnsafe } from './gateway-url.ts';
import { withLoginLock } from './lock.ts';
import { type Login, readLogins, withLogin, writeLogins } from './logins.ts';
import type { DeviceCode, Tokens } from './provider.ts';
import type { SecretOptions, StorageKind } from './secret-store.ts';
import { type ChosenStore, chooseSecretStore, openSecretStore } from './secrets.ts';
import { jwtClaims, openProviderFor, secretKey, tokenOfFile } from './tokens.ts';

export interface LoginRequest extends SecretOptions {
  readonly gateway: string;
  readonly method: Login['method'];
  /** For client credentials; people use the gateway's own client id. */
  readonly clientId?: string | undefined;
  readonly clock: Clock;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
  readonly report: (event: LoginEvent) => void;
}

/** What happens during a login, in this order; `device_code` only where there is a person, `warning` only where something was left behind. */
export type LoginEvent =
  | { readonly event: 'storage'; readonly storage: StorageKind; readonly message: string }
  | ({ readonly event: 'device_code' } & Omit<DeviceCode, 'poll'>)
  | { readonly event: 'warning'; readonly message: string }
  | {
      readonly event: 'logged_in';
      readonly gateway: string;
      readonly identity: Login['identity'];
      readonly storage: StorageKind;
      readonly tokenExpiresAtMs: number;
    };

type Account = Pick<Login, 'method' | 'issuer' | 'clientId' | 'scopes' | 'audience'>;
type Received = Omit<Tokens, 'claims'> & { readonly identity: Login['identity'] };

/**
 * Logs in and stores the login. Nothing is stored unless all of it went well. Throws `gateway_unreachable`, `not_a_gateway`,
 * `provider_unreachable`, `provider_failed`, `login_refused`, `login_expired`, `cancelled`, `keychain_unavailable`,
 * `passphrase_wrong`, `home_unwritable`, `config_invalid`.
 */
export async function login(request: LoginRequest): Promise<Login> {
  const gateway = gatewayUrl(request.gateway);
  const wellKnown = await discoverGateway(gateway, request.signal);
  const before = readLogins(request.home);
  const chosen = await chooseSecretStore(request, rememberedStorage(before.gateways[gateway] ?? Object.values(before.gateways)[0]));
  // Before anybody types a code: a wrong passphrase or a read-only home must not come out afterwards.
  const keys = await withLoginLock(request.home, () => preparedKeys(chosen, gateway), request.signal);
  request.report({ event: 'storage', storage: chosen.store.kind, message: chosen.reason });
  const account = accountOf(request, wellKnown);
  const { identity, ...tokens } = await receive(request, account, await importDpopKey(keys.dpopKey));
  const entry: Login = { ...account, identity, storage: chosen.store.kind, loggedInAtMs: request.clock.wallMs() };
  await withLoginLock(request.home, async () => {
    const kept = request.method.kind === 'token-file' ? {} : tokens;
    const credential = { ...ownKeys(keys, identity), ...kept, changedAtMs: request.clock.wallMs() };
    await chosen.store.set(secretKey(gateway), writeCredential(credential));
    const logins = readLogins(request.home);
    const replaced = logins.gateways[gateway];
    writeLogins(request.home, withLogin(logins, gateway, entry));
    if (replaced !== undefined && replaced.storage !== entry.storage) await forget(replaced.storage, request, gateway);
  });
  request.report({ event: 'logged_in', gateway, identity, storage: entry.storage, tokenExpiresAtMs: tokens.access.expiresAtMs });
  return entry;
}

// A plain file is never taken over: it needs its flag each time.
function rememberedStorage(login: Login | undefined): StorageKind | undefined {
  return login === undefined || login.storage === 'plain-file' ? undefined : login.storage;
}

type Keys = Pick<Credential, 'version' | 'owner' | 'dpopKey' | 'deviceKey'>;

// The keys of an earlier login are kept: the gateway knows this device by them.
async function preparedKeys(chosen: ChosenStore, gateway: string): Promise<Keys> {
  const text = await chosen.store.get(secretKey(gateway));
  const { version, owner, dpopKey, deviceKey } = text === undefined ? await newCredential() : readCredential(text);
  return { version, owner, dpopKey, deviceKey };
}

// A device is enrolled for one person: another one who logs in on this laptop has another device.
function ownKeys(keys: Keys, identity: Identity): Keys {
  const owner = ownerOf(identity);
  return keys.owner === undefined || keys.owner === owner ? { ...keys, owner } : { ...keys, owner, deviceKey: newDeviceJwk() };
}

function accountOf(request: LoginRequest, wellKnown: WellKnown): Account {
  const { issuer, scopes, audience } = wellKnown;
  return { method: request.method, issuer, clientId: request.clientId ?? wellKnown.clientId, scopes, audience };
}

async function receive(request: LoginRequest, account: Account, dpop: DpopKey): Promise<Received> {
  const { method } = request;
  if (method.kind === 'token-file') {
    const access = tokenOfFile(method.file, request.clock);
    return { access, identity: identityOf(account, jwtClaims(access.token.reveal()) ?? {}) };
  }
  const provider = await openProviderFor(account, request);
  let tokens: Tokens;
  if (method.kind === 'client-credentials') {
    tokens = await provider.clientCredentials(dpop);
  } else {
    const { poll, ...code } = await provider.startDevice();
    checkPage(code, account.issuer);
    request.report({ event: 'device_code', ...code });
    tokens = await poll(dpop);
  }
  const { claims, ...secrets } = tokens;
  return { ...secrets, identity: identityOf(account, { ...jwtClaims(tokens.access.token.reveal()), ...claims }) };
}

// The page is opened in a browser: a provider must not make us open a file or a plain-text page.
function checkPage(code: Omit<DeviceCode, 'poll'>, issuer: string): void {
  for (const text of [code.verificationUri, code.verificationUriComplete]) {
    if (text === undefined) continue;
    const url = URL.parse(text);
    const reason = url === null ? 'it is no URL' : whyUnsafe(url);
    if (reason !== undefined) throw new McprecError('provider_failed', `the identity provider ${issuer} sends people to a page that is refused: ${reason}`);
  }
}

// For display only: the gateway looks at the token itself.
function identityOf(account: Account, claims: Readonly<Record<string, unknown>>): Login['identity'] {
  const text = (name: string): string | undefined => (typeof claims[name] === 'string' ? claims[name] : undefined);
  const groups = Array.isArray(claims.groups) ? claims.groups.filter((group) => typeof group === 'string') : [];
  const identity: Identity = { issuer: account.issuer, subject: text('sub') ?? account.clientId, groups };
  const email = text('email');
  const name = text('name');
  return { ...identity, ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) };
}

// The login before this one, kept in another place. Nobody is asked for its passphrase: what stays is of no use without it.
async function forget(storage: StorageKind, request: LoginRequest, gateway: string): Promise<void> {
  const { askPassphrase: _, ...silent } = request;
  try {
    await openSecretStore(storage, silent).delete(secretKey(gateway));
  } catch (error) {
    request.report({ event: 'warning', message: `the earlier login could not be removed from the ${storage}: ${asMcprecError(error).message}` });
  }
}

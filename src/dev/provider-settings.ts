// How oidc-provider is set up for `mcprec dev`: its clients, tokens, claims and pages. Knows nothing of sockets.
import type { Configuration, interactionPolicy as Interactions, KoaContextWithOIDC } from 'oidc-provider';
import type { Account, MachineAccount } from './accounts.ts';
import { errors, interactionPolicy } from './oidc.ts';
import { codeConfirmPage, codeInputPage, logoutPage, messagePage } from './pages.ts';

/** The public client that `mcprec login` uses. */
export const nativeClientId = 'mcprec';
const SIGNING_ALG = 'ES256';
const DAY_SECONDS = 24 * 60 * 60;
const LOGIN_SECONDS = 10 * 60;
export const deviceGrantType = 'urn:ietf:params:oauth:grant-type:device_code';

export interface SettingsInput {
  /** The only resource (RFC 8707) that tokens are made for. */
  readonly audience: string;
  readonly accessTokenSeconds: number;
  readonly deviceCodeSeconds: number;
  readonly machines: readonly MachineAccount[];
  /** Looked up at each use, so that groups can change while the provider runs. */
  account(subject: string): Account | undefined;
  /** Private JWKs; the first signs. */
  readonly keys: readonly Record<string, unknown>[];
  readonly cookieSecret: string;
  readonly adapter: NonNullable<Configuration['adapter']>;
}

/** The configuration of a provider that signs JWT access tokens (RFC 9068) with `email`, `name` and `groups` in them. */
export function providerSettings(input: SettingsInput): Configuration {
  return {
    adapter: input.adapter,
    jwks: { keys: [...input.keys] },
    cookies: { keys: [input.cookieSecret] },
    clientDefaults: { id_token_signed_response_alg: SIGNING_ALG },
    clients: [nativeClient(), ...input.machines.map(machineClient)],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    scopes: ['openid', 'offline_access'],
    clientBasedCORS: () => false,
    // As most providers do; oidc-provider's own default spares tokens that are bound with DPoP.
    rotateRefreshToken: true,
    findAccount: (_ctx, subject) => {
      const account = input.account(subject);
      return account && { accountId: subject, claims: () => ({ sub: subject, ...personClaims(account), email_verified: true }) };
    },
    extraTokenClaims: (_ctx, token) => {
      if (token.kind === 'ClientCredentials') {
        const machine = input.machines.find((m) => m.clientId === token.clientId);
        return machine && { email: machine.email, groups: [...machine.groups] };
      }
      const account = 'accountId' in token ? input.account(token.accountId) : undefined;
      return account && personClaims(account);
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      clientCredentials: { enabled: true },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => show(ctx, logoutPage(form)),
        postLogoutSuccessSource: (ctx) => show(ctx, messagePage('Logged out', 'You can close this page.')),
      },
      resourceIndicators: resourceIndicators(input),
      deviceFlow: {
        enabled: true,
        charset: 'base-20',
        mask: '****-****',
        userCodeInputSource: (ctx, form, _out, fault) => show(ctx, codeInputPage(form, codeFault(fault))),
        userCodeConfirmSource: (ctx, form, _client, _device, userCode) => show(ctx, codeConfirmPage(form, userCode)),
        successSource: (ctx) => show(ctx, messagePage('You are logged in', 'Go back to your terminal; you can close this page.')),
      },
    },
    interactions: { policy: alwaysChooseAccount(), url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    renderError: (ctx, out) => show(ctx, messagePage('This did not work', `${out.error}: ${out.error_description ?? ''}`)),
    ttl: {
      AccessToken: input.accessTokenSeconds,
      ClientCredentials: input.accessTokenSeconds,
      DeviceCode: input.deviceCodeSeconds,
      Grant: 14 * DAY_SECONDS,
      IdToken: 3600,
      Interaction: LOGIN_SECONDS,
      RefreshToken: 14 * DAY_SECONDS,
      Session: LOGIN_SECONDS,
    },
  };
}

function nativeClient() {
  return {
    client_id: nativeClientId,
    client_name: 'mcprec',
    application_type: 'native' as const,
    token_endpoint_auth_method: 'none' as const,
    grant_types: [deviceGrantType, 'refresh_token'],
    response_types: [],
    redirect_uris: [],
  };
}

function machineClient(machine: MachineAccount) {
  return {
    client_id: machine.clientId,
    client_secret: machine.clientSecret,
    client_name: machine.clientId,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  };
}

function personClaims(account: Account) {
  return { email: account.email, name: account.name, groups: [...account.groups] };
}

function resourceIndicators(input: SettingsInput) {
  return {
    enabled: true,
    defaultResource: () => input.audience,
    // A token request need not name the resource again: the log-in has named it.
    useGrantedResource: () => true,
    getResourceServerInfo: (_ctx: KoaContextWithOIDC, resource: string) => {
      if (resource !== input.audience) throw new errors.InvalidTarget();
      return {
        scope: '',
        audience: input.audience,
        accessTokenTTL: input.accessTokenSeconds,
        accessTokenFormat: 'jwt' as const,
        jwt: { sign: { alg: SIGNING_ALG } as const },
      };
    },
  };
}

/** The default policy, but every log-in asks who one is, so that one browser can log in as several people. */
function alwaysChooseAccount(): Interactions.Prompt[] {
  const policy = interactionPolicy.base();
  const asked = new interactionPolicy.Check('choose_account', 'an account must be chosen', 'login_required', (ctx) =>
    ctx.oidc.result?.login ? interactionPolicy.Check.NO_NEED_TO_PROMPT : interactionPolicy.Check.REQUEST_PROMPT,
  );
  policy.get('login')?.checks.add(asked);
  return policy;
}

function codeFault(fault: Error | undefined): string | undefined {
  if (fault === undefined) return undefined;
  if (fault.name === 'AbortedError') return 'The log-in was refused; nobody is logged in.';
  if (fault.name === 'ExpiredError') return 'This code has expired; start the log-in again.';
  if (fault.name === 'AlreadyUsedError') return 'This code has been used already; start the log-in again.';
  return 'This is not a code that was given out. Type it again.';
}

function show(ctx: KoaContextWithOIDC, html: string): void {
  ctx.type = 'html';
  ctx.body = html;
}

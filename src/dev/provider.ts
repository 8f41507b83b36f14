// The OIDC provider of `mcprec dev`: oidc-provider on loopback with device flow, DPoP, JWT access tokens and made-up accounts.
import { mkdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import type { Provider as OidcProvider } from 'oidc-provider';
import { type Clock, systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { createServer } from '../transport/node-http.ts';
import { type Account, devAccounts, type MachineAccount } from './accounts.ts';
import { closeServer, listenOnLoopback } from './listen.ts';
import { Provider } from './oidc.ts';
import { accountPage, messagePage } from './pages.ts';
import { deviceGrantType, nativeClientId, providerSettings } from './provider-settings.ts';
import { openProviderStore } from './provider-store.ts';

/** The resource (RFC 8707) and audience of access tokens where the caller names none. */
export const devAudience = 'urn:mcprec:gateway';
const FORM_BYTES_MAX = 16_384;
const DEVICE_CODES_MAX = 1_000;

export interface ProviderOptions {
  /** 0 takes a free one. */
  readonly port?: number;
  readonly accounts?: readonly Account[];
  readonly machines?: readonly MachineAccount[];
  readonly audience?: string;
  /** Directory for keys, sessions and refresh tokens, so that a restart keeps log-ins; without it they live in memory. */
  readonly data?: string;
  readonly accessTokenSeconds?: number;
  readonly deviceCodeSeconds?: number;
  /** What a client is told to wait between two polls; one that polls faster is told `slow_down` (RFC 8628, section 3.5). */
  readonly pollSeconds?: number;
  readonly clock?: Clock;
}

export interface DevProvider {
  readonly issuer: string;
  readonly audience: string;
  /** The public client for the device flow. */
  readonly clientId: string;
  /** Changes an account's groups from the next token on. */
  setGroups(subject: string, groups: readonly string[]): void;
  /** Ends an account: it cannot log in, and its refresh tokens stop working. */
  disable(subject: string): void;
  close(): Promise<void>;
}

/** Starts the provider on 127.0.0.1. Throws `port_taken`. */
export async function startProvider(options: ProviderOptions = {}): Promise<DevProvider> {
  const accounts = new Map((options.accounts ?? devAccounts).map((a) => [a.subject, a]));
  const audience = options.audience ?? devAudience;
  const store = openProviderStore(dataFile(options.data));
  const keys = await store.setting('keys', makeKeys);
  const cookieSecret = await store.setting('cookie secret', async () => Buffer.from(systemRandom(32)).toString('base64url'));
  const serve: { handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> } = {
    handle: async (_request, response) => void response.writeHead(503).end(),
  };
  const server = createServer((request, response) => {
    serve.handle(request, response).catch(() => response.destroy());
  });
  let issuer: string;
  try {
    issuer = await listenOnLoopback(server, options.port ?? 0);
  } catch (error) {
    store.close();
    throw error;
  }
  const provider = new Provider(
    issuer,
    providerSettings({
      audience,
      accessTokenSeconds: options.accessTokenSeconds ?? 600,
      deviceCodeSeconds: options.deviceCodeSeconds ?? 600,
      machines: options.machines ?? [],
      account: (subject) => accounts.get(subject),
      keys,
      cookieSecret,
      adapter: store.adapter,
    }),
  );
  paceDevicePolls(provider, options.pollSeconds ?? 1, options.clock ?? systemClock);
  const callback = provider.callback();
  serve.handle = async (request, response) => {
    if (request.url?.startsWith('/interaction/')) await interact(provider, accounts, request, response);
    else await callback(request, response);
  };
  return {
    issuer,
    audience,
    clientId: nativeClientId,
    setGroups(subject, groups) {
      const account = accounts.get(subject);
      if (account) accounts.set(subject, { ...account, groups });
    },
    disable: (subject) => void accounts.delete(subject),
    async close() {
      await closeServer(server);
      store.close();
    },
  };
}

function dataFile(data: string | undefined): string {
  if (data === undefined) return ':memory:';
  mkdirSync(data, { recursive: true, mode: 0o700 });
  return join(data, 'provider.db');
}

async function makeKeys(): Promise<Record<string, unknown>[]> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'ES256', kid: Buffer.from(systemRandom(8)).toString('hex') }];
}

/** The page where one chooses an account, and what its buttons do. */
async function interact(provider: OidcProvider, accounts: ReadonlyMap<string, Account>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const interaction = await provider.interactionDetails(request, response).catch(() => undefined);
  if (!interaction) return sendHtml(response, 400, messagePage('This page has expired', 'Start the log-in again.'));
  if (request.method !== 'POST') return sendHtml(response, 200, accountPage(`/interaction/${interaction.uid}`, [...accounts.values()]));
  const form = new URLSearchParams(await readForm(request));
  const account = accounts.get(form.get('account') ?? '');
  if (!account) {
    const refusal = { error: 'access_denied', error_description: 'the log-in was refused' };
    return provider.interactionFinished(request, response, refusal, { mergeWithLastSubmission: false });
  }
  const grant = new provider.Grant({ accountId: account.subject, clientId: String(interaction.params.client_id) });
  grant.addOIDCScope(String(interaction.params.scope ?? 'openid'));
  const result = { login: { accountId: account.subject, remember: false }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

function sendHtml(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(html);
}

async function readForm(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > FORM_BYTES_MAX) throw new Error('the form is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** oidc-provider names no interval and never says `slow_down`; this adds both (RFC 8628, sections 3.2 and 3.5). */
function paceDevicePolls(provider: OidcProvider, pollSeconds: number, clock: Clock): void {
  const lastPollUs = new Map<string, number>();
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'device_authorization' && ctx.status === 200) ctx.body.interval = pollSeconds;
    if (ctx.oidc?.route !== 'token' || ctx.oidc.params?.grant_type !== deviceGrantType) return;
    const deviceCode = String(ctx.oidc.params.device_code);
    if (ctx.body?.error !== 'authorization_pending') {
      lastPollUs.delete(deviceCode);
      return;
    }
    const now = clock.monoUs();
    const last = lastPollUs.get(deviceCode);
    // A tenth early is not faster: timers and the network are not exact.
    if (last !== undefined && now - last < pollSeconds * 900_000) ctx.body = { error: 'slow_down', error_description: 'polled faster than the interval' };
    if (lastPollUs.size >= DEVICE_CODES_MAX) lastPollUs.clear();
    lastPollUs.set(deviceCode, now);
  });
}

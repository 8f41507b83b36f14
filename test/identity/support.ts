// What the tests of identity share: a state directory, a small gateway that checks tokens and proofs, a login by device code.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calculateJwkThumbprint, createRemoteJWKSet, EmbeddedJWK, type JWK, jwtVerify } from 'jose';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { DevProvider } from '../../src/dev/provider.ts';
import { openIdentity } from '../../src/identity/gateway-identity.ts';
import { type LoginEvent, type LoginRequest, login } from '../../src/identity/login.ts';
import { pressButtons } from '../support/press.ts';

export const PASSPHRASE = 'correct horse battery staple';

/** A fresh state directory that goes with the test. */
export function temporaryHome(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'mcprec-identity-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Claims of the access token, and the thumbprint of the key that made the proof. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly thumbprint: string;
  readonly proof: Readonly<Record<string, unknown>>;
}

/** Answers a call that came with a valid token and proof. */
type Answer = (received: Received, response: ServerResponse) => void;

export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly received: Received[];
  answer: Answer;
}

/** A gateway that asks of a caller what RFC 9449 §4.3 says, and leaves the rest to the test. */
export async function startGateway(provider: DevProvider, scopes = ['openid', 'offline_access', 'email', 'profile', 'groups']): Promise<TestGateway> {
  const keys = createRemoteJWKSet(new URL(`${provider.issuer}/jwks`));
  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => sendError(response, 401, 'token_invalid', error.message));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gateway: TestGateway = {
    url,
    received: [],
    answer: (_received, response) => sendJson(response, 200, {}),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/.well-known/mcprec') {
      const { issuer, clientId, audience } = provider;
      return sendJson(response, 200, { mcprec: 1, gateway: url, issuer, clientId, scopes, audience });
    }
    const [scheme, token = ''] = (request.headers.authorization ?? '').split(' ');
    const { payload: claims } = await jwtVerify(token, keys, { issuer: provider.issuer, audience: provider.audience });
    const { payload: proof, protectedHeader } = await jwtVerify(String(request.headers.dpop), EmbeddedJWK, { typ: 'dpop+jwt' });
    const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk as JWK);
    const bound = (claims.cnf as { readonly jkt?: string } | undefined)?.jkt;
    check(scheme === (bound === undefined ? 'Bearer' : 'DPoP'), `scheme ${scheme}`);
    check(bound === undefined || bound === thumbprint, 'the token is bound to another key');
    check(proof.htm === request.method, `htm ${proof.htm}`);
    check(proof.htu === new URL(request.url ?? '', url).href.replace(/\?.*/, ''), `htu ${proof.htu}`);
    check(proof.ath === createHash('sha256').update(token).digest('base64url'), 'ath');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url: path = '', headers } = request;
    const received = { method, url: path, headers, body: Buffer.concat(chunks).toString('utf8'), claims, thumbprint, proof };
    gateway.received.push(received);
    gateway.answer(received, response);
  }
  return gateway;
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

export function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  sendJson(response, status, { error: { code, message } });
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong: ${what}`);
}

/** What a login needs besides the gateway; the person at the page is `account`, or says no. */
export function loginRequest(gateway: string, home: string, changes: Partial<LoginRequest> & { readonly press?: Parameters<typeof pressButtons>[1] } = {}) {
  const { press = { account: 'maya.okafor' }, ...rest } = changes;
  const events: LoginEvent[] = [];
  const request: LoginRequest = {
    gateway,
    home,
    env: { MCPREC_PASSPHRASE: PASSPHRASE },
    method: { kind: 'device' },
    clock: systemClock,
    signal: new AbortController().signal,
    report: (event) => {
      events.push(event);
      if (event.event === 'device_code' && event.verificationUriComplete) void pressButtons(event.verificationUriComplete, press);
    },
    ...rest,
  };
  return { request, events };
}

/** Logs maya in, with the secrets in the encrypted file; returns what happened. */
export async function loggedIn(gateway: string, home: string): Promise<readonly LoginEvent[]> {
  const { request, events } = loginRequest(gateway, home);
  await login(request);
  return events;
}

export function openTestIdentity(home: string, changes: Partial<Parameters<typeof openIdentity>[0]> = {}) {
  return openIdentity({ home, env: { MCPREC_PASSPHRASE: PASSPHRASE }, clock: systemClock, random: systemRandom, ...changes });
}

// A provider that misbehaves: the real one cannot be made to.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { Secret } from '../../src/base/secret.ts';
import type { DevProvider } from '../../src/dev/provider.ts';
import { importDpopKey, newDpopJwk } from '../../src/identity/dpop.ts';
import { login } from '../../src/identity/login.ts';
import { openProvider } from '../../src/identity/provider.ts';
import { loginRequest, sendJson, startGateway, temporaryHome } from './support.ts';

type Pages = Readonly<Record<string, (response: ServerResponse, issuer: string) => void>>;

/** Metadata that names `/device` and `/token`, and what the test says of those. */
async function misbehaving(pages: Pages): Promise<DevProvider & AsyncDisposable> {
  let issuer = '';
  const all: Pages = {
    '/.well-known/openid-configuration': (response) =>
      sendJson(response, 200, { issuer, token_endpoint: `${issuer}/token`, device_authorization_endpoint: `${issuer}/device`, jwks_uri: `${issuer}/jwks` }),
    ...pages,
  };
  const server = createServer((request, response) => {
    const page = all[request.url ?? ''];
    if (page === undefined) response.writeHead(404).end();
    else page(response, issuer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const nobody = (): void => undefined;
  return { issuer, audience: 'urn:a', clientId: 'mcprec', setGroups: nobody, disable: nobody, close, [Symbol.asyncDispose]: close };
}

async function failing(pages: Pages) {
  await using provider = await misbehaving(pages);
  await using gateway = await startGateway(provider);
  using home = temporaryHome();
  const { request, events } = loginRequest(gateway.url, home.path, { report: () => undefined });
  const error = await login(request).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return { error, events };
}

const metadata = '/.well-known/openid-configuration';
const deviceCode = (changes: Record<string, unknown>) => ({
  '/device': (response: ServerResponse) =>
    sendJson(response, 200, { device_code: 'd', user_code: 'u', verification_uri: 'https://login.example/', expires_in: 60, interval: 0.05, ...changes }),
});
const refusing = (status: number, body: unknown) => ({ '/token': (response: ServerResponse) => sendJson(response, status, body) });

describe('a provider that misbehaves', () => {
  test.each(['file:///etc/passwd', 'javascript:alert(1)', 'http://login.example/', 'https://user@login.example/'])(
    'may not send people to %s',
    async (page) => {
      for (const field of ['verification_uri', 'verification_uri_complete']) {
        const { error, events } = await failing(deviceCode({ [field]: page }));
        expect(error).toMatchObject({ code: 'provider_failed', message: expect.stringContaining('a page that is refused') });
        expect(events).toEqual([]);
      }
    },
  );

  test.each([
    ['another issuer', { [metadata]: (r: ServerResponse) => sendJson(r, 200, { issuer: 'https://other.example' }) }],
    ['no JSON', { [metadata]: (r: ServerResponse) => r.writeHead(200, { 'content-type': 'text/html' }).end('<html>') }],
    ['a 500', { [metadata]: (r: ServerResponse) => r.writeHead(500).end() }],
    ['a redirect', { [metadata]: (r: ServerResponse) => r.writeHead(302, { location: '/elsewhere' }).end() }],
    ['no device endpoint', { [metadata]: (r: ServerResponse, issuer: string) => sendJson(r, 200, { issuer, token_endpoint: `${issuer}/token` }) }],
    [
      'more than is read',
      { [metadata]: (r: ServerResponse) => r.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.alloc(limits.providerBytesMax + 1, ' ')) },
    ],
    [
      'an endpoint in plain http elsewhere',
      { [metadata]: (r: ServerResponse, issuer: string) => sendJson(r, 200, { issuer, device_authorization_endpoint: 'http://login.example/device' }) },
    ],
  ])('and answers with %s is provider_failed', async (_name, pages: Pages) => {
    const { error } = await failing(pages);
    expect(error).toMatchObject({ code: 'provider_failed', exitCode: 6 });
  });

  test('that cuts the connection is provider_unreachable', async () => {
    const { error } = await failing({ [metadata]: (response) => response.destroy() });
    expect(error).toMatchObject({ code: 'provider_unreachable' });
  });

  test('has its words shown escaped, and not all of them', async () => {
    const description = `\u001b]0;owned\u0007${'x'.repeat(5_000)}`;
    const { error } = await failing({ ...deviceCode({}), ...refusing(400, { error: 'unauthorized_client', error_description: description }) });
    const message = (error as Error).message;
    expect(error).toMatchObject({ code: 'login_refused' });
    expect(message).toContain('\\u{1b}]0;owned\\u{7}xxx');
    expect(message.length).toBeLessThan(500);
  });

  test.each([
    ['invalid_grant', 'login_expired'],
    ['invalid_dpop_proof', 'proof_invalid'],
    ['server_error', 'provider_failed'],
    ['invalid_client', 'login_refused'],
  ])('and answers a refresh with %s is %s', async (said, code) => {
    await using provider = await misbehaving(refusing(400, { error: said }));
    const client = await openProvider({ issuer: provider.issuer, clientId: 'mcprec', scopes: [], audience: 'urn:a', clock: systemClock });
    await expect(client.refresh(new Secret('r'), await importDpopKey(await newDpopJwk()))).rejects.toMatchObject({ code });
  });
});

import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { discoverGateway } from '../../src/identity/discovery.ts';
import { gatewayUrl } from '../../src/identity/gateway-url.ts';

async function listening(server: Server): Promise<AsyncDisposable & { readonly url: string }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

function serving(listener: RequestListener) {
  return listening(createServer({ keepAlive: false }, listener));
}

function wellKnown(gateway: string, changes: Record<string, unknown> = {}): string {
  return JSON.stringify({ mcprec: 1, gateway, issuer: 'https://login.example', clientId: 'mcprec', scopes: ['openid'], audience: 'mcprec', ...changes });
}

describe('asking an address whether it is a gateway', () => {
  test('gives what the gateway says of itself, below a path too', async () => {
    let url = '';
    await using server = await serving((request, response) => response.end(request.url === '/base/.well-known/mcprec' ? wellKnown(`${url}/base/`) : '{}'));
    url = server.url;
    expect(await discoverGateway(`${url}/base/`)).toMatchObject({ clientId: 'mcprec', issuer: 'https://login.example' });
  });

  test('nobody there: gateway_unreachable', async () => {
    const server = await serving(() => undefined);
    await server[Symbol.asyncDispose]();
    await expect(discoverGateway(server.url)).rejects.toMatchObject({
      code: 'gateway_unreachable',
      exitCode: 6,
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  const others: readonly (readonly [string, RequestListener, string])[] = [
    ['a web page', (_q, s) => s.end('<html>'), 'its answer is not a gateway'],
    ['other JSON', (_q, s) => s.end('{"mcprec":2}'), 'its answer is not a gateway'],
    ['a 404', (_q, s) => s.writeHead(404).end(), 'it answers 404'],
    ['a redirect', (_q, s) => s.writeHead(302, { location: 'https://evil.example/' }).end(), 'it redirects to https://evil.example/, which is not followed'],
  ];
  test.each(others)('%s there: not_a_gateway', async (_name, listener, message) => {
    await using server = await serving(listener);
    await expect(discoverGateway(server.url)).rejects.toMatchObject({ code: 'not_a_gateway', message: expect.stringContaining(message) });
  });

  test('no HTTP there: not_a_gateway', async () => {
    await using server = await listening(createTcpServer((socket) => socket.resume().end('SSH-2.0-OpenSSH_9.2\r\n')));
    await expect(discoverGateway(server.url)).rejects.toMatchObject({ code: 'not_a_gateway', message: expect.stringContaining('does not speak HTTP') });
  });

  test('an answer without an end is cut at its bound', async () => {
    const chunk = ' '.repeat(16_384);
    await using server = await serving((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(chunk));
        response.once('drain', write);
      };
      write();
    });
    await expect(discoverGateway(server.url)).rejects.toMatchObject({ message: expect.stringContaining(`more than ${limits.wellKnownBytesMax} bytes`) });
  });

  test('a gateway that goes by another address is not followed', async () => {
    await using server = await serving((_request, response) => response.end(wellKnown('https://other.example')));
    await expect(discoverGateway(server.url)).rejects.toMatchObject({ code: 'not_a_gateway', remedy: 'run the command with --gateway https://other.example' });
  });

  test('a provider in plain http elsewhere is refused', async () => {
    let url = '';
    await using server = await serving((_request, response) => response.end(wellKnown(url, { issuer: 'http://login.example' })));
    url = server.url;
    await expect(discoverGateway(url)).rejects.toMatchObject({ code: 'not_a_gateway', message: expect.stringContaining('plain http') });
  });

  test('Ctrl-C ends it as cancelled', async () => {
    const interrupt = new AbortController();
    await using server = await serving(() => interrupt.abort('SIGINT'));
    await expect(discoverGateway(server.url, interrupt.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('the address of a gateway', () => {
  test.each([
    ['https://gw.example/', 'https://gw.example'],
    ['HTTPS://GW.example:443/a//', 'https://gw.example/a'],
    ['http://127.0.0.1:7470', 'http://127.0.0.1:7470'],
    ['http://127.9.9.9', 'http://127.9.9.9'],
    ['http://localhost:1/', 'http://localhost:1'],
    ['http://[::1]:1', 'http://[::1]:1'],
  ])('%s is %s', (text, url) => expect(gatewayUrl(text)).toBe(url));

  test.each([
    'http://gw.example',
    'http://128.0.0.1',
    'http://127.0.0.1.example',
    'http://localhost.example',
    'http://0.0.0.0',
    'ftp://127.0.0.1',
    'gw.example',
    '',
    'https://u:p@gw.example',
    'https://gw.example?x',
    'https://gw.example/#x',
  ])('%s is refused', (text) => expect(() => gatewayUrl(text)).toThrow(expect.objectContaining({ code: 'usage', exitCode: 2 })));
});

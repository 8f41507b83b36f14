import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { type DevProvider, startProvider } from '../../src/dev/provider.ts';
import type { SessionEvent } from '../../src/protocol/control.ts';
import { loggedIn, openTestIdentity, sendError, sendJson, startGateway, type TestGateway, temporaryHome } from './support.ts';

let provider: DevProvider;
let gateway: TestGateway;
const home = temporaryHome();
beforeAll(async () => {
  provider = await startProvider({ pollSeconds: 0.05 });
  gateway = await startGateway(provider);
  await loggedIn(gateway.url, home.path);
});
beforeEach(() => {
  gateway.received.length = 0;
});
afterAll(async () => {
  home[Symbol.dispose]();
  await gateway[Symbol.asyncDispose]();
  await provider.close();
});

describe('a control call', () => {
  test('takes the gateway’s nonce and says it from then on', async () => {
    await using identity = await openTestIdentity(home.path);
    gateway.answer = ({ proof }, response) => {
      response.setHeader('dpop-nonce', 'nonce-1');
      if (proof.nonce === 'nonce-1') sendJson(response, 200, {});
      else response.writeHead(401, { 'www-authenticate': 'DPoP error="use_dpop_nonce"' }).end();
    };
    await identity.request('GET', '/v1/connections');
    await identity.request('GET', '/v1/connections');
    expect(gateway.received.map((r) => r.proof.nonce)).toEqual([undefined, 'nonce-1', 'nonce-1']);
    expect(new Set(gateway.received.map((r) => r.proof.jti)).size).toBe(3);
  });

  test('does not chase a nonce that changes with each answer', async () => {
    await using identity = await openTestIdentity(home.path);
    let nonces = 0;
    gateway.answer = (_received, response) => response.writeHead(401, { 'dpop-nonce': `nonce-${++nonces}` }).end();
    await expect(identity.request('GET', '/v1/connections')).rejects.toMatchObject({ code: 'gateway_failed' });
    expect(nonces).toBe(2);
  });

  test('sends a body as it is, with its headers', async () => {
    await using identity = await openTestIdentity(home.path);
    gateway.answer = (_received, response) => sendJson(response, 409, { size: 7 });
    const headers = { 'content-type': 'application/cbor', 'content-encoding': 'zstd' };
    const answer = await identity.request('POST', '/v1/logs/log_1/entries', { body: Buffer.from('bytes'), headers, accept: [409] });
    expect([answer.status, answer.json()]).toEqual([409, { size: 7 }]);
    expect(gateway.received[0]).toMatchObject({ body: 'bytes', headers });
  });

  test('a status that may be an answer is an error where one comes with it', async () => {
    await using identity = await openTestIdentity(home.path);
    gateway.answer = (_received, response) => sendJson(response, 409, { error: { code: 'witness_rollback', message: 'seen more' } });
    const uploaded = identity.request('POST', '/v1/logs/log_1/entries', { body: Buffer.from('bytes'), accept: [409] });
    await expect(uploaded).rejects.toMatchObject({ code: 'witness_rollback', message: 'seen more' });
  });

  test.each([
    [
      403,
      { error: { code: 'connection_denied', message: 'group\u001b[2Jsre', remedy: 'ask' } },
      { code: 'connection_denied', message: 'group\\u{1b}[2Jsre', remedy: 'ask', exitCode: 5 },
    ],
    [404, { error: { code: 'not_found', message: 'no such connection' } }, { code: 'not_found', remedy: 'check the name or id' }],
    [500, { error: { code: 'bug', message: 'it broke' } }, { code: 'gateway_failed', message: 'the gateway answered GET /v1/x with HTTP 500: it broke' }],
    [418, { error: { code: 'toString', message: 'teapot' } }, { code: 'gateway_failed' }],
    [502, 'Bad Gateway', { code: 'gateway_failed', message: 'the gateway answered GET /v1/x with HTTP 502', exitCode: 6 }],
    [302, {}, { code: 'gateway_failed', message: 'the gateway answered GET /v1/x with HTTP 302' }],
  ])('answered %i with %j is the error it stands for', async (status, body, error) => {
    await using identity = await openTestIdentity(home.path);
    gateway.answer = (_received, response) => sendJson(response, status, body);
    await expect(identity.request('GET', '/v1/x')).rejects.toMatchObject(error);
    expect(gateway.received).toHaveLength(1);
  });

  test('answered with what is not JSON is gateway_failed when it is read', async () => {
    await using identity = await openTestIdentity(home.path);
    gateway.answer = (_received, response) => response.end('<html>');
    const answer = await identity.request('GET', '/v1/x');
    expect(() => answer.json()).toThrow(expect.objectContaining({ code: 'gateway_failed' }));
  });

  test('with an answer longer than the bound is gateway_failed', async () => {
    await using identity = await openTestIdentity(home.path);
    gateway.answer = (_received, response) => response.end(Buffer.alloc(limits.controlAnswerBytesMax + 1));
    await expect(identity.request('GET', '/v1/x')).rejects.toMatchObject({ code: 'gateway_failed' });
  });

  test('that is cut off is gateway_unreachable, and stopped by us cancelled', async () => {
    await using identity = await openTestIdentity(home.path);
    gateway.answer = (_received, response) => response.destroy();
    await expect(identity.request('GET', '/v1/x')).rejects.toMatchObject({ code: 'gateway_unreachable', exitCode: 6 });
    const interrupt = new AbortController();
    gateway.answer = () => interrupt.abort('SIGINT');
    await expect(identity.request('GET', '/v1/x', { signal: interrupt.signal })).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('carries the signed device', async () => {
    await using identity = await openTestIdentity(home.path);
    expect(identity.signDevice()).toMatchObject({ publicKey: { kty: 'OKP', crv: 'Ed25519' }, signature: expect.stringMatching(/^[\w-]{86}$/) });
    expect(identity.signDevice().publicKey).not.toHaveProperty('d');
  });
});

describe('the events of a session', () => {
  async function collect(events: AsyncIterable<SessionEvent>, after: (event: SessionEvent) => void = () => undefined): Promise<SessionEvent[]> {
    const all: SessionEvent[] = [];
    for await (const event of events) {
      all.push(event);
      after(event);
    }
    return all;
  }

  test('come as they are sent; comments and events of a later version are left out', async () => {
    await using identity = await openTestIdentity(home.path);
    gateway.answer = (_received, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\nevent: policy\ndata: {"event":"policy","projection":"p","pol');
      response.write('icyHash":"h"}\n\nevent: new\ndata: {"event":"new"}\n\ndata: {"event":"revoked",\ndata: "reason":"r"}\n\n');
      response.end();
    };
    const events = await collect(identity.stream('/v1/sessions/ses_1/events', new AbortController().signal));
    expect(events).toEqual([
      { event: 'policy', projection: 'p', policyHash: 'h' },
      { event: 'revoked', reason: 'r' },
    ]);
    expect(gateway.received[0]?.headers).toMatchObject({ accept: 'text/event-stream' });
  });

  test('end quietly when we stop listening', async () => {
    await using identity = await openTestIdentity(home.path);
    gateway.answer = (_received, response) => response.write('data: {"event":"closed"}\n\n');
    const stop = new AbortController();
    expect(await collect(identity.stream('/v1/sessions/ses_1/events', stop.signal), () => stop.abort())).toEqual([{ event: 'closed' }]);
  });

  test('end with gateway_unreachable when the gateway dies, and with its error when it refuses', async () => {
    await using identity = await openTestIdentity(home.path);
    const { signal } = new AbortController();
    gateway.answer = (_received, response) => response.write('data: {"event":"closed"}\n\n', () => response.destroy());
    await expect(collect(identity.stream('/v1/sessions/ses_1/events', signal))).rejects.toMatchObject({ code: 'gateway_unreachable' });
    gateway.answer = (_received, response) => sendError(response, 404, 'not_found', 'no such session');
    await expect(collect(identity.stream('/v1/sessions/ses_1/events', signal))).rejects.toMatchObject({ code: 'not_found' });
  });
});

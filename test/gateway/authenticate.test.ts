import { createSecretKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import type { Caller } from './caller.ts';
import { TestWorld } from './support.ts';

let world: TestWorld;
let sre: Caller;
beforeAll(async () => {
  world = await TestWorld.start();
  sre = await world.caller('sre');
});
afterAll(() => world[Symbol.asyncDispose]());

describe('the data path lets in', () => {
  it.each([
    ['no token', { token: '' }, 401, 'grant_ended'],
    ['another token', { token: 'mcprec_AAAA' }, 401, 'grant_ended'],
    ['another key: the grant used from another process', { key: createSecretKey(randomBytes(32)) }, 401, 'signature_invalid'],
    ['a body changed on the way', { sentBody: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' }, 401, 'signature_invalid'],
    ['a header added on the way', { sentHeaders: { 'mcp-name': 'x' } }, 401, 'signature_invalid'],
    ['another exchange put in', { sentHeaders: { 'mcprec-exchange': `exc_${'0'.repeat(32)}` } }, 401, 'signature_invalid'],
    ['another connection', { connection: 'quiet' }, 403, 'connection_denied'],
  ] as const)('nothing with %s', async (_, changes, status, code) => {
    const grant = await sre.grant('datadog');
    const before = world.upstream.received.length;
    const answer = await grant.send(changes);
    expect([answer.status, answer.body.error.code, answer.headers.get('mcprec-refused')]).toEqual([status, code, code]);
    expect(world.upstream.received.length).toBe(before);
  });

  it('nothing whose session is another’s', async () => {
    const [a, b] = [await sre.grant('datadog'), await sre.grant('datadog')];
    expect(await a.send({ session: b.response.sessionId })).toMatchObject({ status: 401, body: { error: { code: 'signature_invalid' } } });
  });

  it.each([-1, 1])('nothing signed by a clock that is wrong (%i)', async (way) => {
    const grant = await sre.grant('datadog');
    const signedMs = world.clock.wallMs() + way * (limits.signatureSkewMsMax + 5_000);
    expect(await grant.send({ signedMs })).toMatchObject({
      status: 401,
      body: { error: { code: 'signature_invalid', message: expect.stringContaining('clocks') } },
    });
  });

  it.each(['datadog', 'quiet'])('an exchange once only on %s, also at the same moment and after a restart', async (connection) => {
    const grant = await sre.grant(connection);
    const exchange = grant.newExchange();
    const before = world.upstream.received.length;
    const answers = await Promise.all([grant.send({ exchange }), grant.send({ exchange }), grant.send({ exchange })]);
    await world.restartGateway();
    answers.push(await grant.send({ exchange }));
    expect(world.upstream.received.length).toBe(before + 1);
    expect(answers.filter((answer) => answer.body.result !== undefined).length).toBe(1);
  });

  it('nothing whose grant ended while its body was on the way', async () => {
    const grant = await sre.grant('quiet');
    const before = world.upstream.received.length;
    const answer = await grant.sendSlowly(() => sre.call('DELETE', `/v1/grants/${grant.response.grantId}`));
    expect(answer).toContain('grant-revoked');
    // The one that was sent whole in the meantime.
    expect(world.upstream.received.length).toBe(before + 1);
  });

  it('handles that the upstream gave to this identity only', async () => {
    const grant = await sre.grant('datadog');
    await grant.send();
    expect((await grant.send({ mcpSessionId: 'given-by-upstream' })).body.result).toEqual({});
    await world.restartGateway();
    expect((await grant.send({ mcpSessionId: 'given-by-upstream' })).body.result).toEqual({});
    const before = world.upstream.received.length;
    expect((await grant.send({ mcpSessionId: 'guessed' })).status).toBe(404);
    const dev = await world.caller('dev');
    const other = await dev.grant('secret');
    expect((await other.send({ mcpSessionId: 'given-by-upstream' })).status).toBe(404);
    expect(world.upstream.received.length).toBe(before);
  });
});

describe('the gateway does not believe who is signed in', () => {
  const call = (tool: string, text: string) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: { text } } });

  it('it denies by its own policy, whatever the forwarder let through', async () => {
    const grant = await sre.grant('datadog');
    const before = world.upstream.received.length;
    const answer = await grant.send({ body: call('delete_monitor', 'x') });
    expect(answer).toMatchObject({ status: 200, body: { result: { isError: true } } });
    expect(JSON.stringify(answer.body)).toContain('no-delete');
    expect(world.upstream.received.length).toBe(before);
    const { body } = await sre.call('GET', `/v1/sessions/${grant.response.sessionId}`);
    expect(body).toMatchObject({ denied: 1 });
  });

  it('it masks its own record, whatever the forwarder sent', async () => {
    const grant = await sre.grant('datadog');
    await grant.send({ body: call('search_logs', 'of rosa.diaz@postbox.example, please') });
    expect(world.upstream.received.at(-1)?.body).toContain('rosa.diaz@postbox.example');
    await world.gateway.close();
    const bytes = readFileSync(join(world.directory, 'gateway.db'));
    expect([bytes.includes('of [email], please'), bytes.includes('rosa.diaz@postbox.example')]).toEqual([true, false]);
    await world.startGateway();
  });

  it('its own credential, where the upstream refuses it, is no business of the client’s', async () => {
    const grant = await sre.grant('datadog');
    world.upstream.answer = { status: 401, headers: { 'www-authenticate': 'Bearer resource_metadata="https://upstream.example/"' } };
    const answer = await grant.send();
    world.upstream.answer = undefined;
    expect(answer).toMatchObject({ status: 200, body: { error: { code: 5020, message: expect.stringContaining('HTTP 401') } } });
    expect(answer.headers.get('www-authenticate')).toBeNull();
  });

  it('a redirect of the upstream is passed on and not followed', async () => {
    const grant = await sre.grant('datadog');
    const before = world.upstream.received.length;
    world.upstream.answer = { status: 307, headers: { location: world.upstream.url } };
    const answer = await grant.send({ redirect: 'manual' });
    world.upstream.answer = undefined;
    expect([answer.status, answer.headers.get('location')]).toEqual([307, world.upstream.url]);
    expect(world.upstream.received.length).toBe(before + 1);
  });
});

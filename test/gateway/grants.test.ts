import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { compactVerify, importJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogId } from '../../src/base/ids.ts';
import { limits } from '../../src/base/limits.ts';
import { importDeviceKey, newDeviceJwk, signDevice } from '../../src/identity/device.ts';
import { projectionSchema } from '../../src/policy/projection.ts';
import { grantResponseSchema, renewResponseSchema, sessionSummarySchema, wellKnownSchema } from '../../src/protocol/control.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Caller } from './caller.ts';
import type { HeldGrant } from './held-grant.ts';
import { TestWorld } from './support.ts';

let world: TestWorld;
let sre: Caller;
let admin: Caller;
beforeAll(async () => {
  world = await TestWorld.start();
  [sre, admin] = await Promise.all([world.caller('sre'), world.caller('admin')]);
});
afterAll(() => world[Symbol.asyncDispose]());

const stateOf = async (grant: HeldGrant) => (await admin.call('GET', `/v1/sessions/${grant.response.sessionId}`)).body;

describe('what anyone may ask', () => {
  it('says where to log in, that it lives, and whose resource it is', async () => {
    const known = wellKnownSchema.parse(await (await fetch(`${world.gateway.url}/.well-known/mcprec`)).json());
    expect(known).toMatchObject({ gateway: world.gateway.url, issuer: world.provider.issuer, audience: world.provider.audience });
    expect((await fetch(`${world.gateway.url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${world.gateway.url}/.well-known/oauth-protected-resource`)).json()).toMatchObject({
      authorization_servers: [world.provider.issuer],
    });
    const nothing = await fetch(`${world.gateway.url}/v1/nothing`);
    expect([nothing.status, await nothing.json()]).toMatchObject([404, { error: { code: 'not_found' } }]);
  });
});

describe('a grant', () => {
  it('comes with keys, a signed projection and a session that is recorded', async () => {
    const grant = await sre.grant('datadog', { reason: 'look at maya@harborshop.example', ttlSeconds: 600 });
    const response = grantResponseSchema.parse(grant.response);
    expect(response).toMatchObject({ identity: { subject: 'sre-bot', groups: ['sre'] }, connection: { name: 'datadog', kind: 'mcp', record: 'full' } });
    expect(response.expiresAtMs - world.clock.wallMs()).toBeLessThanOrEqual(600_000);
    expect(response.tokenExpiresAtMs - world.clock.wallMs()).toBeLessThanOrEqual(limits.grantTokenMsMax);
    const { payload } = await compactVerify(response.projection, await importJWK(response.gatewayKey, 'EdDSA'));
    expect(projectionSchema.parse(JSON.parse(Buffer.from(payload).toString()))).toMatchObject({
      policyHash: response.policyHash,
      connection: { name: 'datadog' },
    });
    const summary = sessionSummarySchema.parse(await stateOf(grant));
    expect(summary).toMatchObject({ state: 'open', connection: 'datadog', calls: 0 });
    expect(summary.reason).not.toContain('maya@');
    expect(summary.logs.map((log) => [log.vantage, log.size]).toSorted()).toEqual([
      ['forwarder', 0],
      ['gateway', 1],
    ]);
  });

  it('opens the data path, with the credential of the upstream put in and ours taken off', async () => {
    const grant = await sre.grant('datadog');
    const answer = await grant.send();
    expect([answer.status, answer.body]).toEqual([200, { jsonrpc: '2.0', id: 1, result: {} }]);
    const { headers } = world.upstream.received.at(-1) ?? { headers: {} };
    expect(headers).toMatchObject({ dd_api_key: 'upstream-key' });
    expect(Object.keys(headers).filter((name) => name.startsWith('mcprec-') || name === 'authorization' || name === 'signature')).toEqual([]);
    expect(await stateOf(grant)).toMatchObject({ calls: 1 });
  });

  it('is refused where the connection is unknown or not for the caller, and says what is', async () => {
    const unknown = await sre.call('POST', '/v1/grants', { json: (await sre.wish('datadgo')).json });
    expect(unknown).toMatchObject({ status: 404, body: { error: { code: 'not_found', message: expect.stringContaining('you may use: datadog, quiet') } } });
    const denied = await sre.call('POST', '/v1/grants', { json: (await sre.wish('secret')).json });
    expect(denied).toMatchObject({ status: 403, body: { error: { code: 'connection_denied', message: expect.stringContaining('engineering, sre-leads') } } });
    const { body } = await sre.call('GET', '/v1/connections');
    expect(body.connections).toEqual([
      { name: 'datadog', kind: 'mcp', allowed: true },
      { name: 'quiet', kind: 'mcp', allowed: true },
      { name: 'secret', kind: 'mcp', allowed: false },
    ]);
  });

  it('asks for a device that signs, and keeps to whom it was enrolled for', async () => {
    const { json } = await sre.wish('datadog');
    const dev = await world.caller('dev');
    for (const device of [
      { ...json.device, signature: signDevice(sre.device, 'another-thumbprint', world.gateway.publicUrl) },
      { ...json.device, signature: signDevice(sre.device, sre.key.thumbprint, 'https://other.example') },
      { ...json.device, signature: signDevice(importDeviceKey(newDeviceJwk()), sre.key.thumbprint, world.gateway.publicUrl) },
      { ...json.device, publicKey: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } },
    ]) {
      expect(await sre.call('POST', '/v1/grants', { json: { ...json, device } })).toMatchObject({ status: 403, body: { error: { code: 'device_refused' } } });
    }
    const stolen = { ...json.device, signature: signDevice(sre.device, dev.key.thumbprint, world.gateway.publicUrl) };
    await sre.grant('datadog');
    expect(await dev.call('POST', '/v1/grants', { json: { ...json, connection: 'secret', device: stolen } })).toMatchObject({
      status: 403,
      body: { error: { code: 'device_refused' } },
    });
  });

  it('lets two grants of a new device in at the same moment', async () => {
    const fresh = await world.caller('sre');
    const grants = await Promise.all([fresh.grant('datadog'), fresh.grant('quiet')]);
    expect(new Set(grants.map((grant) => grant.response.sessionId)).size).toBe(2);
  });

  it.each([
    ['a connection left out', { connection: undefined }],
    ['a bad log id', { logId: 'log_1' }],
    ['a ttl of nothing', { ttlSeconds: 0 }],
    ['no ephemeral key', { ephemeralKey: { kty: 'oct', k: 'AAAA' } }],
  ])('answers %s with what is wrong', async (_, over) => {
    const { json } = await sre.wish('datadog', over);
    expect(await sre.call('POST', '/v1/grants', { json })).toMatchObject({ status: 400, body: { error: { code: 'usage' } } });
  });

  it('does not take a log that another session writes', async () => {
    const grant = await sre.grant('datadog');
    const { json } = await sre.wish('datadog', { logId: grant.logId });
    expect(await sre.call('POST', '/v1/grants', { json })).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('in use') } } });
  });
});

describe('the life of a grant', () => {
  it('is renewed with a new token while the old one goes on', async () => {
    const grant = await sre.grant('datadog');
    const renewed = await sre.call('POST', `/v1/grants/${grant.response.grantId}/renew`);
    expect(renewed.status).toBe(200);
    const { token } = renewResponseSchema.parse(renewed.body);
    expect(token).not.toBe(grant.response.token);
    expect((await grant.send()).status).toBe(200);
    expect((await grant.send({ token })).status).toBe(200);
  });

  it('loses its old token after its time, not its session', async () => {
    const grant = await sre.grant('datadog');
    expect((await grant.send()).status).toBe(200);
    world.clock.aheadMs += limits.grantTokenMsMax - 10_000;
    sre.forgetToken();
    const { body } = await sre.call('POST', `/v1/grants/${grant.response.grantId}/renew`);
    world.clock.aheadMs += 20_000;
    expect(await grant.send()).toMatchObject({ status: 401, body: { error: { code: 'grant_ended' } } });
    expect((await grant.send({ token: body.token })).status).toBe(200);
    world.clock.aheadMs = 0;
  });

  it('ends when the groups do not give it any more', async () => {
    const { sre: machine } = world.machines;
    const grant = await sre.grant('datadog');
    machine.groups.splice(0, 1, 'visitors');
    sre.forgetToken();
    try {
      expect(await sre.call('POST', `/v1/grants/${grant.response.grantId}/renew`)).toMatchObject({
        status: 403,
        body: { error: { code: 'connection_denied' } },
      });
    } finally {
      machine.groups.splice(0, 1, 'sre');
      sre.forgetToken();
    }
    expect(await grant.send()).toMatchObject({ status: 401, body: { error: { code: 'grant_revoked' } } });
    expect(await stateOf(grant)).toMatchObject({ state: 'revoked' });
  });

  it('takes its streams in flight along when it is revoked, and they are recorded before its last entry', async () => {
    const grant = await sre.grant('datadog');
    world.upstream.streams = true;
    const answer = await grant.stream();
    const reader = answer.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toContain('notifications/message');
    await sre.call('DELETE', `/v1/grants/${grant.response.grantId}`);
    world.upstream.streams = false;
    await world.upstream.closed;
    await expect(reader?.read()).rejects.toThrow();
    const { logs } = (await stateOf(grant)) as { logs: { logId: LogId; vantage: string; size: number }[] };
    const { logId, size } = logs.find((log) => log.vantage === 'gateway') as (typeof logs)[number];
    const store = openSqliteStore(join(world.directory, 'gateway.db'), world.ids);
    const [last] = await store.entries(logId, size - 2, 1);
    await store.close();
    expect(JSON.parse(Buffer.from(last?.names?.bytes ?? []).toString())).toEqual({ note: 'grant_revoked' });
  });

  it('keeps a stream as long as it is renewed, and no longer', async () => {
    const [renewed, left] = [await sre.grant('datadog'), await sre.grant('datadog')];
    world.upstream.streams = true;
    const streams = [await renewed.stream(), await left.stream()].map((answer) => answer.body?.getReader());
    world.upstream.streams = false;
    for (const reader of streams) await reader?.read();
    let cut = false;
    const later = streams[0]?.read().catch(() => {
      cut = true;
    });
    world.clock.aheadMs += limits.grantTokenMsMax - 10_000;
    await sre.call('POST', `/v1/grants/${renewed.response.grantId}/renew`);
    world.clock.aheadMs += 20_000;
    await expect(streams[1]?.read()).rejects.toThrow();
    expect(await stateOf(left)).toMatchObject({ state: 'open' });
    expect(cut).toBe(false);
    await sre.call('DELETE', `/v1/grants/${renewed.response.grantId}`);
    await later;
    expect(cut).toBe(true);
    world.clock.aheadMs = 0;
  });

  it('is revoked by its holder or an administrator, and by nobody else', async () => {
    const [mine, other] = [await sre.grant('datadog'), await sre.grant('datadog')];
    const dev = await world.caller('dev');
    expect((await dev.call('DELETE', `/v1/grants/${mine.response.grantId}`)).status).toBe(404);
    expect((await dev.call('POST', `/v1/grants/${mine.response.grantId}/renew`)).status).toBe(404);
    expect((await mine.send()).status).toBe(200);
    expect(await sre.call('DELETE', `/v1/grants/${mine.response.grantId}`)).toMatchObject({ status: 200, body: { state: 'revoked' } });
    expect(await admin.call('DELETE', `/v1/grants/${other.response.grantId}`, { json: { reason: 'laptop lost' } })).toMatchObject({
      status: 200,
      body: { state: 'revoked' },
    });
    const refused = await mine.send();
    expect(refused).toMatchObject({ status: 401, body: { error: { code: 'grant_revoked' } } });
    expect(refused.headers.get('mcprec-refused')).toBe('grant_revoked');
    expect(refused.headers.get('www-authenticate')).toContain(`${world.gateway.url}/.well-known/oauth-protected-resource`);
    expect(await sre.call('POST', `/v1/grants/${mine.response.grantId}/renew`)).toMatchObject({ status: 410, body: { error: { code: 'grant_revoked' } } });
  });

  it('closes with its session, once, and stays closed', async () => {
    const grant = await sre.grant('datadog');
    const json = { size: 2, root: 'ab'.repeat(32) };
    for (let i = 0; i < 2; i++) {
      expect(await sre.call('POST', `/v1/sessions/${grant.response.sessionId}/close`, { json })).toMatchObject({ status: 200, body: { state: 'closed' } });
    }
    expect((await stateOf(grant)).logs.find((log: { vantage: string }) => log.vantage === 'gateway').size).toBe(2);
    expect(await grant.send()).toMatchObject({ status: 401, body: { error: { code: 'grant_ended' } } });
  });

  it('expires by itself, and tells who follows', async () => {
    const grant = await sre.grant('datadog', { ttlSeconds: 100 });
    const stream = await sre.send('GET', `/v1/sessions/${grant.response.sessionId}/events`);
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    world.clock.aheadMs += 101_000;
    expect(await grant.send()).toMatchObject({ status: 401, body: { error: { code: 'grant_ended' } } });
    expect(await stream.text()).toContain('event: expired\ndata: {"event":"expired"}\n\n');
    expect(await stateOf(grant)).toMatchObject({ state: 'expired' });
    world.clock.aheadMs = 0;
  });

  it('tells who follows what policy holds, first and when the groups change', async () => {
    const { sre: machine } = world.machines;
    const grant = await sre.grant('datadog');
    const stream = await sre.send('GET', `/v1/sessions/${grant.response.sessionId}/events`);
    machine.groups.push('oncall');
    sre.forgetToken();
    await sre.call('POST', `/v1/grants/${grant.response.grantId}/renew`);
    machine.groups.pop();
    sre.forgetToken();
    await sre.call('DELETE', `/v1/grants/${grant.response.grantId}`);
    const events = (await stream.text()).match(/^event: .*/gm);
    expect(events).toEqual(['event: policy', 'event: policy', 'event: revoked']);
  });

  it('tells who follows of a revocation, and refuses to follow what has ended or is another’s', async () => {
    const grant = await sre.grant('datadog');
    const path = `/v1/sessions/${grant.response.sessionId}/events`;
    const stream = await sre.send('GET', path);
    const dev = await world.caller('dev');
    expect((await dev.call('GET', path)).status).toBe(404);
    await admin.call('DELETE', `/v1/grants/${grant.response.grantId}`, { json: { reason: 'laptop lost' } });
    expect(await stream.text()).toContain('data: {"event":"revoked","reason":"laptop lost"}');
    expect(await sre.call('GET', path)).toMatchObject({ status: 410, body: { error: { code: 'grant_revoked' } } });
  });

  it('survives a restart of the gateway', async () => {
    const grant = await sre.grant('datadog');
    await grant.send();
    const stream = await sre.send('GET', `/v1/sessions/${grant.response.sessionId}/events`);
    await world.restartGateway();
    await stream.text();
    expect((await grant.send()).status).toBe(200);
    expect(await stateOf(grant)).toMatchObject({ state: 'open', calls: 2 });
    expect((await sre.call('POST', `/v1/grants/${grant.response.grantId}/renew`)).status).toBe(200);
  });
});

describe('sessions', () => {
  it('are listed to their owner, and all of them to an administrator', async () => {
    const dev = await world.caller('dev');
    const theirs = await dev.grant('secret');
    const mine = await sre.grant('datadog');
    const idsOf = async (caller: Caller, query = '') =>
      (await caller.call('GET', `/v1/sessions${query}`)).body.sessions.map((s: { sessionId: string }) => s.sessionId);
    expect(await idsOf(sre)).toContain(mine.response.sessionId);
    expect(await idsOf(sre)).not.toContain(theirs.response.sessionId);
    expect(await idsOf(admin)).toEqual(expect.arrayContaining([mine.response.sessionId, theirs.response.sessionId]));
    const { body } = await admin.call('GET', `/v1/sessions/${mine.response.sessionId}`);
    expect(body).toMatchObject({ grantId: mine.response.grantId });
    expect(await idsOf(admin, '?mine=1')).toEqual([]);
    expect(await idsOf(sre, '?limit=1')).toEqual([mine.response.sessionId]);
    expect((await sre.call('GET', '/v1/sessions?limit=no')).status).toBe(400);
    expect((await dev.call('GET', `/v1/sessions/${mine.response.sessionId}`)).status).toBe(404);
    expect((await dev.call('GET', '/v1/sessions/ses_1')).status).toBe(404);
  });
});

describe('what lies on disk', () => {
  it('is no token, no session key, and keys for the gateway’s user only', async () => {
    const grant = await sre.grant('datadog', { reason: 'for maya@harborshop.example' });
    await grant.send();
    await world.gateway.close();
    const bytes = readFileSync(join(world.directory, 'gateway.db'));
    expect(bytes.includes(grant.response.sessionId)).toBe(true);
    for (const secret of [grant.response.token, Buffer.from(grant.signingKey.export()), 'maya@harborshop.example', 'given-by-upstream', 'upstream-key']) {
      expect(bytes.includes(secret)).toBe(false);
    }
    expect(statSync(join(world.directory, 'keys.json')).mode & 0o777).toBe(0o600);
    expect(world.log.join('')).not.toContain(grant.response.token);
    const sqlite = new Database(join(world.directory, 'gateway.db'), { readonly: true });
    expect(sqlite.pragma('integrity_check', { simple: true })).toBe('ok');
    sqlite.close();
    await world.startGateway();
  });

  it('drops the session keys when the session ends', async () => {
    const grant = await sre.grant('datadog');
    await sre.call('DELETE', `/v1/grants/${grant.response.grantId}`);
    await world.gateway.close();
    const store = openSqliteStore(join(world.directory, 'gateway.db'), world.ids);
    expect((await store.sessionOfGrant(grant.response.grantId as never))?.wrappedKeys).toBeUndefined();
    await store.close();
    await world.startGateway();
  });
});

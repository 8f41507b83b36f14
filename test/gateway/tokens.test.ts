import { createHash } from 'node:crypto';
import { type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { Secret } from '../../src/base/secret.ts';
import { startProvider } from '../../src/dev/provider.ts';
import { makeProof } from '../../src/identity/dpop.ts';
import { pressButtons } from '../support/press.ts';
import type { CallChanges, Caller } from './caller.ts';
import { TestWorld } from './support.ts';

const path = '/v1/connections';
let world: TestWorld;
let sre: Caller;
beforeAll(async () => {
  world = await TestWorld.start({ identity: 'clock_skew: 30s' });
  sre = await world.caller('sre');
});
afterAll(() => world[Symbol.asyncDispose]());

const call = (changes: CallChanges = {}, caller = sre) => caller.call('GET', path, changes);
const refused = (status: number, code: string, text: string) => ({
  status,
  body: { error: { code, message: expect.stringContaining(text), remedy: expect.any(String) } },
});

/** The token with one claim changed and its signature left as it was. */
function tampered(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), groups: ['security'] };
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

describe('an access token', () => {
  it('is taken where all is right, and the caller’s groups are those in it', async () => {
    const { status, body } = await call();
    expect([status, body.connections.map((c: { allowed: boolean }) => c.allowed)]).toEqual([200, [true, true, false]]);
  });

  it('is refused where it is missing, no token, or tampered with', async () => {
    const token = await sre.token();
    const bare = await fetch(`${world.gateway.url}${path}`);
    expect([bare.status, bare.headers.get('www-authenticate'), await bare.json()]).toMatchObject([
      401,
      expect.stringContaining('DPoP'),
      { error: { code: 'token_invalid' } },
    ]);
    expect(await call({ token: 'abc' })).toMatchObject(refused(401, 'token_invalid', 'cannot be read'));
    expect(await call({ token: tampered(token) })).toMatchObject(refused(401, 'token_invalid', 'not signed by'));
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`;
    expect(await call({ token: unsigned })).toMatchObject(refused(401, 'token_invalid', ''));
    const symmetric = await new SignJWT({ sub: 'x', groups: ['security'] }).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32));
    expect(await call({ token: symmetric })).toMatchObject(refused(401, 'token_invalid', ''));
  });

  it('is refused for another audience', async () => {
    const strict = await TestWorld.start({ gatewayAudience: 'urn:somebody:else' });
    try {
      expect(await call({}, await strict.caller('sre'))).toMatchObject(refused(401, 'token_invalid', 'another audience than urn:somebody:else'));
    } finally {
      await strict[Symbol.asyncDispose]();
    }
  });

  it('is refused from another issuer', async () => {
    const foreign = await startProvider({ audience: world.provider.audience, machines: Object.values(world.machines) });
    const elsewhere = await TestWorld.start({ identity: '' });
    try {
      expect(await call({ token: await sre.fetchToken('bound', foreign) })).toMatchObject(refused(401, 'token_invalid', 'not signed by'));
      expect(await call({ token: await (await elsewhere.caller('sre')).fetchToken() })).toMatchObject(refused(401, 'token_invalid', 'not signed by'));
    } finally {
      await foreign.close();
      await elsewhere[Symbol.asyncDispose]();
    }
  });

  it('is refused once it has expired, clock skew aside, and before it is valid', async () => {
    const token = await sre.fetchToken();
    const { exp = 0 } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: number };
    world.clock.aheadMs = exp * 1000 - Date.now() + 20_000;
    expect((await call({ token })).status).toBe(200);
    world.clock.aheadMs += 20_000;
    expect(await call({ token })).toMatchObject(refused(401, 'token_invalid', 'expired'));
    world.clock.aheadMs = 0;
  });

  it('that is bound to a key is refused as a bearer token', async () => {
    expect(await call({ scheme: 'Bearer' })).toMatchObject(refused(401, 'token_invalid', 'bound'));
  });

  it('of a person is refused where it is not bound; one of a machine is taken', async () => {
    expect(await call({ token: await personToken(), scheme: 'Bearer' })).toMatchObject(refused(401, 'token_invalid', 'not bound'));
    expect((await call({ token: await sre.fetchToken('unbound'), scheme: 'Bearer' })).status).toBe(200);
  });

  it('of anybody is refused where it is not bound and all must be', async () => {
    const strict = await TestWorld.start({ identity: 'bound_tokens: required' });
    try {
      const machine = await strict.caller('sre');
      expect(await call({ token: await machine.fetchToken('unbound'), scheme: 'Bearer' }, machine)).toMatchObject(refused(401, 'token_invalid', 'not bound'));
    } finally {
      await strict[Symbol.asyncDispose]();
    }
  });
});

/** A person's access token, fetched by the device flow without a proof. */
async function personToken(): Promise<string> {
  const { issuer, clientId, audience } = world.provider;
  const post = async (path: string, body: Record<string, string>) =>
    (await (await fetch(`${issuer}${path}`, { method: 'POST', body: new URLSearchParams({ client_id: clientId, ...body }) })).json()) as Record<string, string>;
  const device = await post('/device/auth', { scope: 'openid', resource: audience });
  await pressButtons(device.verification_uri_complete ?? '', { account: 'maya.okafor' });
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: device.device_code ?? '', resource: audience };
  const { access_token: token, ...rest } = await post('/token', grant);
  if (token === undefined) throw new Error(`no token: ${JSON.stringify(rest)}`);
  return token;
}

describe('a gateway that takes unbound tokens', () => {
  it('still asks for a proof with each of them, and for the key of those that are bound', async () => {
    const lax = await TestWorld.start({ identity: 'bound_tokens: when-offered' });
    try {
      const [caller, thief] = [await lax.caller('sre'), await lax.caller('sre')];
      const token = await caller.fetchToken('unbound');
      expect((await call({ token, scheme: 'Bearer' }, caller)).status).toBe(200);
      expect(await call({ token, scheme: 'Bearer', proof: undefined }, caller)).toMatchObject(refused(401, 'proof_invalid', 'no DPoP proof'));
      expect(await call({ token: await caller.token() }, thief)).toMatchObject(refused(401, 'proof_invalid', 'another key'));
    } finally {
      await lax[Symbol.asyncDispose]();
    }
  });
});

describe('a proof', () => {
  it('must be there, be made with the token’s key, and be used once', async () => {
    const token = await sre.token();
    expect(await call({ proof: undefined })).toMatchObject(refused(401, 'proof_invalid', 'no DPoP proof'));
    expect(await call({ proof: 'abc' })).toMatchObject(refused(401, 'proof_invalid', 'malformed'));
    expect(await call({ token }, await world.caller('sre'))).toMatchObject(refused(401, 'proof_invalid', 'another key'));
    const proof = await sre.proof('GET', path, token);
    const both = await Promise.all([call({ proof }), call({ proof })]);
    expect(both.map((answer) => answer.status).toSorted()).toEqual([200, 401]);
    await world.restartGateway();
    expect(await call({ proof })).toMatchObject(refused(401, 'proof_invalid', 'used before'));
  });

  it('must be for this request', async () => {
    const token = await sre.token();
    const other = await sre.fetchToken();
    const made = (over: Partial<Parameters<typeof makeProof>[1]>) =>
      makeProof(sre.key, { method: 'GET', url: `${world.gateway.publicUrl}${path}`, accessToken: new Secret(token), ...over }, world.ids);
    expect(await call({ proof: await made({ method: 'POST' }) })).toMatchObject(refused(401, 'proof_invalid', 'another method'));
    expect(await call({ proof: await made({ url: `${world.gateway.publicUrl}/v1/sessions` }) })).toMatchObject(
      refused(401, 'proof_invalid', 'another address'),
    );
    expect(await call({ proof: await made({ url: `https://other.example${path}` }) })).toMatchObject(
      refused(401, 'proof_invalid', `goes by ${world.gateway.publicUrl}`),
    );
    expect(await call({ proof: await made({ accessToken: new Secret(other) }) })).toMatchObject(refused(401, 'proof_invalid', 'another access token'));
    const withoutToken = await makeProof(sre.key, { method: 'GET', url: `${world.gateway.publicUrl}${path}` }, world.ids);
    expect(await call({ proof: withoutToken })).toMatchObject(refused(401, 'proof_invalid', 'another access token'));
  });

  it('must be of the right type and not carry a private or shared key', async () => {
    const token = await sre.token();
    const claims = { htm: 'GET', htu: `${world.gateway.publicUrl}${path}`, jti: 'a', ath: createHash('sha256').update(token).digest('base64url') };
    const sign = (header: Record<string, unknown>) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: sre.key.publicJwk, ...header })
        .setIssuedAt()
        .sign(sre.key.privateKey);
    expect(await call({ proof: await sign({ typ: 'JWT' }) })).toMatchObject(refused(401, 'proof_invalid', 'malformed'));
    expect(await call({ proof: await sign({ jwk: { ...sre.key.publicJwk, d: 'AAAA' } }) })).toMatchObject(refused(401, 'proof_invalid', 'malformed'));
    const shared = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'AAAA' } as JWK })
      .setIssuedAt()
      .sign(Buffer.from('AAAA', 'base64url'));
    expect(await call({ proof: shared })).toMatchObject(refused(401, 'proof_invalid', 'malformed'));
    expect((await call({ proof: await sign({}) })).status).toBe(200);
  });

  it.each([-1, 1])('of a clock that is wrong is refused, and the message names both times (%i)', async (way) => {
    const token = await sre.token();
    const madeMs = Date.now() + way * (limits.proofMsMax + 60_000);
    const proof = await sre.proof('GET', path, token, { ...world.ids, clock: { wallMs: () => madeMs, monoUs: () => 0 } as never });
    expect(await call({ proof })).toMatchObject(refused(401, 'proof_invalid', new Date(Math.floor(madeMs / 1000) * 1000).toISOString()));
    const nearly = Date.now() + way * limits.proofMsMax;
    const fair = await sre.proof('GET', path, token, { ...world.ids, clock: { wallMs: () => nearly, monoUs: () => 0 } as never });
    expect((await call({ proof: fair })).status).toBe(200);
  });
});

describe('where the provider is down', () => {
  it('new callers get 503 and sessions go on; when it is back, so are they', async () => {
    const shaky = await TestWorld.start();
    try {
      const caller = await shaky.caller('sre');
      const grant = await caller.grant('datadog');
      const port = Number(new URL(shaky.provider.issuer).port);
      await shaky.provider.close();
      await shaky.restartGateway();
      expect(await call({}, caller)).toMatchObject(refused(503, 'provider_unreachable', shaky.provider.issuer));
      expect((await grant.send()).status).toBe(200);
      const again = await startProvider({ port, audience: shaky.provider.audience, machines: Object.values(shaky.machines) });
      // Its keys are new: the token of before is not signed by any of them.
      expect(await call({}, caller)).toMatchObject(refused(401, 'token_invalid', 'not signed by'));
      caller.forgetToken();
      expect((await call({}, caller)).status).toBe(200);
      await again.close();
    } finally {
      await shaky[Symbol.asyncDispose]();
    }
  });
});

import { createPublicKey, verify } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { systemRandom } from '../../src/base/random.ts';
import { Secret } from '../../src/base/secret.ts';
import { importDeviceKey, newDeviceJwk, signDevice } from '../../src/identity/device.ts';
import { importDpopKey, makeProof, newDpopJwk } from '../../src/identity/dpop.ts';

const world = { clock: { wallMs: () => 1_700_000_000_999, monoUs: () => 0 }, random: systemRandom };
const then = { currentDate: new Date(1_700_000_000_000) };

describe('a DPoP proof', () => {
  test('says what RFC 9449 §4.2 asks for, and nothing of the private key', async () => {
    const key = await importDpopKey(await newDpopJwk());
    // The access token and its hash are those of RFC 9449 §7.1.
    const accessToken = new Secret('Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU');
    const proof = await makeProof(key, { method: 'POST', url: 'https://gw.example/v1/grants?x=1#y', accessToken, nonce: 'n-1' }, world);
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { ...then, typ: 'dpop+jwt', algorithms: ['ES256'] });
    expect(payload).toEqual({
      htm: 'POST',
      htu: 'https://gw.example/v1/grants',
      iat: 1_700_000_000,
      jti: expect.stringMatching(/^[\w-]{22}$/),
      ath: 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo',
      nonce: 'n-1',
    });
    expect(Object.keys(protectedHeader.jwk ?? {}).sort()).toEqual(['crv', 'kty', 'x', 'y']);
    expect(await calculateJwkThumbprint(protectedHeader.jwk ?? {})).toBe(key.thumbprint);
  });

  test('is another one each time', async () => {
    const key = await importDpopKey(await newDpopJwk());
    const request = { method: 'GET', url: 'https://gw.example/' };
    expect(await makeProof(key, request, world)).not.toBe(await makeProof(key, request, world));
  });

  test('cannot be made with a damaged key', async () => {
    const { d: _, ...publicOnly } = await newDpopJwk();
    for (const jwk of [publicOnly, {}, { kty: 'oct', k: 'AAAA' }, { ...(await newDpopJwk()), x: 'AAAA' }]) {
      await expect(importDpopKey(jwk)).rejects.toMatchObject({ code: 'credentials_corrupt' });
    }
  });
});

describe('the device key', () => {
  test('signs the DPoP key and the gateway', () => {
    const key = importDeviceKey(newDeviceJwk());
    const signature = Buffer.from(signDevice(key, 'thumb', 'https://gw.example'), 'base64url');
    const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' });
    expect(key.publicJwk).toEqual({ kty: 'OKP', crv: 'Ed25519', x: expect.any(String) });
    expect(verify(null, Buffer.from('mcprec-device-v1\nthumb\nhttps://gw.example\n'), publicKey, signature)).toBe(true);
    expect(verify(null, Buffer.from('mcprec-device-v1\nthumb\nhttps://other.example\n'), publicKey, signature)).toBe(false);
  });

  test('cannot be read where it is damaged', async () => {
    for (const jwk of [{}, await newDpopJwk()]) expect(() => importDeviceKey(jwk)).toThrow(expect.objectContaining({ code: 'credentials_corrupt' }));
  });
});

// DPoP (RFC 9449): the key that access tokens are bound to, and the proofs made with it.
import { createHash } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import type { RandomBytes } from '../base/random.ts';
import type { Secret } from '../base/secret.ts';

const ALGORITHM = 'ES256';

export interface DpopKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly publicJwk: JWK;
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string;
}

/** What a proof is for. */
export interface ProvenRequest {
  readonly method: string;
  /** Query and fragment are left out of the proof (RFC 9449 §4.2). */
  readonly url: string;
  readonly accessToken?: Secret;
  /** The server's latest `DPoP-Nonce`. */
  readonly nonce?: string;
}

/** A new ES256 key as private JWK: a secret, for the secret store only. */
export async function newDpopJwk(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  return exportJWK(privateKey);
}

/** The key of a private JWK. Throws `credentials_corrupt` where it is none. */
export async function importDpopKey(jwk: JWK): Promise<DpopKey> {
  try {
    const { kty, crv, x, y } = jwk;
    const publicJwk = { kty, crv, x, y } as JWK;
    const privateKey = await importJWK({ ...publicJwk, d: jwk.d } as JWK, ALGORITHM);
    const publicKey = await importJWK(publicJwk, ALGORITHM, { extractable: true });
    if (jwk.d === undefined || privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) throw new Error('no EC private key');
    return { privateKey, publicKey, publicJwk, thumbprint: await calculateJwkThumbprint(publicJwk) };
  } catch (cause) {
    throw new McprecError('credentials_corrupt', 'the stored DPoP key cannot be read', { cause });
  }
}

/** A proof for one request (RFC 9449 §4.2): `htm`, `htu`, `iat`, `jti`, and `ath` where a token goes with it. */
export async function makeProof(key: DpopKey, request: ProvenRequest, world: { readonly clock: Clock; readonly random: RandomBytes }): Promise<string> {
  const htu = new URL(request.url);
  htu.search = '';
  htu.hash = '';
  const claims: Record<string, string> = {
    htm: request.method,
    htu: htu.href,
    jti: Buffer.from(world.random(16)).toString('base64url'),
  };
  if (request.accessToken !== undefined) claims.ath = createHash('sha256').update(request.accessToken.reveal()).digest('base64url');
  if (request.nonce !== undefined) claims.nonce = request.nonce;
  return new SignJWT(claims)
    .setProtectedHeader({ typ: 'dpop+jwt', alg: ALGORITHM, jwk: key.publicJwk })
    .setIssuedAt(Math.floor(world.clock.wallMs() / 1000))
    .sign(key.privateKey);
}

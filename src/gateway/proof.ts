// Checks a DPoP proof: that whoever sends an access token holds the key that it is bound to, for this request and only once (RFC 9449 §4.3).
import { createHash, timingSafeEqual } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, type JWK, type JWTPayload, jwtVerify } from 'jose';
import { isoTime } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** Notes a proof as used until it would be too old anyway; false where it was used before. */
export type SpendProof = (proof: Uint8Array, expiresMs: number) => Promise<boolean>;

export interface ProofChecks {
  readonly token: string;
  /** Thumbprint that the token is bound to; undefined where it is not bound. */
  readonly boundTo: string | undefined;
  readonly nowMs: number;
  readonly skewMs: number;
  readonly spendProof: SpendProof;
}

interface ProvenCall {
  readonly method: string;
  readonly url: string;
  readonly dpop: string | undefined;
}

const algorithms = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'RS256'];
const JTI_LENGTH_MAX = 256;
/** What a Date can hold. */
const DATE_MS_MAX = 8.64e15;

/** Returns the thumbprint of the key that made the proof. Throws `proof_invalid`. */
export async function checkProof(call: ProvenCall, checks: ProofChecks): Promise<string> {
  if (call.dpop === undefined) throw refuse('the request carries no DPoP proof');
  const { claims, jwk } = await verify(call.dpop, checks.nowMs);
  const thumbprint = await calculateJwkThumbprint(jwk);
  if (checks.boundTo !== undefined && checks.boundTo !== thumbprint) throw refuse('the access token is bound to another key than the one that made the proof');
  if (claims.htm !== call.method) throw refuse('the proof was made for another method');
  checkAddress(claims.htu, call.url);
  if (!sameText(claims.ath, createHash('sha256').update(checks.token).digest('base64url')))
    throw refuse('the proof was made for another access token, or for none');
  const windowMs = limits.proofMsMax + checks.skewMs;
  const madeMs = (claims.iat ?? 0) * 1000;
  if (Math.abs(checks.nowMs - madeMs) > windowMs) {
    const made = Math.abs(madeMs) < DATE_MS_MAX ? isoTime(madeMs) : 'no time at all';
    throw refuse(`the proof was made at ${made} and the gateway’s clock says ${isoTime(checks.nowMs)}: one of the clocks is wrong, or the proof is old`);
  }
  const { jti } = claims;
  if (typeof jti !== 'string' || jti === '' || jti.length > JTI_LENGTH_MAX) throw refuse('the proof has no id, or too long a one');
  const digest = createHash('sha256').update(`${thumbprint}\n${jti}`).digest();
  if (!(await checks.spendProof(digest, madeMs + windowMs + 1000))) throw refuse('the proof was used before');
  return thumbprint;
}

async function verify(proof: string, nowMs: number): Promise<{ readonly claims: JWTPayload; readonly jwk: JWK }> {
  try {
    // The key is the proof's own: what it signs is compared with what the token is bound to.
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms,
      currentDate: new Date(nowMs),
      requiredClaims: ['iat'],
    });
    if (protectedHeader.jwk === undefined) throw new Error('no key');
    return { claims: payload, jwk: protectedHeader.jwk };
  } catch (cause) {
    throw new McprecError('proof_invalid', 'the DPoP proof is malformed, or not signed by the key in it', { cause });
  }
}

function checkAddress(claimed: unknown, url: string): void {
  const asked = new URL(url);
  asked.search = '';
  asked.hash = '';
  const named = typeof claimed === 'string' && URL.canParse(claimed) ? new URL(claimed) : undefined;
  if (named === undefined) throw refuse('the proof names no address');
  named.search = '';
  named.hash = '';
  if (named.href === asked.href) return;
  if (named.origin !== asked.origin) {
    throw refuse(`the proof was made for ${named.origin}; this gateway goes by ${asked.origin}`);
  }
  throw refuse('the proof was made for another address');
}

function sameText(a: unknown, b: string): boolean {
  return typeof a === 'string' && a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function refuse(message: string): McprecError {
  return new McprecError('proof_invalid', message);
}

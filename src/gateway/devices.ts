// Enrols devices: a device key counts once it has signed the caller's DPoP key for this gateway (RULES R5).
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { idFromBytes } from '../base/ids.ts';
import type { GrantRequest } from '../protocol/control.ts';
import type { Device, SessionStore } from '../store/store.ts';
import type { Caller } from './tokens.ts';

export interface DeviceChecks {
  readonly caller: Caller;
  /** The gateway's, as the client signed it. */
  readonly origin: string;
  readonly store: Pick<SessionStore, 'findDevice'>;
  readonly clock: Clock;
}

/** The device that asks, known or new. Throws `device_refused`. */
export async function deviceOf(claim: GrantRequest['device'], { caller, origin, store, clock }: DeviceChecks): Promise<Device> {
  const { key, raw } = readDeviceKey(claim.publicKey);
  const signed = Buffer.from(`mcprec-device-v1\n${caller.thumbprint}\n${origin}\n`, 'utf8');
  if (!verify(null, signed, key, Buffer.from(claim.signature, 'base64url'))) {
    throw new McprecError('device_refused', `the device’s signature is not one over this login and ${origin}`);
  }
  const { issuer, subject } = caller.identity;
  const known = await store.findDevice(raw);
  if (known === undefined) {
    // From the key, so that two first grants at the same moment enrol one device.
    const deviceId = idFromBytes('dev', createHash('sha256').update(raw).digest().subarray(0, 16));
    return { deviceId, publicKey: raw, issuer, subject, name: claim.name, proofThumbprint: caller.thumbprint, enrolledMs: clock.wallMs() };
  }
  if (known.endedMs !== undefined) throw new McprecError('device_refused', 'this device was ended');
  if (known.issuer !== issuer || known.subject !== subject) throw new McprecError('device_refused', 'this device is enrolled for another person');
  return known;
}

/** The Ed25519 key in a JWK. Throws `device_refused`. */
export function readDeviceKey(jwk: GrantRequest['device']['publicKey']): { readonly key: KeyObject; readonly raw: Uint8Array } {
  const { kty, crv, x } = jwk;
  const raw = typeof x === 'string' ? Buffer.from(x, 'base64url') : Buffer.alloc(0);
  if (kty !== 'OKP' || crv !== 'Ed25519' || raw.length !== 32) throw new McprecError('device_refused', 'the device’s key is no Ed25519 public key');
  return { key: createPublicKey({ key: { kty, crv, x: raw.toString('base64url') }, format: 'jwk' }), raw };
}

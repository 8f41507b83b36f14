// The device key (RULES R5): Ed25519, made at the first login, enrolled by its signature over a DPoP key and a gateway.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { JWK } from 'jose';
import { McprecError } from '../base/errors.ts';

export interface DeviceKey {
  readonly privateKey: KeyObject;
  readonly publicJwk: JWK;
}

/** A new device key as private JWK: a secret, for the secret store only. */
export function newDeviceJwk(): JWK {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) as JWK;
}

/** The key of a private JWK. Throws `credentials_corrupt` where it is none. */
export function importDeviceKey(jwk: JWK): DeviceKey {
  try {
    const privateKey = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
    if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error(`its type is ${privateKey.asymmetricKeyType}`);
    return { privateKey, publicJwk: createPublicKey(privateKey).export({ format: 'jwk' }) as JWK };
  } catch (cause) {
    throw new McprecError('credentials_corrupt', 'the stored device key cannot be read', { cause });
  }
}

/** The enrolment signature that `POST /v1/grants` carries (protocol/control.ts), base64url. */
export function signDevice(key: DeviceKey, dpopThumbprint: string, gatewayOrigin: string): string {
  return sign(null, Buffer.from(`mcprec-device-v1\n${dpopThumbprint}\n${gatewayOrigin}\n`, 'utf8'), key.privateKey).toString('base64url');
}

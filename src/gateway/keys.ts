// The gateway's own keys: one that signs policy projections, one that wraps session keys, one for handles, one for pseudonyms.
import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CompactSign, type JWK } from 'jose';
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import type { RandomBytes } from '../base/random.ts';
import type { SecretRef } from '../policy/config.ts';
import { type Environment, nameOf, resolveSecret } from './credentials.ts';

/** A session's two keys (RULES R5), 32 bytes each. */
export interface SessionKeys {
  readonly signing: Uint8Array;
  readonly reconcile: Uint8Array;
}

export interface GatewayKeys {
  /** Ed25519; clients check projections with it. */
  readonly publicJwk: JWK;
  /** The same key signs checkpoints and co-signs: what is signed begins differently each time, so that none can be taken for another. */
  readonly signingKey: KeyObject;
  /** JWS compact (EdDSA) of a JSON value. */
  sign(value: unknown): Promise<string>;
  /** AES-256-GCM, bound to the session: the keys of one cannot be put under another. */
  wrap(sessionId: SessionId, keys: SessionKeys): Uint8Array;
  /** Throws `secret_unresolved` where they were wrapped with another key. */
  unwrap(sessionId: SessionId, wrapped: Uint8Array): SessionKeys;
  readonly handleKey: KeyObject;
  readonly pseudonymKey: Uint8Array;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const key32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const fileSchema = z.strictObject({
  mcprec_keys: z.literal(1),
  signing: z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: key32, d: key32 }),
  wrapping: key32,
  handles: key32,
  pseudonyms: key32,
});
type KeyFile = z.infer<typeof fileSchema>;

/** Reads the keys. Throws `secret_unresolved` where they are missing, `config_invalid` where they are malformed. */
export function loadKeys(ref: SecretRef, env: Environment, random: RandomBytes): GatewayKeys {
  return keysOf(parse(ref, resolveSecret(ref, env).reveal()), random);
}

/** Makes the file with new keys (0600) where it is missing; one that is there is left alone. Throws `config_unreadable`. */
export function createKeys(path: string, random: RandomBytes): void {
  const key = () => Buffer.from(random(KEY_BYTES)).toString('base64url');
  const { x = '', d = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const file: KeyFile = { mcprec_keys: 1, signing: { kty: 'OKP', crv: 'Ed25519', x, d }, wrapping: key(), handles: key(), pseudonyms: key() };
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, `${JSON.stringify(file, undefined, 2)}\n`, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new McprecError('config_unreadable', `cannot write the gateway’s keys to ${path}: ${(cause as Error).message}`, { cause });
  }
}

function parse(ref: SecretRef, text: string): KeyFile {
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    // Without the cause: it would show parts of the keys.
    throw new McprecError('config_invalid', `${nameOf(ref)} does not hold a gateway’s keys`, {
      remedy: 'restore the file, or make a new one with: mcprec gateway --init-keys',
    });
  }
}

function keysOf(file: KeyFile, random: RandomBytes): GatewayKeys {
  const signing = createPrivateKey({ key: file.signing, format: 'jwk' });
  const wrapping = createSecretKey(Buffer.from(file.wrapping, 'base64url'));
  return {
    publicJwk: createPublicKey(signing).export({ format: 'jwk' }) as JWK,
    signingKey: signing,
    sign: (value) => new CompactSign(Buffer.from(JSON.stringify(value))).setProtectedHeader({ alg: 'EdDSA' }).sign(signing),
    wrap(sessionId, { signing: sign, reconcile }) {
      const nonce = random(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', wrapping, nonce).setAAD(Buffer.from(sessionId));
      return Buffer.concat([nonce, cipher.update(Buffer.concat([sign, reconcile])), cipher.final(), cipher.getAuthTag()]);
    },
    unwrap: (sessionId, wrapped) => unwrap(wrapping, sessionId, Buffer.from(wrapped)),
    handleKey: createSecretKey(Buffer.from(file.handles, 'base64url')),
    pseudonymKey: Buffer.from(file.pseudonyms, 'base64url'),
  };
}

function unwrap(wrapping: KeyObject, sessionId: SessionId, wrapped: Buffer): SessionKeys {
  try {
    const decipher = createDecipheriv('aes-256-gcm', wrapping, wrapped.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES }).setAAD(Buffer.from(sessionId));
    decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return { signing: plain.subarray(0, KEY_BYTES), reconcile: plain.subarray(KEY_BYTES) };
  } catch (cause) {
    throw new McprecError('secret_unresolved', `the keys of ${sessionId} were wrapped with another key`, {
      cause,
      remedy: 'start the gateway with the keys that it had',
    });
  }
}

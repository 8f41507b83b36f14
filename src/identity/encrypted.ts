// The encrypted file: scrypt (RFC 7914) makes the key from the passphrase, AES-256-GCM seals the map under it.
import { createCipheriv, createDecipheriv, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { type MapCodec, parseMap } from './file-store.ts';

const derive = promisify<Secret | string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt as never);

// 0.1 s and 32 MiB a guess: `exec` reads the file at every start, so it cannot cost more.
const COST = { N: 2 ** 15, r: 8, p: 1 } as const;
/** The values of N that are taken from a file: at most 256 MiB. */
const COSTS: readonly number[] = [2 ** 15, 2 ** 16, 2 ** 17, 2 ** 18];
const KEY_BYTES = 32;
const CHECK_BYTES = 16;
const base64 = z.base64url().transform((text) => Buffer.from(text, 'base64url'));

const fileSchema = z.object({
  mcprecCredentials: z.literal(1),
  // Bounded: a file that was tampered with must not make us spend gigabytes.
  scrypt: z.object({ N: z.number().refine((n) => COSTS.includes(n)), r: z.literal(8), p: z.literal([1, 2, 3]) }),
  salt: base64,
  /** Tells a wrong passphrase from a damaged file. */
  check: base64,
  iv: base64,
  sealed: base64,
});
type SealedFile = z.infer<typeof fileSchema>;

interface DerivedKey {
  readonly salt: Buffer;
  readonly cost: SealedFile['scrypt'];
  readonly key: Buffer;
  readonly check: Buffer;
}

/** Seals under `passphrase`, which is asked for once, when it is first needed. `open` throws `passphrase_wrong`, `credentials_corrupt`. */
export function encryptedCodec(passphrase: () => Promise<Secret>): MapCodec {
  let secret: Promise<Secret> | undefined;
  let last: DerivedKey | undefined;

  async function keyFor(salt: Buffer, cost: SealedFile['scrypt']): Promise<DerivedKey> {
    if (last?.salt.equals(salt)) return last;
    secret ??= passphrase();
    const bytes = await derive((await secret).reveal().normalize('NFC'), salt, KEY_BYTES + CHECK_BYTES, { ...cost, maxmem: 256 * cost.N * cost.r });
    last = { salt, cost, key: bytes.subarray(0, KEY_BYTES), check: bytes.subarray(KEY_BYTES) };
    return last;
  }

  return {
    async seal(map) {
      const derived = last ?? (await keyFor(randomBytes(16), COST));
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', derived.key, iv);
      const sealed = Buffer.concat([cipher.update(JSON.stringify(map), 'utf8'), cipher.final(), cipher.getAuthTag()]);
      const text = (bytes: Buffer): string => bytes.toString('base64url');
      const file = { mcprecCredentials: 1, scrypt: derived.cost, salt: text(derived.salt), check: text(derived.check), iv: text(iv), sealed: text(sealed) };
      return Buffer.from(`${JSON.stringify(file)}\n`, 'utf8');
    },
    async open(bytes) {
      const file = readFile(bytes);
      const derived = await keyFor(file.salt, file.scrypt);
      if (file.check.length !== CHECK_BYTES || !timingSafeEqual(file.check, derived.check)) {
        secret = undefined;
        last = undefined;
        throw new McprecError('passphrase_wrong', 'this passphrase does not open the stored logins');
      }
      return parseMap(unseal(derived.key, file));
    },
  };
}

function readFile(bytes: Buffer): SealedFile {
  try {
    return fileSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw new McprecError('credentials_corrupt', 'the encrypted file of the logins is damaged', { cause });
  }
}

function unseal(key: Buffer, file: SealedFile): string {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, file.iv);
    decipher.setAuthTag(file.sealed.subarray(-16));
    return Buffer.concat([decipher.update(file.sealed.subarray(0, -16)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new McprecError('credentials_corrupt', 'the encrypted file of the logins was changed or is damaged', { cause });
  }
}

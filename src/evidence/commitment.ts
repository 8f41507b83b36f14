// Commitments: a leaf names its payload and its names only by a salted digest, so that both can be erased and the leaf stays.
import { sha256 } from './sha256.ts';

/** Bytes of the random salt of one commitment. */
export const saltBytes = 32;

const domains = {
  payload: Buffer.from('mcprec/v1/payload\0'),
  names: Buffer.from('mcprec/v1/names\0'),
} as const;

/** What is committed to: the masked payload, or the caller-supplied names. */
export type CommitmentDomain = keyof typeof domains;

/** SHA-256(domain ‖ salt ‖ stored), 32 bytes. `stored` are the masked bytes as stored, before compression. */
export function commitment(domain: CommitmentDomain, salt: Uint8Array, stored: Uint8Array): Uint8Array {
  return sha256(domains[domain], salt, stored);
}

// How payloads are stored: as they are, or compressed where that saves something. Commitments are over the uncompressed bytes.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { limits } from '../base/limits.ts';
import type { Coding } from './schema.ts';

export interface Coded {
  readonly coding: Coding;
  readonly bytes: Uint8Array;
}

// Level 1 halves the time of the default on 64 KiB of telemetry, at the same ratio.
const options = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export function encodePayload(bytes: Uint8Array): Coded {
  if (bytes.length < limits.zstdBytesMin) return { coding: 'identity', bytes };
  const compressed = zstdCompressSync(bytes, options);
  return compressed.length < bytes.length ? { coding: 'zstd', bytes: compressed } : { coding: 'identity', bytes };
}

/** The payload, or undefined where it cannot be decompressed to at most `bytesMax` bytes. */
export function decodePayload(coded: Coded, bytesMax: number = limits.payloadBytesMax): Uint8Array | undefined {
  if (coded.coding === 'identity') return coded.bytes;
  try {
    return zstdDecompressSync(coded.bytes, { maxOutputLength: Math.max(bytesMax, 1) });
  } catch {
    return undefined;
  }
}

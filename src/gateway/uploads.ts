// Reads the body of an upload: CBOR, perhaps packed with zstd, its shape checked by hand because it is mostly bytes.
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { type DecodeOptions, decode, Tokenizer } from 'cborg';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { LogUpload, UploadedEntry } from '../protocol/control.ts';

const unpack = promisify(zstdDecompress);
const HASH_BYTES = 32;
const SALT_BYTES = 32;

/** The upload in `body`. Throws `usage` where it is not one. */
export async function readUpload(body: Uint8Array, coding: string | undefined): Promise<LogUpload> {
  const value = decodeCbor(await inflate(body, coding));
  if (!isRecord(value) || !Number.isSafeInteger(value.from) || Number(value.from) < 0 || !isBytes(value.root, HASH_BYTES) || !Array.isArray(value.entries)) {
    throw malformed('from, entries or root');
  }
  if (value.entries.length > limits.syncEntriesMax) throw malformed(`more than ${limits.syncEntriesMax} entries`);
  const { checkpoint, treeSize } = value;
  if (checkpoint !== undefined && (typeof checkpoint !== 'string' || checkpoint.length > limits.noteCharactersMax)) throw malformed('its checkpoint');
  if (treeSize !== undefined && !(Number.isSafeInteger(treeSize) && Number(treeSize) >= 0)) throw malformed('treeSize');
  return {
    from: Number(value.from),
    root: value.root,
    entries: value.entries.map(readEntry),
    ...(checkpoint !== undefined && { checkpoint }),
    ...(treeSize !== undefined && { treeSize: Number(treeSize) }),
  };
}

function readEntry(value: unknown, i: number): UploadedEntry {
  if (!isRecord(value) || !isBytes(value.leaf)) throw malformed(`entry ${i}`);
  const { leaf, payload, held, names } = value;
  const result: { -readonly [K in keyof UploadedEntry]: UploadedEntry[K] } = { leaf };
  if (payload !== undefined) {
    if (!isCommitted(payload) || (payload.coding !== 'identity' && payload.coding !== 'zstd')) throw malformed(`the payload of entry ${i}`);
    result.payload = { salt: payload.salt, bytes: payload.bytes, coding: payload.coding };
  }
  if (held !== undefined) {
    if (!isBytes(held, SALT_BYTES) || payload !== undefined) throw malformed(`the payload that entry ${i} leaves out`);
    result.held = held;
  }
  if (names !== undefined) {
    if (!isCommitted(names)) throw malformed(`the names of entry ${i}`);
    result.names = { salt: names.salt, bytes: names.bytes };
  }
  return result;
}

async function inflate(body: Uint8Array, coding: string | undefined): Promise<Uint8Array> {
  if (coding === undefined || coding === 'identity') return body;
  if (coding !== 'zstd') throw malformed('its content coding');
  try {
    return await unpack(body, { maxOutputLength: limits.uploadInflatedBytesMax });
  } catch (cause) {
    throw new McprecError('usage', `the upload cannot be unpacked, or is larger than ${limits.uploadInflatedBytesMax} bytes`, { cause });
  }
}

/** Stops at more values than an upload can have: a byte is enough for one, and each takes its place in memory. */
class BoundedTokenizer extends Tokenizer {
  #left = limits.uploadValuesMax;

  override next() {
    if (this.#left-- === 0) throw new Error('too many values');
    return super.next();
  }
}

function decodeCbor(bytes: Uint8Array): unknown {
  const options: DecodeOptions = { rejectDuplicateMapKeys: true, allowIndefinite: false };
  try {
    return decode(bytes, { ...options, tokenizer: new BoundedTokenizer(bytes, options) });
  } catch (cause) {
    throw new McprecError('usage', 'the upload is not CBOR, or has more values than an upload can have', { cause });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isBytes(value: unknown, length?: number): value is Uint8Array {
  return value instanceof Uint8Array && (length === undefined || value.length === length);
}

function isCommitted(value: unknown): value is { readonly salt: Uint8Array; readonly bytes: Uint8Array; readonly coding?: unknown } {
  return isRecord(value) && isBytes(value.salt, SALT_BYTES) && isBytes(value.bytes);
}

function malformed(what: string): McprecError {
  return new McprecError('usage', `the upload is malformed: ${what}`, { remedy: 'use the same version of mcprec on both sides' });
}

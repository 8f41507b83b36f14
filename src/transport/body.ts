// Reads bodies within bounds and undoes content codings (RFC 9110 §8.4) without letting a small body grow without limit.
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { limits } from '../base/limits.ts';

/** The whole body, or the reason why it is not to be had. */
export type BodyRead = { readonly kind: 'body'; readonly bytes: Buffer } | { readonly kind: 'too_long' } | { readonly kind: 'aborted' };

const EMPTY = Buffer.alloc(0);

/**
 * Reads a request body of at most `bytesMax` bytes. The rest of a longer one is thrown away for a while, because a sender that
 * is cut off in mid-sentence does not read the answer; close the connection after it. `proceed` is called where the sender waits
 * to be told (`Expect: 100-continue`) and its body is wanted.
 */
export function readBody(request: IncomingMessage, bytesMax: number, proceed?: () => void): Promise<BodyRead> {
  const declared = request.headers['content-length'];
  const tooLong = declared !== undefined && Number(declared) > bytesMax;
  if (tooLong && proceed !== undefined) return Promise.resolve({ kind: 'too_long' });
  proceed?.();
  if (declared === undefined && request.headers['transfer-encoding'] === undefined) return Promise.resolve({ kind: 'body', bytes: EMPTY });
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let length = 0;
    let discarding: NodeJS.Timeout | undefined;
    const settle = (read: BodyRead): void => {
      clearTimeout(discarding);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      resolve(read);
    };
    const discard = (): void => {
      chunks = [];
      discarding ??= setTimeout(() => settle({ kind: 'too_long' }), limits.discardMsMax);
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (tooLong || length > bytesMax) discard();
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      if (discarding !== undefined) settle({ kind: 'too_long' });
      else settle({ kind: 'body', bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length) });
    };
    const onClose = (): void => settle({ kind: 'aborted' });
    if (tooLong) discard();
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

type Inflate = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const decoders: ReadonlyMap<string, Inflate> = new Map<string, Inflate>([
  ['gzip', promisify(zlib.gunzip) as Inflate],
  ['x-gzip', promisify(zlib.gunzip) as Inflate],
  ['deflate', inflateEither],
  ['br', promisify(zlib.brotliDecompress) as Inflate],
  ['zstd', promisify(zlib.zstdDecompress) as Inflate],
]);

// "deflate" means zlib's format (RFC 9110 §8.4.1.2), but some clients send raw deflate under that name.
async function inflateEither(bytes: Uint8Array, options: { maxOutputLength: number }): Promise<Buffer> {
  const zlibHeader = bytes.length >= 2 && ((bytes[0] as number) & 0x0f) === 8 && (((bytes[0] as number) << 8) | (bytes[1] as number)) % 31 === 0;
  return promisify(zlibHeader ? zlib.inflate : zlib.inflateRaw)(bytes, options);
}

export type Decoded =
  | { readonly kind: 'decoded'; readonly bytes: Buffer }
  | { readonly kind: 'unknown_coding'; readonly coding: string }
  | { readonly kind: 'too_long' }
  | { readonly kind: 'malformed'; readonly reason: string };

const CODINGS_MAX = 2;

/** `bytes` with the codings of a `Content-Encoding` value undone, last one first, to at most `bytesMax` bytes. */
export async function decodeContent(bytes: Buffer, contentEncoding: string | undefined, bytesMax: number): Promise<Decoded> {
  const codings = codingsOf(contentEncoding);
  let decoded = bytes;
  for (const coding of codings.toReversed()) {
    const inflate = decoders.get(coding);
    if (inflate === undefined || codings.length > CODINGS_MAX) return { kind: 'unknown_coding', coding };
    try {
      decoded = await inflate(decoded, { maxOutputLength: bytesMax });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === 'ERR_BUFFER_TOO_LARGE' ? { kind: 'too_long' } : { kind: 'malformed', reason: message };
    }
  }
  return { kind: 'decoded', bytes: decoded };
}

/** The codings named by a `Content-Encoding` value, lower case, `identity` left out. */
export function codingsOf(contentEncoding: string | undefined): readonly string[] {
  if (contentEncoding === undefined) return [];
  return contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

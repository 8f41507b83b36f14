// Reads bodies within bounds and undoes content codings (RFC 9110 §8.4) without letting a small body grow without limit.
import type { IncomingMessage } from 'node:http';
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

type Inflate = (bytes: Uint8Array, outputBytesMax: number) => Promise<{ readonly buffer: Buffer; readonly usedBytes: number }>;

type ZlibCallback = (error: Error | null, result: Buffer) => void;

/** The asynchronous form of a function of node:zlib, that also says how much of its input was used. */
function inflating(inflate: (bytes: Uint8Array, options: zlib.ZlibOptions & zlib.BrotliOptions & zlib.ZstdOptions, done: ZlibCallback) => void): Inflate {
  return (bytes, outputBytesMax) =>
    new Promise((resolve, reject) => {
      inflate(bytes, { maxOutputLength: outputBytesMax, info: true }, (error, result) => {
        if (error !== null) return reject(error);
        // With `info` it is no Buffer (Node, zlib, class Options), which the types do not say.
        const { buffer, engine } = result as unknown as { buffer: Buffer; engine: zlib.Zlib };
        resolve({ buffer, usedBytes: engine.bytesWritten });
      });
    });
}

const inflateWrapped = inflating(zlib.inflate);
const inflateRaw = inflating(zlib.inflateRaw);

const decoders: ReadonlyMap<string, Inflate> = new Map<string, Inflate>([
  ['gzip', inflating(zlib.gunzip)],
  ['x-gzip', inflating(zlib.gunzip)],
  ['deflate', inflateEither],
  ['br', inflating(zlib.brotliDecompress)],
  ['zstd', inflateFrames],
]);

// "deflate" means zlib's format (RFC 9110 §8.4.1.2), but some clients send raw deflate under that name.
function inflateEither(bytes: Uint8Array, outputBytesMax: number): ReturnType<Inflate> {
  const zlibHeader = bytes.length >= 2 && ((bytes[0] as number) & 0x0f) === 8 && (((bytes[0] as number) << 8) | (bytes[1] as number)) % 31 === 0;
  return (zlibHeader ? inflateWrapped : inflateRaw)(bytes, outputBytesMax);
}

const inflateFrame = inflating(zlib.zstdDecompress);

// Frames may follow each other (RFC 8878 §3), which Node's function does not read: it stops behind the first.
async function inflateFrames(bytes: Uint8Array, outputBytesMax: number): ReturnType<Inflate> {
  const parts: Buffer[] = [];
  let usedBytes = 0;
  let leftBytes = outputBytesMax;
  do {
    if (parts.length === limits.zstdFramesMax) throw new Error(`it has more than ${limits.zstdFramesMax} frames`);
    const { buffer, usedBytes: frameBytes } = await inflateFrame(bytes.subarray(usedBytes), leftBytes);
    parts.push(buffer);
    usedBytes += frameBytes;
    leftBytes -= buffer.length;
    if (usedBytes < bytes.length && leftBytes <= 0) throw Object.assign(new Error('longer than allowed'), { code: TOO_LARGE });
  } while (usedBytes < bytes.length);
  return { buffer: Buffer.concat(parts), usedBytes };
}

const TOO_LARGE = 'ERR_BUFFER_TOO_LARGE';

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
      const { buffer, usedBytes } = await inflate(decoded, bytesMax);
      // What one reader leaves unread behind the end, another may read.
      if (usedBytes < decoded.length) return { kind: 'malformed', reason: 'bytes follow its end' };
      decoded = buffer;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === TOO_LARGE ? { kind: 'too_long' } : { kind: 'malformed', reason: message };
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

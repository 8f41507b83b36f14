// Reads bodies within bounds and undoes content codings (RFC 9110 §8.4) without letting a small body grow without limit.
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

/** The whole body, or the reason why it is not to be had. */
export type BodyRead = { readonly kind: 'body'; readonly bytes: Buffer } | { readonly kind: 'too_long' } | { readonly kind: 'aborted' };

const EMPTY = Buffer.alloc(0);

/** Reads a request body of at most `bytesMax` bytes. Of a longer one the rest is not read: answer, then close the connection. */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<BodyRead> {
  const declared = request.headers['content-length'];
  if (declared !== undefined && Number(declared) > bytesMax) return Promise.resolve({ kind: 'too_long' });
  if (declared === undefined && request.headers['transfer-encoding'] === undefined) return Promise.resolve({ kind: 'body', bytes: EMPTY });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (read: BodyRead): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      resolve(read);
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > bytesMax) {
        request.pause();
        settle({ kind: 'too_long' });
      } else chunks.push(chunk);
    };
    const onEnd = (): void => settle({ kind: 'body', bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length) });
    const onClose = (): void => settle({ kind: 'aborted' });
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

/** `bytes` with the codings of a `Content-Encoding` value undone, last one first, to at most `bytesMax` bytes. */
export async function decodeContent(bytes: Buffer, contentEncoding: string | undefined, bytesMax: number): Promise<Decoded> {
  const codings = codingsOf(contentEncoding);
  let decoded = bytes;
  for (const coding of codings.toReversed()) {
    const inflate = decoders.get(coding);
    if (inflate === undefined || codings.length > 2) return { kind: 'unknown_coding', coding };
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

/** A decoder for a stream, fed chunk by chunk; undefined where the coding is none that we know. */
export function openStreamDecoder(coding: string): StreamDecoder | undefined {
  const open = streamDecoders.get(coding);
  return open === undefined ? undefined : new StreamDecoder(open());
}

const streamDecoders: ReadonlyMap<string, () => zlib.Gunzip | zlib.Inflate | zlib.BrotliDecompress> = new Map<
  string,
  () => zlib.Gunzip | zlib.Inflate | zlib.BrotliDecompress
>([
  ['gzip', () => zlib.createGunzip({ flush: zlib.constants.Z_SYNC_FLUSH })],
  ['x-gzip', () => zlib.createGunzip({ flush: zlib.constants.Z_SYNC_FLUSH })],
  ['deflate', () => zlib.createInflate({ flush: zlib.constants.Z_SYNC_FLUSH })],
  ['br', () => zlib.createBrotliDecompress()],
  ['zstd', () => zlib.createZstdDecompress() as unknown as zlib.BrotliDecompress],
]);

/** Undoes the coding of a stream: what goes in compressed comes out as far as it can be decoded by then. */
export class StreamDecoder {
  readonly #stream: zlib.Gunzip | zlib.Inflate | zlib.BrotliDecompress;
  #out: Buffer[] = [];

  constructor(stream: zlib.Gunzip | zlib.Inflate | zlib.BrotliDecompress) {
    this.#stream = stream;
    this.#stream.on('data', (chunk: Buffer) => this.#out.push(chunk));
  }

  /** What `chunk` adds to the decoded stream. Rejects where the stream is malformed. */
  push(chunk: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#stream.once('error', reject);
      this.#stream.write(chunk, () => {
        this.#stream.off('error', reject);
        const decoded = Buffer.concat(this.#out);
        this.#out = [];
        resolve(decoded);
      });
    });
  }

  close(): void {
    this.#stream.destroy();
  }
}

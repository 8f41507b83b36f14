// Undoes the content coding of an event stream while it comes, so that each event can be read when it is flushed.
import type { Transform } from 'node:stream';
import zlib from 'node:zlib';

const flush = { flush: zlib.constants.Z_SYNC_FLUSH };

const openers: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', () => zlib.createGunzip(flush)],
  ['x-gzip', () => zlib.createGunzip(flush)],
  ['deflate', () => zlib.createInflate(flush)],
  ['br', () => zlib.createBrotliDecompress()],
  ['zstd', () => zlib.createZstdDecompress()],
]);

/** A decoder for that coding; undefined where it is none that we know. One chunk must not grow beyond `bytesMax`. */
export function openStreamDecoder(coding: string, bytesMax: number): StreamDecoder | undefined {
  const open = openers.get(coding);
  return open === undefined ? undefined : new StreamDecoder(open(), bytesMax);
}

/** What goes in compressed comes out as far as it can be decoded by then. Close it. */
export class StreamDecoder {
  readonly #stream: Transform;
  readonly #bytesMax: number;
  #out: Buffer[] = [];
  #outBytes = 0;
  #fault: Error | undefined;

  constructor(stream: Transform, bytesMax: number) {
    this.#stream = stream;
    this.#bytesMax = bytesMax;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('error', (error) => {
      this.#fault ??= error;
    });
  }

  /** What `chunk` adds to the decoded stream. Rejects where the stream is malformed or a small chunk grows too large; then it is of no further use. */
  async push(chunk: Buffer): Promise<Buffer> {
    await new Promise<void>((resolve) => {
      // A destroyed stream calls neither back.
      this.#stream.once('close', resolve);
      this.#stream.write(chunk, () => {
        this.#stream.off('close', resolve);
        resolve();
      });
    });
    if (this.#fault !== undefined) throw this.#fault;
    const decoded = Buffer.concat(this.#out, this.#outBytes);
    this.#out = [];
    this.#outBytes = 0;
    return decoded;
  }

  close(): void {
    this.#stream.destroy();
  }

  #take(chunk: Buffer): void {
    this.#out.push(chunk);
    this.#outBytes += chunk.length;
    if (this.#outBytes > this.#bytesMax) this.#stream.destroy(new Error('a chunk of the stream grows too large when it is decoded'));
  }
}

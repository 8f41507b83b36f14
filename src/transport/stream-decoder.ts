// Undoes the content coding of an event stream while it comes, so that each event can be read when it is flushed.
import type { Transform } from 'node:stream';
import zlib from 'node:zlib';

/** What node:zlib opens; `bytesWritten` is how much of the input was used. */
type Decoder = Transform & { readonly bytesWritten: number };

const flush = { flush: zlib.constants.Z_SYNC_FLUSH };

const openers: ReadonlyMap<string, () => Decoder> = new Map<string, () => Decoder>([
  ['gzip', () => zlib.createGunzip(flush)],
  ['x-gzip', () => zlib.createGunzip(flush)],
  ['deflate', () => zlib.createInflate(flush)],
  ['br', () => zlib.createBrotliDecompress()],
  ['zstd', () => zlib.createZstdDecompress()],
]);

/** A decoder for that coding; undefined where it is none that we know. One chunk must not grow beyond `bytesMax`. */
export function openStreamDecoder(coding: string, bytesMax: number): StreamDecoder | undefined {
  const open = openers.get(coding);
  return open === undefined ? undefined : new StreamDecoder(open, bytesMax);
}

/** What goes in compressed comes out as far as it can be decoded by then. Close it. */
export class StreamDecoder {
  readonly #open: () => Decoder;
  #stream: Decoder;
  readonly #bytesMax: number;
  #out: Buffer[] = [];
  #outBytes = 0;
  #fault: Error | undefined;

  constructor(open: () => Decoder, bytesMax: number) {
    this.#open = open;
    this.#bytesMax = bytesMax;
    this.#stream = this.#start();
  }

  /** What `chunk` adds to the decoded stream. Rejects where the stream is malformed or a small chunk grows too large; then it is of no further use. */
  async push(chunk: Buffer): Promise<Buffer> {
    for (let rest = chunk, isFresh = false; ; isFresh = true) {
      const usedBytes = await this.#write(rest);
      if (this.#fault !== undefined) throw this.#fault;
      rest = rest.subarray(usedBytes);
      if (rest.length === 0) break;
      if (isFresh && usedBytes === 0) throw new Error('bytes follow the end of the compressed stream');
      // A decoder reads no further than one frame of zstd, behind which another may stand (RFC 8878 §3).
      this.#stream.destroy();
      this.#stream = this.#start();
    }
    const decoded = Buffer.concat(this.#out, this.#outBytes);
    this.#out = [];
    this.#outBytes = 0;
    return decoded;
  }

  /** Resolves to how many of the bytes were used. */
  async #write(bytes: Buffer): Promise<number> {
    const before = this.#stream.bytesWritten;
    await new Promise<void>((resolve) => {
      // A destroyed stream calls neither back.
      this.#stream.once('close', resolve);
      this.#stream.write(bytes, () => {
        this.#stream.off('close', resolve);
        resolve();
      });
    });
    return this.#stream.bytesWritten - before;
  }

  close(): void {
    this.#stream.destroy();
  }

  #start(): Decoder {
    const stream = this.#open();
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('error', (error) => {
      this.#fault ??= error;
    });
    return stream;
  }

  #take(chunk: Buffer): void {
    this.#out.push(chunk);
    this.#outBytes += chunk.length;
    if (this.#outBytes > this.#bytesMax) this.#stream.destroy(new Error('a chunk of the stream grows too large when it is decoded'));
  }
}

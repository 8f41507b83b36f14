// Splits a byte stream into lines, keeping every byte of them: stdio has one JSON message a line (MCP transports, stdio). Does no IO.
import { Buffer } from 'node:buffer';

export interface Line {
  readonly kind: 'line';
  /** Without the line feed, and without a carriage return before it. */
  readonly message: Buffer;
  /** The line's bytes, its end included. */
  readonly raw: Buffer;
}

/** A piece of a line that is too long to be held. */
export interface LinePart {
  readonly kind: 'part';
  readonly raw: Buffer;
  /** True where the line ends with this piece. */
  readonly last: boolean;
}

/** Their `raw` bytes, one after the other, are the bytes of the stream. */
export type LinePiece = Line | LinePart;

/** The media type under which our own hops pass the lines of a stdio server on to a stdio client, byte for byte. */
export const LINES_TYPE = 'application/x-ndjson';

const LF = 0x0a;
const CR = 0x0d;

/** Splits a stream at its line feeds. One splitter per stream. */
export class LineSplitter {
  readonly #bytesMax: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #overlong = false;

  /** A line of more than `bytesMax` bytes comes in parts. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes the next bytes; returns the lines that they complete, and parts of one that is too long. */
  push(chunk: Buffer): LinePiece[] {
    const pieces: LinePiece[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      pieces.push(this.#finish(chunk.subarray(start, end + 1)));
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start), pieces);
    return pieces;
  }

  /** True where nothing of an unfinished line has come. */
  get isBetween(): boolean {
    return !this.#overlong && this.#keptBytes === 0;
  }

  /** What the stream ended in without a line feed behind it. */
  end(): LinePiece | undefined {
    return this.#overlong || this.#keptBytes > 0 ? this.#finish(Buffer.alloc(0)) : undefined;
  }

  #keep(bytes: Buffer, pieces: LinePiece[]): void {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    if (!this.#overlong && this.#keptBytes <= this.#bytesMax) return;
    this.#overlong = true;
    pieces.push({ kind: 'part', raw: this.#take(), last: false });
  }

  #finish(bytes: Buffer): LinePiece {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    const overlong = this.#overlong || this.#keptBytes > this.#bytesMax;
    this.#overlong = false;
    const raw = this.#take();
    return overlong ? { kind: 'part', raw, last: true } : { kind: 'line', message: withoutEnd(raw), raw };
  }

  #take(): Buffer {
    const raw = this.#kept.length === 1 ? (this.#kept[0] as Buffer) : Buffer.concat(this.#kept, this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
    return raw;
  }
}

function withoutEnd(raw: Buffer): Buffer {
  let end = raw.length;
  if (raw[end - 1] === LF) end--;
  if (raw[end - 1] === CR) end--;
  return raw.subarray(0, end);
}

/**
 * The line of a message that came in another form: a line break in it can only be white space of its JSON, and becomes a blank. A
 * carriage return at the end is how some write lines, and stays.
 */
export function asLine(message: Uint8Array): Buffer {
  const line = Buffer.concat([message, Buffer.of(LF)]);
  blank(line, message.length - (message[message.length - 1] === CR ? 1 : 0));
  return line;
}

/** The event of an SSE stream whose data is that message. */
export function asEvent(message: Uint8Array): Buffer {
  const data = Buffer.from(message);
  blank(data, data.length);
  return Buffer.concat([Buffer.from('data: '), data, Buffer.of(LF, LF)]);
}

function blank(bytes: Buffer, end: number): void {
  for (let i = 0; i < end; i++) if (bytes[i] === LF || bytes[i] === CR) bytes[i] = 0x20;
}

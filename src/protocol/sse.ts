// Turns the bytes of an event stream into events (WHATWG HTML §9.2), keeping every byte of them. Does no IO.
import { Buffer } from 'node:buffer';

export interface SseEvent {
  readonly kind: 'event';
  /** The `data:` lines joined with line feeds; undefined where the event has none (a comment, an `id:` or `retry:` alone). */
  readonly data: string | undefined;
  readonly event: string | undefined;
  readonly id: string | undefined;
  /** The event's bytes, its closing blank line included. */
  readonly raw: Buffer;
}

/** A piece of an event that is too long to be read. */
export interface SsePart {
  readonly kind: 'part';
  readonly data: undefined;
  readonly raw: Buffer;
  /** True where the event ends with this piece. */
  readonly last: boolean;
}

/** What a stream is split into. Their `raw` bytes, one after the other, are the bytes of the stream. */
export type SsePiece = SseEvent | SsePart;

const CR = 0x0d;
const LF = 0x0a;

/** Splits a stream at the blank lines that end events. One splitter per stream. */
export class SseSplitter {
  readonly #bytesMax: number;
  /** The event that has not ended yet. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #overlong = false;
  #lineIsEmpty = true;
  /** The last byte was a CR: an LF that follows belongs to it. */
  #afterCr = false;
  #first = true;

  /** An event of more than `bytesMax` bytes comes in parts. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes the next bytes; returns the events that they complete, and parts of one that is too long. */
  push(chunk: Buffer): SsePiece[] {
    if (chunk.length === 0) return [];
    const pieces: SsePiece[] = [];
    let start = 0;
    // A CR ended its line when it came, because its event had to be recorded then; a late LF opens what follows it.
    let at = this.#afterCr && chunk[0] === LF ? 1 : 0;
    let lf = chunk.indexOf(LF, at);
    let cr = chunk.indexOf(CR, at);
    for (;;) {
      if (lf !== -1 && lf < at) lf = chunk.indexOf(LF, at);
      if (cr !== -1 && cr < at) cr = chunk.indexOf(CR, at);
      const end = lf === -1 || (cr !== -1 && cr < lf) ? cr : lf;
      if (end === -1) break;
      const next = end === cr && chunk[end + 1] === LF ? end + 2 : end + 1;
      if (this.#lineIsEmpty && end === at) {
        pieces.push(this.#finish(chunk.subarray(start, next)));
        start = next;
      }
      this.#lineIsEmpty = true;
      at = next;
    }
    if (at < chunk.length) this.#lineIsEmpty = false;
    this.#afterCr = chunk[chunk.length - 1] === CR;
    if (start < chunk.length) this.#keep(chunk.subarray(start), pieces);
    return pieces;
  }

  /** True where nothing of an unfinished event has come. */
  get isBetween(): boolean {
    return !this.#overlong && this.#keptBytes === 0;
  }

  /** What the stream ended in without a blank line behind it. Readers drop it by the standard, but it was sent. */
  end(): SsePiece | undefined {
    return this.#overlong || this.#keptBytes > 0 ? this.#finish(Buffer.alloc(0)) : undefined;
  }

  #keep(bytes: Buffer, pieces: SsePiece[]): void {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    if (!this.#overlong && this.#keptBytes <= this.#bytesMax) return;
    this.#overlong = true;
    pieces.push({ kind: 'part', data: undefined, raw: this.#take(), last: false });
  }

  #finish(bytes: Buffer): SsePiece {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    const overlong = this.#overlong || this.#keptBytes > this.#bytesMax;
    const first = this.#first;
    this.#overlong = false;
    this.#first = false;
    const raw = this.#take();
    if (overlong) return { kind: 'part', data: undefined, raw, last: true };
    const text = raw.toString('utf8');
    const marked = first && text.charCodeAt(0) === 0xfeff;
    return { kind: 'event', ...readFields(marked ? text.slice(1) : text), raw };
  }

  #take(): Buffer {
    const raw = this.#kept.length === 1 ? (this.#kept[0] as Buffer) : Buffer.concat(this.#kept, this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
    return raw;
  }
}

function readFields(text: string): Pick<SseEvent, 'data' | 'event' | 'id'> {
  const data: string[] = [];
  let event: string | undefined;
  let id: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    if (colon === 0 || line === '') continue;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
  }
  return { data: data.length === 0 ? undefined : data.join('\n'), event, id };
}

/**
 * The bytes of an event with other data. Where the data is the very same, so are the bytes; else its first `data:` line
 * gives way to the new data, the other ones go, and every other line (comments, `id:`, `event:`, `retry:`) stays as it was.
 */
export function withData(event: SseEvent, data: string): Buffer {
  if (data === event.data) return event.raw;
  const lines = event.raw.toString('utf8').split(/(?<=\r\n|\n|\r(?!\n))/);
  let written = false;
  const out = lines.map((line) => {
    if (!/^(?:\ufeff)?data(?::|[\r\n]|$)/.test(line)) return line;
    if (written) return '';
    written = true;
    const ending = /[\r\n]+$/.exec(line)?.[0] ?? '';
    const parts = data.split('\n').map((part) => `data: ${part}`);
    return parts.join(ending || '\n') + ending;
  });
  return Buffer.from(out.join(''), 'utf8');
}

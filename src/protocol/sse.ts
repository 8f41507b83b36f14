// Turns the bytes of an event stream into events (WHATWG HTML §9.2), keeping where each one ends. Does no IO.
import { Buffer } from 'node:buffer';

export interface SseEvent {
  /** The `data:` lines joined with line feeds; undefined where the event has none (a comment, an `id:` or `retry:` alone). */
  readonly data: string | undefined;
  readonly event: string | undefined;
  readonly id: string | undefined;
  /** The event's bytes, its closing blank line included. */
  readonly raw: Buffer;
}

/** An event grew past the splitter's bound; `SseSplitter.push` throws it and the splitter is of no further use. */
export class SseEventTooLong extends Error {}

const CR = 0x0d;
const LF = 0x0a;

/** Splits a stream at the blank lines that end events. One splitter per stream. */
export class SseSplitter {
  readonly #bytesMax: number;
  #held: Buffer = Buffer.alloc(0);
  /** How far `#held` was searched for the end of an event. */
  #searched = 0;
  #lineStart = 0;
  #first = true;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes the next bytes; returns the events that they complete. Throws SseEventTooLong. */
  push(chunk: Buffer): SseEvent[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const events: SseEvent[] = [];
    let start = 0;
    let i = this.#searched;
    const bytes = this.#held;
    while (i < bytes.length) {
      const lf = bytes.indexOf(LF, i);
      const cr = bytes.indexOf(CR, i);
      const lineEnd = lf === -1 ? cr : cr === -1 ? lf : Math.min(lf, cr);
      if (lineEnd === -1) {
        i = bytes.length;
        break;
      }
      // A CR at the very end may be half of a CR LF: wait for the next byte. Not behind a blank line: there the event is
      // whole and must be recorded now; a late LF then reads as an empty event, which is none.
      if (bytes[lineEnd] === CR && lineEnd + 1 === bytes.length && lineEnd !== this.#lineStart) {
        i = lineEnd;
        break;
      }
      const next = bytes[lineEnd] === CR && bytes[lineEnd + 1] === LF ? lineEnd + 2 : lineEnd + 1;
      if (lineEnd === this.#lineStart) {
        events.push(this.#read(bytes.subarray(start, next)));
        start = next;
      }
      this.#lineStart = next;
      i = next;
    }
    this.#held = bytes.subarray(start);
    this.#searched = i - start;
    this.#lineStart -= start;
    if (this.#held.length > this.#bytesMax) throw new SseEventTooLong(`an event is longer than ${this.#bytesMax} bytes`);
    return events;
  }

  /** The bytes after the last whole event. */
  get rest(): Buffer {
    return this.#held;
  }

  #read(raw: Buffer): SseEvent {
    let text = raw.toString('utf8');
    if (this.#first && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    this.#first = false;
    return { ...readFields(text), raw };
  }
}

function readFields(text: string): Omit<SseEvent, 'raw'> {
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
    const ending = /[\r\n]+$/.exec(line)?.[0] ?? '\n';
    return data
      .split('\n')
      .map((part) => `data: ${part}${ending}`)
      .join('');
  });
  return Buffer.from(out.join(''), 'utf8');
}

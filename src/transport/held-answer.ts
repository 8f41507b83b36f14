// The answer to a call whose client was kept waiting: the head of an event stream is out already, so whatever comes is put into events.
import type { Socket } from 'node:net';
import { limits } from '../base/limits.ts';
import { headerValue, isEventStream, isJsonType, type RawHeaders } from '../protocol/headers.ts';
import { asEvent, LINES_TYPE, LineSplitter } from '../protocol/lines.ts';
import { rpcFailure } from '../protocol/refusal.ts';
import { readServerMessage, sameId } from '../protocol/server-message.ts';
import type { ClientSide } from './client.ts';

const LF = 0x0a;
const CR = 0x0d;
const BLANK = 0x20;
/** Of an answer that is not passed on as it is. */
const KEPT_BYTES_MAX = 64 * 1024;

/** `events` pass as they are; each of `lines` becomes an event; a `message` becomes the data of one event; of anything `else` the client is told in a message of ours. */
type Form = 'events' | 'lines' | 'message' | 'else';

/** Stands in for the client's response once its head is out. A status has no place there any more. */
export class HeldAnswer implements ClientSide {
  readonly #response: ClientSide;
  readonly #idLexeme: string | undefined;
  #form: Form | undefined;
  #status = 200;
  #inData = false;
  readonly #lines = new LineSplitter(limits.lineBytesMax);
  #kept: Buffer[] = [];
  #keptBytes = 0;

  constructor(response: ClientSide, idLexeme: string | undefined) {
    this.#response = response;
    this.#idLexeme = idLexeme;
  }

  get headersSent(): boolean {
    return this.#form !== undefined;
  }
  get closed(): boolean {
    return this.#response.closed;
  }
  get destroyed(): boolean {
    return this.#response.destroyed;
  }
  get writableFinished(): boolean {
    return this.#response.writableFinished;
  }
  get writableNeedDrain(): boolean {
    return this.#response.writableNeedDrain;
  }
  get req(): { readonly socket: Socket } {
    return this.#response.req;
  }
  get socket(): Socket | null {
    return this.#response.socket;
  }

  writeHead(status: number, headers: RawHeaders): this {
    this.#status = status;
    this.#form = formOf(status, headers);
    return this;
  }

  /** A carriage return, which in JSON is white space, would end a line of the event: it is a blank before anything is recorded, so that both hops have the same. */
  entering(status: number, headers: RawHeaders): ((bytes: Buffer) => Buffer) | undefined {
    const form = formOf(status, headers);
    return form === 'message' || form === 'lines' ? withoutReturns : undefined;
  }

  flushHeaders(): void {
    this.#response.flushHeaders();
  }

  write(bytes: Uint8Array): boolean {
    switch (this.#form) {
      case 'events':
        return this.#response.write(bytes);
      case 'lines':
        return this.#response.write(
          Buffer.concat(this.#lines.push(Buffer.from(bytes)).map((line) => (line.kind === 'line' ? asEvent(line.message) : line.raw))),
        );
      case 'message':
        return this.#response.write(this.#framed(bytes));
      default:
        if (this.#keptBytes + bytes.length <= KEPT_BYTES_MAX) this.#kept.push(Buffer.from(bytes));
        this.#keptBytes += bytes.length;
        return true;
    }
  }

  end(bytes?: Uint8Array): this {
    if (bytes !== undefined && bytes.length > 0) this.write(bytes);
    if (this.#form === 'else' || (this.#form === 'message' && !this.#inData)) this.#response.write(this.#framed(this.#substitute()));
    this.#response.end(this.#inData ? Buffer.from('\n\n') : undefined);
    return this;
  }

  /** Ends the stream without an answer. */
  close(): void {
    this.#response.end();
  }

  destroy(): this {
    this.#response.destroy();
    return this;
  }

  on(event: 'close' | 'drain', call: () => void): this {
    this.#response.on(event, call);
    return this;
  }

  off(event: 'close' | 'drain', call: () => void): this {
    this.#response.off(event, call);
    return this;
  }

  /** Each line of the message on a line of its own, so that the client reads the very text. */
  #framed(bytes: Uint8Array): Buffer {
    const lines = withoutReturns(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    const text = lines.includes(LF) ? Buffer.from(lines.toString('latin1').replaceAll('\n', '\ndata: '), 'latin1') : lines;
    if (this.#inData) return text;
    this.#inData = true;
    return Buffer.concat([Buffer.from('data: '), text]);
  }

  /** The upstream's own words where they are an answer to this request, else an error of ours. */
  #substitute(): Buffer {
    const text = this.#keptBytes <= KEPT_BYTES_MAX ? Buffer.concat(this.#kept).toString('utf8') : '';
    const message = readServerMessage(text);
    if (message?.kind === 'response' && sameId(message.idLexeme, this.#idLexeme)) return Buffer.from(text);
    return Buffer.from(rpcFailure(this.#idLexeme, `the upstream answered with HTTP ${this.#status}, which is no answer to this request`));
  }
}

function formOf(status: number, headers: RawHeaders): Form {
  const coding = headerValue(headers, 'content-encoding');
  const type = headerValue(headers, 'content-type');
  // It was asked to come unpacked.
  if (status !== 200 || (coding !== undefined && coding !== 'identity')) return 'else';
  if (isEventStream(type)) return 'events';
  if (type === LINES_TYPE) return 'lines';
  return type !== undefined && isJsonType(type) ? 'message' : 'else';
}

function withoutReturns(bytes: Buffer): Buffer {
  if (!bytes.includes(CR)) return bytes;
  const lines = Buffer.from(bytes);
  for (let at = lines.indexOf(CR); at !== -1; at = lines.indexOf(CR, at)) lines[at] = BLANK;
  return lines;
}

// What comes back over HTTP as messages, whatever form it has: a JSON body, an event stream, or lines.
import type { Agent, IncomingMessage } from 'node:http';
import { limits } from '../base/limits.ts';
import { headerValue, isEventStream } from '../protocol/headers.ts';
import { LINES_TYPE, LineSplitter } from '../protocol/lines.ts';
import { SseSplitter } from '../protocol/sse.ts';
import { request as httpRequest } from './node-http.ts';

/** One message of an answer. */
export interface HeardMessage {
  readonly message: Buffer;
  /** Its line, its end included, where it came as one. */
  readonly raw?: Buffer;
  /** The id under which a broken stream is taken up again behind this message. */
  readonly eventId?: string | undefined;
}

export interface Call {
  readonly verb: 'POST' | 'GET' | 'DELETE';
  /** Flat: name, value, … */
  readonly headers: readonly string[];
  readonly body?: Uint8Array;
  /** True where the head announces a body that never comes: it is too long to be taken. */
  readonly withheld?: boolean;
  readonly signal: AbortSignal;
}

/** Sends one request to `/mcp` and resolves to the head of its answer. Rejects where the connection breaks or the signal is aborted. */
export function call(agent: Agent, { verb, headers, body, withheld, signal }: Call): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ agent, method: verb, path: '/mcp', headers: ['Host', 'localhost', ...headers], signal }, resolve);
    sent.on('error', reject);
    if (withheld) sent.flushHeaders();
    else sent.end(body);
  });
}

/** An answer, or one message of it, is longer than what is held for a client that takes lines. */
export class Overlong extends Error {}

/** What an event stream said about taking it up again. */
export interface Resumption {
  lastEventId: string | undefined;
  retryMs: number | undefined;
}

/** The messages of an answer, as they come. Where a body is one message it may be anything; an empty one is none. */
export async function* messagesOf(response: IncomingMessage, resumption: Resumption): AsyncGenerator<HeardMessage> {
  const type = headerValue(response.rawHeaders, 'content-type');
  if (isEventStream(type)) yield* eventsOf(response, resumption);
  else if (type?.startsWith(LINES_TYPE)) yield* linesOf(response);
  else {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limits.lineBytesMax) throw new Overlong(`the answer is longer than ${limits.lineBytesMax} bytes`);
      chunks.push(chunk);
    }
    if (length > 0) yield { message: Buffer.concat(chunks, length) };
  }
}

async function* eventsOf(response: IncomingMessage, resumption: Resumption): AsyncGenerator<HeardMessage> {
  const splitter = new SseSplitter(limits.lineBytesMax);
  for await (const chunk of response as AsyncIterable<Buffer>) {
    for (const piece of splitter.push(chunk)) {
      if (piece.kind === 'part') throw new Overlong(`an event is longer than ${limits.lineBytesMax} bytes`);
      const retry = /(?:^|[\r\n])retry:[ ]?(\d{1,9})[\r\n]/.exec(piece.raw.subarray(0, 256).toString('latin1'))?.[1];
      if (retry !== undefined) resumption.retryMs = Number(retry);
      if (piece.id !== undefined) resumption.lastEventId = piece.id;
      if (piece.data === undefined || piece.data === '') continue;
      yield { message: dataBytes(piece.raw, piece.data), eventId: piece.id };
    }
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<HeardMessage> {
  const splitter = new LineSplitter(limits.lineBytesMax);
  const take = function* (piece: ReturnType<LineSplitter['end']>): Generator<HeardMessage> {
    if (piece?.kind === 'part') throw new Overlong(`a line is longer than ${limits.lineBytesMax} bytes`);
    if (piece !== undefined && piece.message.length > 0) yield { message: piece.message, raw: piece.raw };
  };
  for await (const chunk of response as AsyncIterable<Buffer>) for (const piece of splitter.push(chunk)) yield* take(piece);
  yield* take(splitter.end());
}

const DATA = Buffer.from('data:');

/** The very bytes of an event's data, where it stands in one line at the event's start or end, as it nearly always does. */
function dataBytes(raw: Buffer, data: string): Buffer {
  const text = Buffer.from(data, 'utf8');
  if (!data.includes('\ufffd')) return text;
  // Not UTF-8: what was decoded is not what was sent.
  const at = raw.indexOf(DATA);
  const start = at + DATA.length + (raw[at + DATA.length] === 0x20 ? 1 : 0);
  const end = raw.indexOf(0x0a, start);
  return end === -1 ? text : raw.subarray(start, end);
}

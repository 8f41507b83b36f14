// One answer that a pipe gives to an HTTP request: an event stream, lines, or one JSON body. Knows which requests it still owes.
import { headerValue } from '../protocol/headers.ts';
import { asEvent, asLine, LINES_TYPE } from '../protocol/lines.ts';
import type { AnswerFlow, AnswerReceiver, UpstreamFailure, UpstreamRequest } from './upstream.ts';

/** A request that waits for its answer. */
export interface Owed {
  /** As `meaningOfId` gives it. */
  readonly id: string;
  readonly idLexeme: string;
  readonly method: string;
  /** As JSON text; what the server's progress of this request is named by. */
  readonly progressToken: string | undefined;
}

type Form = 'events' | 'lines' | 'json';

export interface ReplyOptions {
  readonly request: UpstreamRequest;
  readonly receiver: AnswerReceiver;
  /** Added to the head: flat, name and value. */
  readonly headers: readonly string[];
  readonly owed: readonly Owed[];
  /** The client takes no more for the moment, or takes more again. */
  readonly flow: (paused: boolean) => void;
  /** The client is gone. */
  readonly gone: () => void;
}

export class Reply {
  /** What is not answered yet, by id. */
  readonly owed: Map<string, Owed>;
  readonly #options: ReplyOptions;
  readonly #form: Form;
  readonly #answers: Buffer[] = [];
  #head = false;
  #over = false;

  constructor(options: ReplyOptions) {
    this.#options = options;
    this.owed = new Map(options.owed.map((owed) => [owed.id, owed]));
    this.#form = formOf(headerValue(options.request.headers, 'accept') ?? '');
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** True where messages other than the answer may go out on it. */
  get isStream(): boolean {
    return this.#form !== 'json';
  }

  /** The request has reached the server: a stream begins. */
  open(): void {
    if (this.isStream) this.#begin(this.#form === 'lines' ? LINES_TYPE : 'text/event-stream');
  }

  deliver(message: Buffer, raw?: Buffer): void {
    if (this.#over) return;
    switch (this.#form) {
      case 'events':
        this.#begin('text/event-stream');
        this.#options.receiver.data(asEvent(message));
        return;
      case 'lines':
        this.#begin(LINES_TYPE);
        this.#options.receiver.data(raw ?? asLine(message));
        return;
      case 'json':
        this.#answers.push(message);
        return;
      default:
        this.#form satisfies never;
    }
  }

  /** All was delivered. */
  end(): void {
    if (this.#over) return;
    this.#begin('application/json');
    this.#over = true;
    // A batch that the server answered one by one is still one body.
    const several = this.#answers.length > 1;
    for (const [i, answer] of this.#answers.entries()) this.#options.receiver.data(several ? Buffer.concat([comma(i), answer]) : answer);
    if (several) this.#options.receiver.data(Buffer.from(']'));
    this.#options.receiver.ended();
  }

  /** The request did not reach the server, or nothing was delivered yet. */
  fail(failure: UpstreamFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.receiver.failed(failure);
  }

  /** True where the head is out, so that a failure must be told in a message. */
  get hasBegun(): boolean {
    return this.#head;
  }

  #begin(type: string): void {
    if (this.#head) return;
    this.#head = true;
    const { receiver, headers, flow, gone } = this.#options;
    const stream = this.isStream ? ['Cache-Control', 'no-cache', 'X-Accel-Buffering', 'no'] : [];
    const handle: AnswerFlow = { pause: () => flow(true), resume: () => flow(false), abort: gone };
    receiver.started(200, ['Content-Type', type, ...stream, ...headers], handle);
  }
}

/** A short answer without a stream: a 202, or an error of the transport. */
export function answerShortly(receiver: AnswerReceiver, status: number, headers: readonly string[], body?: string): void {
  const bytes = Buffer.from(body ?? '', 'utf8');
  const type = body === undefined ? [] : ['Content-Type', 'application/json'];
  receiver.started(status, [...type, 'Content-Length', String(bytes.length), ...headers], {
    pause: () => undefined,
    resume: () => undefined,
    abort: () => undefined,
  });
  if (bytes.length > 0) receiver.data(bytes);
  receiver.ended();
}

function comma(i: number): Buffer {
  return Buffer.from(i === 0 ? '[' : ',');
}

function formOf(accept: string): Form {
  if (accept.includes(LINES_TYPE)) return 'lines';
  return /text\/event-stream|\*\/\*/.test(accept) ? 'events' : 'json';
}

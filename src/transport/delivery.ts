// Brings one answer to the client: as it comes, byte for byte, each message recorded before its last byte is delivered.
import type { ServerResponse } from 'node:http';
import { asMcprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { endExchange, takeHttpAnswer, takeMcpAnswer } from '../path/answer.ts';
import type { WireFacts } from '../path/drafts.ts';
import { isListing } from '../path/listing.ts';
import type { OpenExchange } from '../path/rules.ts';
import { handlesInAnswer, handlesInHeaders } from '../protocol/handles.ts';
import { dropHeaders, forwardedAnswerHeaders, headersForRecord, headerValue, isEventStream, type RawHeaders } from '../protocol/headers.ts';
import { decodeUtf8 } from '../protocol/message.ts';
import type { Refusal } from '../protocol/refusal.ts';
import { type SseEvent, SseEventTooLong, SseSplitter, withData } from '../protocol/sse.ts';
import { codingsOf, decodeContent, openStreamDecoder, type StreamDecoder } from './body.ts';
import type { Hop } from './hop.ts';
import type { AnswerFlow, AnswerReceiver, UpstreamFailure } from './upstream.ts';

/** Why nothing is delivered: the upstream failed, or the next hop refused the call for the reason it gives. */
export type NoAnswer = UpstreamFailure | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface DeliveryOptions {
  readonly hop: Hop;
  readonly response: ServerResponse;
  readonly open: OpenExchange;
  readonly target: string;
  /** The answer is delivered, or the client is gone. */
  readonly done: () => void;
  /** There is no answer to deliver; nothing was written to the client. */
  readonly failed: (failure: NoAnswer) => void;
}

interface Head {
  readonly status: number;
  readonly headers: RawHeaders;
  readonly flow: AnswerFlow;
  readonly stream: boolean;
  readonly decoder: StreamDecoder | undefined;
}

/** Receives one answer from an upstream and writes it to a client. Steps run one after the other, in the order of arrival. */
export class Delivery implements AnswerReceiver {
  /** True where the answer may have to be changed on its way, so that whole messages must be held. */
  readonly rewrites: boolean;
  readonly #options: DeliveryOptions;
  readonly #splitter = new SseSplitter(limits.answerBytesMax);
  #head: Head | undefined;
  #work: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Chunks of a body that is not an event stream, as long as they fit. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #overflow = false;
  #seenBytes = 0;
  /** The newest chunk: it is held until the entry is written, because it may be the last. */
  #held: Buffer | undefined;
  #finalSeen = false;
  /** False once an event was too long to be read: from then on the stream is passed on and recorded as opaque. */
  #splitting = true;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { rules } = options.hop;
    this.rewrites = rules.masksAnswers || (!rules.policy.showsAll && options.open.requests.some((r) => isListing(r.method)));
  }

  started(status: number, headers: RawHeaders, flow: AnswerFlow): void {
    const stream = isEventStream(headerValue(headers, 'content-type'));
    const [coding, ...more] = stream ? codingsOf(headerValue(headers, 'content-encoding')) : [];
    const decoder = coding === undefined || more.length > 0 ? undefined : openStreamDecoder(coding);
    if (coding !== undefined && decoder === undefined) this.#splitting = false;
    this.#head = { status, headers, flow, stream, decoder };
    this.#options.response.on('drain', () => flow.resume());
    this.#then(() => this.#begin(status, headers, flow, stream));
  }

  data(chunk: Buffer): void {
    this.#then(() => (this.#head?.stream ? this.#streamChunk(chunk) : this.#bodyChunk(chunk)));
  }

  ended(): void {
    this.#then(() => this.#end());
  }

  failed(failure: UpstreamFailure): void {
    if (this.#head === undefined) {
      this.#stopped = true;
      this.#options.failed(failure);
      return;
    }
    this.#then(async () => {
      const note = failure.kind === 'aborted' ? 'client_gone' : 'upstream_lost';
      await this.#record([endExchange(this.#rules, this.#facts(undefined, this.#seenBytes), { failed: failure.kind !== 'aborted', note })]);
      this.#giveUp();
    });
  }

  get #rules() {
    return this.#options.hop.rules;
  }

  // Steps wait for each other, so that bytes leave in the order in which they came while entries are being written.
  #then(step: () => Promise<void> | undefined): void {
    this.#work = this.#work.then(async () => {
      if (this.#stopped) return;
      try {
        await step();
      } catch (error) {
        this.#failClosed(error);
      }
    });
  }

  async #begin(status: number, headers: RawHeaders, flow: AnswerFlow, stream: boolean): Promise<void> {
    const { hop, response } = this.#options;
    const verdict = hop.judge(status, headers);
    if (verdict.kind !== 'deliver') {
      this.#stopped = true;
      flow.abort();
      this.#options.failed(verdict.kind === 'refused' ? verdict : { kind: 'unreachable', notSent: true, reason: verdict.reason });
      return;
    }
    const opened = handlesInHeaders(headers);
    if (opened.length > 0) await hop.bind(opened);
    if (!stream) return;
    response.writeHead(status, this.#deliveredHeaders(headers));
    response.flushHeaders();
  }

  #deliveredHeaders(headers: RawHeaders): string[] {
    const forwarded = forwardedAnswerHeaders(headers);
    if (!this.rewrites) return forwarded;
    return dropHeaders(
      forwarded,
      (name) => name === 'content-length' || name === 'etag' || name === 'digest' || name === 'content-digest' || name === 'repr-digest',
    );
  }

  // ---- event streams

  async #streamChunk(chunk: Buffer): Promise<void> {
    this.#seenBytes += chunk.length;
    if (!this.#splitting) {
      this.#write(chunk);
      return;
    }
    const head = this.#head as Head;
    const decoded = head.decoder === undefined ? chunk : await head.decoder.push(chunk);
    let events: SseEvent[];
    try {
      events = this.#splitter.push(decoded);
    } catch (error) {
      if (!(error instanceof SseEventTooLong)) throw error;
      this.#splitting = false;
      if (this.rewrites && this.#rules.unmaskable === 'refuse') throw error;
      this.#write(this.rewrites ? this.#splitter.rest : chunk);
      return;
    }
    const steps = events.map((event) => this.#takeEvent(event));
    const entries = steps.flatMap((step) => (step.entry === undefined ? [] : [step.entry]));
    if (entries.length > 0) await this.#pausedWhile(this.#recordWithHandles(entries, events));
    if (!this.rewrites) this.#write(chunk);
    else for (const step of steps) this.#write(step.bytes);
  }

  #takeEvent(event: SseEvent): { entry: EntryDraft | undefined; bytes: Buffer } {
    if (event.data === undefined || event.data === '') return { entry: undefined, bytes: event.raw };
    const wire = Buffer.from(event.data, 'utf8');
    const step = takeMcpAnswer(this.#rules, this.#options.open, {
      facts: this.#facts(wire, event.raw.length),
      status: (this.#head as Head).status,
      text: event.data,
      whole: false,
    });
    if (step.entry.final) this.#finalSeen = true;
    return { entry: step.entry, bytes: step.changed === undefined ? event.raw : withData(event, step.changed) };
  }

  async #recordWithHandles(entries: readonly EntryDraft[], events: readonly SseEvent[]): Promise<void> {
    const handles = events.flatMap((event) => handlesInAnswer(event.data ?? '', event.id));
    if (handles.length > 0) await this.#options.hop.bind(handles);
    await this.#record(entries);
  }

  // ---- whole bodies

  #bodyChunk(chunk: Buffer): undefined {
    this.#seenBytes += chunk.length;
    this.#keptBytes += chunk.length;
    if (this.#keptBytes <= limits.answerBytesMax) this.#kept.push(chunk);
    else if (!this.#overflow) {
      this.#overflow = true;
      if (this.rewrites && this.#rules.unmaskable === 'refuse') throw new Error('the answer is too long to be masked');
    }
    if (this.rewrites && !this.#overflow) return;
    const before = this.#held;
    this.#held = chunk;
    if (this.#overflow && this.#kept.length > 0) {
      const rest = this.rewrites ? this.#kept : [];
      this.#kept = [];
      this.#writeHead();
      for (const kept of rest) this.#write(kept);
    }
    if (before === undefined) return;
    this.#writeHead();
    this.#write(before);
  }

  #writeHead(): void {
    const { response } = this.#options;
    const head = this.#head as Head;
    if (!response.headersSent) response.writeHead(head.status, this.#deliveredHeaders(head.headers));
  }

  async #end(): Promise<void> {
    const head = this.#head as Head;
    if (head.stream) {
      await this.#endStream();
      return;
    }
    const body = this.#overflow ? undefined : this.#kept.length === 1 ? (this.#kept[0] as Buffer) : Buffer.concat(this.#kept);
    const text = body === undefined || body.length === 0 ? undefined : await this.#textOf(body, head);
    const facts = this.#facts(body, this.#seenBytes);
    const names = { headers: headersForRecord(head.headers) };
    const answer = { facts, status: head.status, text, names, whole: true };
    const step =
      this.#seenBytes === 0
        ? { entry: endExchange(this.#rules, facts, { status: head.status, failed: head.status >= 400 }), changed: undefined }
        : this.#rules.kind === 'mcp'
          ? takeMcpAnswer(this.#rules, this.#options.open, answer)
          : takeHttpAnswer(this.#rules, answer);
    if (text !== undefined) {
      const handles = handlesInAnswer(text, undefined);
      if (handles.length > 0) await this.#options.hop.bind(handles);
    }
    await this.#record([step.entry]);
    this.#deliverLast(step.changed, body);
  }

  #deliverLast(changed: string | undefined, body: Buffer | undefined): void {
    const { response } = this.#options;
    const head = this.#head as Head;
    this.#stopped = true;
    if (this.rewrites && !this.#overflow) {
      const bytes = changed === undefined ? (body ?? Buffer.alloc(0)) : Buffer.from(changed, 'utf8');
      if (!response.headersSent) response.writeHead(head.status, [...this.#deliveredHeaders(head.headers), 'Content-Length', String(bytes.length)]);
      response.end(bytes, this.#options.done);
      return;
    }
    this.#writeHead();
    response.end(this.#held, this.#options.done);
  }

  /** The decoded text of a body, or undefined where it is not text that can be read (it is recorded as opaque then). */
  async #textOf(body: Buffer, head: Head): Promise<string | undefined> {
    const coding = headerValue(head.headers, 'content-encoding');
    if (coding === undefined) return decodeUtf8(body);
    const decoded = await decodeContent(body, coding, limits.answerBytesMax);
    return decoded.kind === 'decoded' ? decodeUtf8(decoded.bytes) : undefined;
  }

  async #endStream(): Promise<void> {
    const head = this.#head as Head;
    head.decoder?.close();
    if (!this.#finalSeen) {
      await this.#record([endExchange(this.#rules, this.#facts(undefined, this.#seenBytes), { status: head.status, failed: false, note: 'stream_ended' })]);
    }
    this.#stopped = true;
    const rest = this.rewrites && this.#splitting ? this.#splitter.rest : undefined;
    this.#options.response.end(rest, this.#options.done);
  }

  // ---- what both share

  #record(entries: readonly EntryDraft[]): Promise<void> {
    return this.#options.hop.record(entries);
  }

  async #pausedWhile(work: Promise<void>): Promise<void> {
    const { flow } = this.#head as Head;
    flow.pause();
    await work;
    flow.resume();
  }

  #write(bytes: Buffer): void {
    const { response } = this.#options;
    if (response.destroyed || bytes.length === 0) return;
    if (!response.write(bytes)) this.#head?.flow.pause();
  }

  #facts(wire: Uint8Array | undefined, wireBytes: number): WireFacts {
    const { clock } = this.#rules.ids;
    return { exchange: this.#options.open.exchange, at: { wallMs: clock.wallMs(), monoUs: clock.monoUs() }, wire, wireBytes };
  }

  /** The answer cannot be recorded or masked: its rest is not delivered (DESIGN §4, rule 1). */
  #failClosed(error: unknown): void {
    const known = asMcprecError(error);
    this.#head?.flow.abort();
    this.#stopped = true;
    if (this.#options.response.headersSent) {
      this.#giveUp();
      return;
    }
    this.#options.failed({ kind: 'lost', notSent: false, reason: `the answer is withheld: ${known.message}` });
  }

  #giveUp(): void {
    this.#stopped = true;
    this.#head?.decoder?.close();
    this.#options.response.destroy();
    this.#options.done();
  }
}

// One pipe to a server and everybody who waits for its messages: brings each to the answer that it belongs to. Starts the server
// again where it is gone, with the handshake that its client made.

import { rpcFailure } from '../protocol/refusal.ts';
import { type Asked, AskedCalls } from './asked.ts';
import { Handshake } from './handshake.ts';
import { failureOf, type OpenPipe, type Pipe, type PipeEnd, PipeFault } from './pipe.ts';
import type { Owed, Reply } from './reply.ts';
import { whatIsSaid } from './said.ts';
import { type RecordUnheard, Unclaimed } from './unclaimed.ts';
import type { UpstreamRequest } from './upstream.ts';

export class Channel {
  readonly #openPipe: OpenPipe;
  #pipe: Pipe | undefined;
  #closed = false;
  /** Messages go out one after the other, in the order in which they came. */
  #writes: Promise<void> = Promise.resolve();
  readonly #calls = new AskedCalls();
  #stream: Reply | undefined;
  readonly #unclaimed: Unclaimed;
  readonly #paused = new Set<Reply>();
  #handshake: Handshake | undefined;
  #hasAnswered = false;

  /** `record` is given what the client had no stream for. */
  constructor(openPipe: OpenPipe, record: RecordUnheard) {
    this.#openPipe = openPipe;
    this.#unclaimed = new Unclaimed(record, () => this.#steer());
  }

  /** True where nobody has had more than errors from it: who initializes may have it. */
  get isUnused(): boolean {
    return !this.#hasAnswered && this.#calls.owesNothing && this.#stream === undefined;
  }

  get isIdle(): boolean {
    return this.#calls.isEmpty && this.#stream === undefined;
  }

  get hasStream(): boolean {
    return this.#stream !== undefined;
  }

  /** True where none of these ids is in flight: answers could not be told apart otherwise. */
  isFreeFor(owed: readonly Owed[]): boolean {
    return owed.every(({ id }) => this.#calls.owing(id) === undefined);
  }

  /** Sends requests, whose answers come on the reply. */
  async ask(asked: Asked): Promise<void> {
    const { reply } = asked;
    this.#calls.add(asked);
    try {
      await this.#write(asked.request, asked.body, asked.written);
    } catch (error) {
      this.#forget(asked);
      reply.fail(failureOf(error));
      return;
    }
    if (reply.isOver) return;
    reply.open();
    this.#giveWaiting(reply);
  }

  /** Sends what has no answer. Throws a PipeFault where it cannot be written. */
  async tell(request: UpstreamRequest, body: Uint8Array, method: string | undefined, cancelledId: string | undefined): Promise<void> {
    await this.#write(request, body, { done: false });
    if (method === 'notifications/initialized') this.#handshake?.complete(body);
    const cancelled = cancelledId === undefined ? undefined : this.#calls.owing(cancelledId);
    // A call that was cancelled is not answered any more.
    if (cancelled !== undefined && cancelledId !== undefined && cancelled.reply.isStream) this.#settle(cancelled, cancelledId);
  }

  /** Gives the client a stream for what belongs to no call. */
  listen(reply: Reply): void {
    this.#stream = reply;
    reply.open();
    this.#giveWaiting(reply);
  }

  /** The client takes no more on that reply for the moment, or takes more again. */
  regulate(reply: Reply, paused: boolean): void {
    if (paused) this.#paused.add(reply);
    else this.#paused.delete(reply);
    this.#steer();
  }

  /** The client of a call is gone; in the modern era that is how it cancels. */
  abandon(asked: Asked): void {
    const { reply, written, cancels } = asked;
    if (reply.isOver) return;
    reply.fail({ kind: 'aborted', notSent: !written.done, reason: 'aborted' });
    this.#calls.leave(asked);
    this.regulate(reply, false);
    if (!cancels) return;
    for (const { id, idLexeme } of reply.owed.values()) {
      this.#calls.release(id);
      const cancel = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${idLexeme},"reason":"the client is gone"}}`;
      if (written.done) void this.#pipe?.write(Buffer.from(cancel)).catch(() => undefined);
    }
  }

  /** The client of the stream is gone. */
  abandonStream(reply: Reply): void {
    if (this.#stream === reply) this.#stream = undefined;
    reply.fail({ kind: 'aborted', notSent: false, reason: 'aborted' });
    this.regulate(reply, false);
  }

  /** Ends the server, in order, and the streams of its clients. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pipe?.close();
    this.#stream?.end();
    this.#stream = undefined;
    await this.#unclaimed.close();
  }

  #write(request: UpstreamRequest, body: Uint8Array, written: { done: boolean }): Promise<void> {
    const write = this.#writes.then(async () => {
      const pipe = await this.#ready(request);
      written.done = true;
      await pipe.write(body);
    });
    this.#writes = write.catch(() => undefined);
    return write;
  }

  /** The pipe, opened where there is none, and where there was one before, with the client's own handshake again. */
  async #ready(request: UpstreamRequest): Promise<Pipe> {
    if (this.#closed) throw new PipeFault('the session has ended', true);
    if (this.#pipe !== undefined) return this.#pipe;
    const pipe = this.#openPipe(request, {
      message: (message, raw) => this.#take(message, raw),
      ended: (end) => this.#ended(pipe, end),
    });
    this.#pipe = pipe;
    this.#steer();
    await this.#handshake?.repeat(pipe);
    return pipe;
  }

  #take(message: Buffer, raw: Buffer | undefined): void {
    const said = whatIsSaid(message.toString('utf8'));
    if (said.kind === 'answer' && this.#handshake?.takes(said.id, said.failed)) return;
    const asked = this.#calls.ownerOf(said);
    if (said.kind === 'answer' && asked !== undefined && !said.failed) this.#succeeded(asked, said.id);
    const reply = asked?.reply ?? this.#calls.anyStream(this.#stream);
    // Its client is gone; in the legacy era that was no cancel.
    if (reply?.isOver) this.#unclaimed.drop(message);
    else if (reply !== undefined) reply.deliver(message, raw);
    else this.#unclaimed.keep({ message, raw });
    if (asked === undefined) return;
    if (said.kind === 'answer') this.#settle(asked, said.id);
    else if (said.kind === 'answers') for (const id of said.ids) this.#settle(asked, id);
    // The server ends a subscription with the notice that it is cancelled.
    else if (said.kind === 'of' && said.ends) for (const id of [...asked.reply.owed.keys()]) this.#settle(asked, id);
  }

  #succeeded(asked: Asked, id: string): void {
    this.#hasAnswered = true;
    const owed = asked.reply.owed.get(id);
    if (owed?.method === 'initialize') this.#handshake = new Handshake(asked.body, owed.idLexeme);
  }

  /** One of the requests is done with. */
  #settle(asked: Asked, id: string): void {
    this.#calls.release(id);
    asked.reply.owed.delete(id);
    if (asked.reply.owed.size > 0) return;
    asked.reply.end();
    this.#forget(asked);
  }

  #forget(asked: Asked): void {
    this.#calls.forget(asked);
    this.regulate(asked.reply, false);
  }

  #giveWaiting(reply: Reply): void {
    if (!reply.isStream) return;
    for (const { message, raw } of this.#unclaimed.claim()) reply.deliver(message, raw);
  }

  /** The server waits while a client takes no more, and while what it says to nobody is recorded. */
  #steer(): void {
    if (this.#paused.size > 0 || this.#unclaimed.isBusy) this.#pipe?.pause();
    else this.#pipe?.resume();
  }

  /** The server is gone: what it was asked and did not answer may have been executed. The next message starts it again. */
  #ended(pipe: Pipe, { reason, neverOpened }: PipeEnd): void {
    if (this.#pipe !== pipe) return;
    this.#pipe = undefined;
    this.#handshake?.abort();
    for (const asked of this.#calls.all()) {
      const { reply, written } = asked;
      if (!written.done) continue;
      if (reply.hasBegun) {
        const text = neverOpened ? `${reason}; it was not executed` : `${reason} before it answered; it may have been executed`;
        for (const { idLexeme } of reply.owed.values()) reply.deliver(Buffer.from(rpcFailure(idLexeme, text)));
        reply.end();
      } else {
        reply.fail({ kind: neverOpened ? 'unreachable' : 'lost', notSent: neverOpened, reason });
      }
      this.#forget(asked);
    }
    this.#calls.forgetGone();
  }
}

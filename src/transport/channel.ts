// One pipe to a server and everybody who waits for its messages: brings each to the answer that it belongs to. Starts the server
// again where it is gone, with the handshake that its client made.

import { limits } from '../base/limits.ts';
import { rpcFailure } from '../protocol/refusal.ts';
import { Handshake } from './handshake.ts';
import { failureOf, type OpenPipe, type Pipe, type PipeEnd, PipeFault } from './pipe.ts';
import type { Owed, Reply } from './reply.ts';
import { type Said, whatIsSaid } from './said.ts';
import type { UpstreamRequest } from './upstream.ts';

/** A request or a batch of them on its way through a channel. */
export interface Asked {
  readonly request: UpstreamRequest;
  readonly reply: Reply;
  readonly body: Uint8Array;
  /** True where the client cancels by going away (the modern era), so that the server must be told. */
  readonly cancels: boolean;
  readonly written: { done: boolean };
}

interface Waiting {
  readonly message: Buffer;
  readonly raw: Buffer | undefined;
}

export class Channel {
  readonly #openPipe: OpenPipe;
  #pipe: Pipe | undefined;
  #closed = false;
  /** Messages go out one after the other, in the order in which they came. */
  #writes: Promise<void> = Promise.resolve();
  /** Whom an answer with that id belongs to. */
  readonly #owing = new Map<string, Asked>();
  /** The oldest first. */
  readonly #asked = new Set<Asked>();
  #stream: Reply | undefined;
  #queue: Waiting[] = [];
  readonly #paused = new Set<Reply>();
  #handshake: Handshake | undefined;
  #hasAnswered = false;

  constructor(openPipe: OpenPipe) {
    this.#openPipe = openPipe;
  }

  /** True where nobody has had more than errors from it: who initializes may have it. */
  get isUnused(): boolean {
    return !this.#hasAnswered && this.#owing.size === 0 && this.#stream === undefined;
  }

  get isIdle(): boolean {
    return this.#asked.size === 0 && this.#stream === undefined;
  }

  get hasStream(): boolean {
    return this.#stream !== undefined;
  }

  /** True where none of these ids is in flight: answers could not be told apart otherwise. */
  isFreeFor(owed: readonly Owed[]): boolean {
    return owed.every(({ id }) => !this.#owing.has(id));
  }

  /** Sends requests, whose answers come on the reply. */
  async ask(asked: Asked): Promise<void> {
    const { reply } = asked;
    for (const id of reply.owed.keys()) this.#owing.set(id, asked);
    this.#asked.add(asked);
    try {
      await this.#write(asked.request, asked.body, asked.written);
    } catch (error) {
      this.#forget(asked);
      reply.fail(failureOf(error));
      return;
    }
    if (reply.isOver) return;
    reply.open();
    this.#flushQueue(reply);
  }

  /** Sends what has no answer. Throws a PipeFault where it cannot be written. */
  async tell(request: UpstreamRequest, body: Uint8Array, method: string | undefined, cancelledId: string | undefined): Promise<void> {
    await this.#write(request, body, { done: false });
    if (method === 'notifications/initialized') this.#handshake?.complete(body);
    const cancelled = cancelledId === undefined ? undefined : this.#owing.get(cancelledId);
    // A call that was cancelled is not answered any more.
    if (cancelled !== undefined && cancelledId !== undefined && cancelled.reply.isStream) this.#settle(cancelled, cancelledId);
  }

  /** Gives the client a stream for what belongs to no call. */
  listen(reply: Reply): void {
    this.#stream = reply;
    reply.open();
    this.#flushQueue(reply);
  }

  /** The client takes no more on that reply for the moment, or takes more again. */
  regulate(reply: Reply, paused: boolean): void {
    if (paused) this.#paused.add(reply);
    else this.#paused.delete(reply);
    if (this.#paused.size > 0) this.#pipe?.pause();
    else this.#pipe?.resume();
  }

  /** The client of a call is gone; in the modern era that is how it cancels. */
  abandon(asked: Asked): void {
    const { reply, written, cancels } = asked;
    if (reply.isOver) return;
    reply.fail({ kind: 'aborted', notSent: !written.done, reason: 'aborted' });
    this.#asked.delete(asked);
    this.regulate(reply, false);
    if (!cancels) return;
    for (const { id, idLexeme } of reply.owed.values()) {
      this.#owing.delete(id);
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
    if (this.#paused.size > 0) pipe.pause();
    await this.#handshake?.repeat(pipe);
    return pipe;
  }

  #take(message: Buffer, raw: Buffer | undefined): void {
    const said = whatIsSaid(message.toString('utf8'));
    if (said.kind === 'answer' && this.#handshake?.takes(said.id, said.failed)) return;
    const asked = this.#ownerOf(said);
    if (said.kind === 'answer' && asked !== undefined && !said.failed) this.#succeeded(asked, said.id);
    const reply = asked?.reply ?? this.#anyStream();
    if (reply !== undefined) reply.deliver(message, raw);
    else this.#keep({ message, raw });
    if (asked === undefined) return;
    if (said.kind === 'answer') this.#settle(asked, said.id);
    else if (said.kind === 'answers') for (const id of said.ids) this.#settle(asked, id);
    // The server ends a subscription with the notice that it is cancelled.
    else if (said.kind === 'of' && said.ends) for (const id of [...asked.reply.owed.keys()]) this.#settle(asked, id);
  }

  /** The call that a message belongs to. */
  #ownerOf(said: Said): Asked | undefined {
    switch (said.kind) {
      case 'answer':
        return this.#owing.get(said.id);
      case 'answers':
        return said.ids.map((id) => this.#owing.get(id)).find((found) => found !== undefined);
      case 'progress':
        return this.#openAsked().find(({ reply }) => [...reply.owed.values()].some(({ progressToken }) => progressToken === said.token));
      case 'of': {
        const found = this.#owing.get(said.id);
        return found?.reply.isOver ? undefined : found;
      }
      case 'other':
        return undefined;
    }
  }

  #succeeded(asked: Asked, id: string): void {
    this.#hasAnswered = true;
    const owed = asked.reply.owed.get(id);
    if (owed?.method === 'initialize') this.#handshake = new Handshake(asked.body, owed.idLexeme);
  }

  /** One of the requests is done with. */
  #settle(asked: Asked, id: string): void {
    this.#owing.delete(id);
    asked.reply.owed.delete(id);
    if (asked.reply.owed.size > 0) return;
    asked.reply.end();
    this.#forget(asked);
  }

  #forget(asked: Asked): void {
    for (const id of asked.reply.owed.keys()) this.#owing.delete(id);
    this.#asked.delete(asked);
    this.regulate(asked.reply, false);
  }

  /**
   * Where a message goes that names no call. With one call in flight it is most likely about that, and stays in order with its answer;
   * else the client's own stream has it, and failing that the newest call.
   */
  #anyStream(): Reply | undefined {
    const calls = this.#openAsked().filter(({ reply }) => reply.isStream && ![...reply.owed.values()].some(({ method }) => method === 'subscriptions/listen'));
    return calls.length === 1 ? calls[0]?.reply : (this.#stream ?? calls.at(-1)?.reply);
  }

  #openAsked(): readonly Asked[] {
    return [...this.#asked].filter(({ reply, written }) => written.done && !reply.isOver);
  }

  #keep(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (this.#queue.length > limits.pipeQueueMax) this.#queue.shift();
  }

  #flushQueue(reply: Reply): void {
    if (!reply.isStream) return;
    const queue = this.#queue;
    this.#queue = [];
    for (const { message, raw } of queue) reply.deliver(message, raw);
  }

  /** The server is gone: what it was asked and did not answer may have been executed. The next message starts it again. */
  #ended(pipe: Pipe, { reason, neverOpened }: PipeEnd): void {
    if (this.#pipe !== pipe) return;
    this.#pipe = undefined;
    this.#handshake?.abort();
    for (const asked of [...this.#asked]) {
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
    for (const [id, { reply }] of this.#owing) if (reply.isOver) this.#owing.delete(id);
  }
}

// A client whose messages do not come over HTTP (stdio, HTTP+SSE of 2024-11-05), spoken for as a client of Streamable HTTP: each message
// becomes a request on the data path, each answer a message. Keeps what HTTP keeps: session, revision, streams, and takes them up again.
import { randomUUID } from 'node:crypto';
import type { Agent, IncomingMessage } from 'node:http';
import { limits } from '../base/limits.ts';
import { headers as ourHeaders } from '../protocol/control.ts';
import { headerValue } from '../protocol/headers.ts';
import { noteMirroredParams } from '../protocol/request-headers.ts';
import { readServerMessage } from '../protocol/server-message.ts';
import { Flight } from './flight.ts';
import { call, type HeardMessage, messagesOf, Overlong, type Resumption } from './heard.ts';
import { ACCEPT, KeptState } from './kept-state.ts';
import { answeredIn, type Outline, outlineOf, revisionAgreed, withId } from './outline.ts';
import { OwnStream, pause } from './own-stream.ts';
import { Turnstile } from './turnstile.ts';

export interface MessageClientOptions {
  readonly agent: Agent;
  /** Added to every request: flat, name and value. Besides them goes a name for the client's pipe. */
  readonly headers: readonly string[];
  /** Gives the client one message; resolves once it has room for more. */
  readonly deliver: (heard: HeardMessage) => Promise<void>;
}

export class MessageClient {
  readonly #options: MessageClientOptions;
  readonly #closing = new AbortController();
  readonly #flights = new Set<Flight>();
  readonly #kept: KeptState;
  readonly #turnstile = new Turnstile();
  #initialize: Outline | undefined;
  #initialized: Outline | undefined;
  #again: Promise<boolean> | undefined;
  readonly #stream: OwnStream;
  #isClosing = false;

  constructor(options: MessageClientOptions) {
    this.#options = options;
    this.#kept = new KeptState([...options.headers, ourHeaders.pipe, randomUUID()]);
    const { agent, deliver } = options;
    this.#stream = new OwnStream({ agent, deliver, headers: () => this.#kept.headersOf(undefined) });
  }

  /** Takes one message of the client, as it came; resolves when the next one may follow. Never rejects. */
  async take(message: Buffer): Promise<void> {
    const outline = outlineOf(message);
    // What the server may wait for while it answers must not wait for its answers; but a cancel stays behind its call.
    const isUrgent = outline.isOneWay && (outline.cancels === undefined || this.#owing(outline.cancels).length > 0);
    await this.#turnstile.enter({ bytes: message.length, isUrgent, begin: () => this.#begin(outline) });
  }

  /** Takes a message that is too long to be held: it is refused and recorded by its length. */
  async takeOverlong(bytes: number): Promise<void> {
    const headers = [...this.#kept.common, 'Accept', ACCEPT, 'Content-Type', 'application/json', 'Content-Length', String(bytes), 'Connection', 'close'];
    try {
      const response = await call(this.#options.agent, { verb: 'POST', headers, signal: this.#closing.signal, withheld: true });
      for await (const heard of messagesOf(response, { lastEventId: undefined, retryMs: undefined })) await this.#options.deliver(heard);
    } catch {
      // The session ends.
    }
  }

  /** The client is gone: waits a while for what it is owed, then ends its session. */
  async close(): Promise<void> {
    await this.#turnstile.emptied(limits.drainMsMax);
    this.#isClosing = true;
    for (const flight of this.#flights) flight.cut.abort();
    await this.#turnstile.emptied(limits.drainMsMax);
    // Its own stream stays open meanwhile: a server may have a last word for it.
    this.#stream.ending();
    await this.#stream.close((await this.#endSession()) ? limits.cutOffMsMax : 0);
    this.#closing.abort();
  }

  /** True where the server took it. */
  async #endSession(): Promise<boolean> {
    if (this.#kept.sessionId === undefined) return false;
    try {
      const response = await call(this.#options.agent, {
        verb: 'DELETE',
        headers: this.#kept.headersOf(undefined),
        signal: AbortSignal.timeout(limits.closeMsMax),
      });
      response.resume();
      return response.statusCode === 200;
    } catch {
      // The server ends what is not used, too.
      return false;
    }
  }

  #begin(outline: Outline): { done: Promise<void>; next: Promise<void> } {
    const flight = new Flight(outline.owed, this.#options.deliver);
    this.#flights.add(flight);
    for (const cancelled of this.#owing(outline.cancels)) cancelled.isGivenUp = true;
    if (this.#isClosing) flight.cut.abort();
    const done = this.#fly(outline, flight).finally(() => this.#flights.delete(flight));
    // Notices and answers keep their place before what follows them; what `initialize` brings is needed for the next message.
    const isFirst = outline.owed.length === 0 || outline.method === 'initialize';
    return { done, next: isFirst ? done : Promise.resolve() };
  }

  #owing(id: string | undefined): readonly Flight[] {
    return id === undefined ? [] : [...this.#flights].filter(({ owed }) => owed.has(id));
  }

  async #fly(outline: Outline, flight: Flight): Promise<void> {
    const { signal } = flight.cut;
    const resumption: Resumption = { lastEventId: undefined, retryMs: undefined };
    try {
      await this.#hear(await this.#post(outline, signal), { outline, flight, resumption });
      await this.#resume(outline, flight, resumption);
      await flight.fail('the answer did not come');
      this.#after(outline);
    } catch (error) {
      if (signal.aborted && !this.#isClosing) return;
      const reason = this.#isClosing ? 'the client ended its session before the answer came' : 'mcprec lost the call';
      await flight.fail(error instanceof Overlong ? error.message : reason).catch(() => undefined);
    }
  }

  async #post(outline: Outline, signal: AbortSignal): Promise<IncomingMessage> {
    const send = () => call(this.#options.agent, { verb: 'POST', headers: this.#kept.headersOf(outline), body: outline.body, signal });
    const sessionId = this.#kept.sessionId;
    const response = await send();
    // The server forgot the session, and so did not execute the call: it gets the client's own handshake again.
    if (response.statusCode !== 404 || sessionId === undefined || outline.revision !== undefined || outline.method === 'initialize') return response;
    response.resume();
    if (this.#kept.sessionId === sessionId) {
      this.#again ??= this.#shakeHands().finally(() => {
        this.#again = undefined;
      });
      await this.#again;
    }
    return send();
  }

  /** True where the server took the handshake once more. */
  async #shakeHands(): Promise<boolean> {
    const { agent } = this.#options;
    const { signal } = this.#closing;
    this.#kept.sessionId = undefined;
    if (this.#initialize === undefined) return false;
    const response = await call(agent, { verb: 'POST', headers: this.#kept.headersOf(this.#initialize), body: this.#initialize.body, signal });
    this.#kept.sessionId = headerValue(response.rawHeaders, 'mcp-session-id');
    for await (const { message } of messagesOf(response, { lastEventId: undefined, retryMs: undefined })) {
      const read = readServerMessage(message.toString('utf8'));
      if (read?.kind === 'response' && read.failed) return false;
    }
    if (this.#initialized === undefined) return true;
    const accepted = await call(agent, { verb: 'POST', headers: this.#kept.headersOf(this.#initialized), body: this.#initialized.body, signal });
    accepted.resume();
    if (this.#kept.revision !== undefined) this.#stream.open();
    return true;
  }

  /** Delivers the messages of an answer. */
  async #hear(response: IncomingMessage, { outline, flight, resumption }: { outline: Outline; flight: Flight; resumption: Resumption }): Promise<void> {
    const status = response.statusCode ?? 0;
    if (outline.method === 'initialize') this.#kept.sessionId = headerValue(response.rawHeaders, 'mcp-session-id');
    for await (const heard of messagesOf(response, resumption)) {
      const text = heard.message.toString('utf8');
      const answered = answeredIn(text);
      if (answered.some((id) => flight.owed.has(id))) {
        for (const id of answered) flight.owed.delete(id);
        this.#note(outline, text);
        await this.#options.deliver(heard);
      } else if (status >= 400) {
        // An error of the transport, told of no message or of none that can be read: whoever waits is told in its own id.
        await this.#refuse(outline, flight, heard, status);
      } else {
        await this.#options.deliver(heard);
      }
    }
    if (status >= 400) await flight.fail(`the call was answered with HTTP ${status}`);
  }

  async #refuse(outline: Outline, flight: Flight, heard: HeardMessage, status: number): Promise<void> {
    const told = withId(heard.message);
    if (told === undefined) return flight.fail(`the call was answered with HTTP ${status}`);
    // What cannot be read names nobody: its sender is told all the same.
    if (flight.owed.size === 0 && !outline.isOneWay) await this.#options.deliver({ message: heard.message });
    await flight.tell(told);
  }

  #note(outline: Outline, text: string): void {
    if (outline.method === 'tools/list' && outline.revision !== undefined) noteMirroredParams(text, this.#kept.mirrored);
    if (outline.method !== 'initialize') return;
    const revision = revisionAgreed(text);
    if (revision === undefined) return;
    this.#kept.revision = revision;
    this.#initialize = outline;
    this.#initialized = undefined;
  }

  /** What follows from a message that was taken. */
  #after(outline: Outline): void {
    if (outline.method === 'notifications/initialized') {
      this.#initialized = outline;
      if (this.#kept.revision !== undefined) this.#stream.open();
    }
    this.#stream.reopen();
    // Nobody waits for it any more. In the modern era the server is told by the end of its stream (MCP 2026-07-28, cancellation).
    for (const { cut } of this.#owing(outline.cancels)) cut.abort();
  }

  /** Takes up an answer whose stream ended too early, where the server gave it ids (MCP 2025-03-26 … 2025-11-25, resumability). */
  async #resume(outline: Outline, flight: Flight, resumption: Resumption): Promise<void> {
    for (let tries = 0; flight.owed.size > 0 && resumption.lastEventId !== undefined && tries < limits.resumeTriesMax; tries++) {
      await pause(resumption.retryMs, flight.cut.signal);
      const headers = [...this.#kept.headersOf(undefined), 'Last-Event-ID', resumption.lastEventId];
      const response = await call(this.#options.agent, { verb: 'GET', headers, signal: flight.cut.signal });
      if (response.statusCode === 200) {
        const before = resumption.lastEventId;
        await this.#hear(response, { outline, flight, resumption });
        if (resumption.lastEventId !== before) tries = 0;
      } else response.resume();
    }
  }
}

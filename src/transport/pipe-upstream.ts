// An upstream behind pipes, as a server of Streamable HTTP would look: sessions, streams and answers over a child's stdio or an
// event stream of 2024-11-05. One for each session of ours, so that no two people share a server (RULES R2).

import { member, parseJson } from '../base/json.ts';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import { answerUnknownHandle } from '../protocol/handles.ts';
import { headerValue } from '../protocol/headers.ts';
import { type ClientMessage, decodeUtf8, readMessage } from '../protocol/message.ts';
import { answerPlain, type LocalAnswer } from '../protocol/refusal.ts';
import { revisionOf } from '../protocol/request-headers.ts';
import { meaningOfId } from '../protocol/server-message.ts';
import type { Asked } from './asked.ts';
import { decodeContent } from './body.ts';
import { Channel } from './channel.ts';
import { failureOf, type OpenPipe } from './pipe.ts';
import { answerShortly, type Owed, Reply } from './reply.ts';
import type { RecordUnheard } from './unclaimed.ts';
import type { AnswerReceiver, Upstream, UpstreamRequest } from './upstream.ts';

const SESSION_HEADER = 'Mcp-Session-Id';

export class PipeUpstream implements Upstream {
  readonly #open: OpenPipe;
  readonly #unheard: RecordUnheard;
  readonly #random: RandomBytes;
  /** By MCP session; the longest unused first. */
  readonly #sessions = new Map<string, Channel>();
  /** For messages without a session: those of the modern era, and what comes before `initialize`. */
  readonly #plain: Channel[] = [];

  /** `unheard` is given what the client of a pipe had no stream for. */
  constructor(open: OpenPipe, unheard: RecordUnheard, random: RandomBytes) {
    this.#open = open;
    this.#unheard = unheard;
    this.#random = random;
  }

  send(request: UpstreamRequest, receiver: AnswerReceiver): () => void {
    const cut = new AbortController();
    if (request.verb === 'POST') void this.#post(request, receiver, cut.signal);
    else if (request.verb === 'GET') this.#get(request, receiver, cut.signal);
    else if (request.verb === 'DELETE') void this.#delete(request, receiver);
    else answer(receiver, answerPlain(405, 'the endpoint takes POST, GET and DELETE', ['Allow', 'POST, GET, DELETE']));
    return () => cut.abort();
  }

  /** Ends every server, in order. */
  async close(): Promise<void> {
    const channels = [...this.#sessions.values(), ...this.#plain.splice(0)];
    this.#sessions.clear();
    await Promise.all(channels.map((channel) => channel.close()));
  }

  async #post(request: UpstreamRequest, receiver: AnswerReceiver, signal: AbortSignal): Promise<void> {
    const body = await bodyOf(request);
    const messages = messagesOf(body);
    if (body === undefined || messages === undefined) return answer(receiver, answerPlain(400, 'the body holds no message'));
    const owed = messages.flatMap(owedOf);
    const initializes = messages.some(({ method }) => method === 'initialize');
    const place = this.#place(request, owed, initializes);
    if (place.kind === 'unknown') return answer(receiver, answerUnknownHandle({ kind: 'session', value: '' }, messages[0]?.idLexeme));
    if (place.kind === 'full') {
      return receiver.failed({ kind: 'turned_away', notSent: true, reason: `${limits.pipesMax} clients use the server at once` });
    }
    const { channel, sessionId } = place;
    const headers = sessionId === undefined ? [] : [SESSION_HEADER, sessionId];
    if (owed.length === 0) {
      try {
        await channel.tell(request, body, messages[0]?.method, cancelledBy(messages[0]));
        answerShortly(receiver, 202, headers);
      } catch (error) {
        receiver.failed(failureOf(error));
      }
      return;
    }
    const asked: Asked = {
      request,
      body,
      cancels: messages.some(({ node }) => revisionOf(node) !== undefined),
      written: { done: false },
      reply: new Reply({ request, receiver, headers, owed, flow: (paused) => channel.regulate(asked.reply, paused), gone: () => channel.abandon(asked) }),
    };
    signal.addEventListener('abort', () => channel.abandon(asked));
    if (signal.aborted) channel.abandon(asked);
    else await channel.ask(asked);
  }

  #get(request: UpstreamRequest, receiver: AnswerReceiver, signal: AbortSignal): void {
    const sessionId = headerValue(request.headers, 'mcp-session-id');
    const channel = this.#sessions.get(sessionId ?? '');
    if (sessionId === undefined) answer(receiver, answerPlain(405, 'there is no stream without a session', ['Allow', 'POST']));
    else if (channel === undefined) answer(receiver, answerUnknownHandle({ kind: 'session', value: sessionId }, undefined));
    else if (channel.hasStream) answer(receiver, answerPlain(409, 'the session has a stream already'));
    else {
      const reply: Reply = new Reply({
        request,
        receiver,
        headers: [SESSION_HEADER, sessionId],
        owed: [],
        flow: (paused) => channel.regulate(reply, paused),
        gone: () => channel.abandonStream(reply),
      });
      signal.addEventListener('abort', () => channel.abandonStream(reply));
      if (reply.isStream) channel.listen(reply);
      else answer(receiver, answerPlain(406, 'the stream is text/event-stream'));
    }
  }

  async #delete(request: UpstreamRequest, receiver: AnswerReceiver): Promise<void> {
    const sessionId = headerValue(request.headers, 'mcp-session-id') ?? '';
    const channel = this.#sessions.get(sessionId);
    if (channel === undefined) return answer(receiver, answerUnknownHandle({ kind: 'session', value: sessionId }, undefined));
    this.#sessions.delete(sessionId);
    await channel.close();
    answerShortly(receiver, 200, []);
  }

  /** The channel that a message goes by: its session's, a new session's, or one where nothing with its ids is in flight. */
  #place(request: UpstreamRequest, owed: readonly Owed[], initializes: boolean): Place {
    const named = headerValue(request.headers, 'mcp-session-id');
    if (named !== undefined) {
      const channel = this.#sessions.get(named);
      if (channel === undefined) return { kind: 'unknown' };
      this.#sessions.delete(named);
      this.#sessions.set(named, channel);
      return { kind: 'channel', channel, sessionId: named };
    }
    if (!initializes) {
      const channel = this.#plain.find((plain) => plain.isFreeFor(owed)) ?? this.#add();
      if (channel === undefined) return { kind: 'full' };
      if (!this.#plain.includes(channel)) this.#plain.push(channel);
      return { kind: 'channel', channel, sessionId: undefined };
    }
    // Who asked in the modern way first and was not understood goes on with the same server.
    const unused = this.#plain.findIndex((plain) => plain.isUnused);
    const [channel = this.#add()] = unused === -1 ? [] : this.#plain.splice(unused, 1);
    if (channel === undefined) return { kind: 'full' };
    const sessionId = Buffer.from(this.#random(16)).toString('hex');
    this.#sessions.set(sessionId, channel);
    return { kind: 'channel', channel, sessionId };
  }

  /** A new channel, for which the session that was idle for longest gives way where there are too many. */
  #add(): Channel | undefined {
    if (this.#sessions.size + this.#plain.length >= limits.pipesMax) {
      const idle = [...this.#sessions].find(([, channel]) => channel.isIdle);
      if (idle === undefined) return undefined;
      this.#sessions.delete(idle[0]);
      void idle[1].close();
    }
    return new Channel(this.#open, this.#unheard);
  }
}

type Place =
  | { readonly kind: 'channel'; readonly channel: Channel; readonly sessionId: string | undefined }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'full' };

async function bodyOf({ body, headers }: UpstreamRequest): Promise<Uint8Array | undefined> {
  const coding = headerValue(headers, 'content-encoding');
  if (coding === undefined || body === undefined) return body;
  const decoded = await decodeContent(Buffer.from(body), coding, limits.requestInflatedBytesMax);
  return decoded.kind === 'decoded' ? decoded.bytes : undefined;
}

function messagesOf(body: Uint8Array | undefined): readonly ClientMessage[] | undefined {
  const text = body === undefined ? undefined : decodeUtf8(body);
  const root = text === undefined ? undefined : parseJson(text);
  if (text === undefined || root === undefined || root.type === 'fault') return undefined;
  const read = (root.type === 'array' ? root.items : [root]).map((node) => readMessage(node, text));
  const messages = read.filter((message) => message.kind !== 'fault');
  return messages.length === read.length ? messages : undefined;
}

function owedOf({ kind, idLexeme, method = '', params }: ClientMessage): readonly Owed[] {
  if (kind !== 'request' || idLexeme === undefined) return [];
  const token = member(member(params, '_meta'), 'progressToken');
  const progressToken = token?.type === 'string' ? JSON.stringify(token.value) : token?.type === 'number' ? meaningOfId(token.lexeme) : undefined;
  return [{ id: meaningOfId(idLexeme), idLexeme, method, progressToken }];
}

function cancelledBy(message: ClientMessage | undefined): string | undefined {
  if (message?.method !== 'notifications/cancelled') return undefined;
  const id = member(message.params, 'requestId');
  return id?.type === 'string' ? JSON.stringify(id.value) : id?.type === 'number' ? meaningOfId(id.lexeme) : undefined;
}

function answer(receiver: AnswerReceiver, { status, headers, body }: LocalAnswer): void {
  answerShortly(
    receiver,
    status,
    headers.filter((_, i, all) => all[i - (i % 2)]?.toLowerCase() !== 'content-type'),
    body,
  );
}

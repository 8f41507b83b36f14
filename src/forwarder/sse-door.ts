// The door for clients of HTTP+SSE (MCP 2024-11-05): one event stream for what the server says, POSTs answered with 202 for what the client
// says. Each message goes the way of every other through the data path.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { limits } from '../base/limits.ts';
import { dropHeaders, forwardedRequestHeaders } from '../protocol/headers.ts';
import { asEvent } from '../protocol/lines.ts';
import { answerPlain } from '../protocol/refusal.ts';
import { answerLocally } from '../transport/exchange.ts';
import { LocalWire } from '../transport/local-wire.ts';
import { MessageClient } from '../transport/message-client.ts';
import type { Lodger } from './listener.ts';
import { serveMessage } from './stdio.ts';

/** Of the stream or of one message; what a message says of itself is said anew. */
const ownHeaders = /^(?:accept|content-.*|mcp-.*|last-event-id|cache-control)$/;

export class SseDoor {
  readonly #lodger: Lodger;
  readonly #clients = new Map<string, MessageClient>();

  constructor(lodger: Lodger) {
    this.#lodger = lodger;
  }

  /** Serves a request to `target`, the path that the local token opens; `path` is where the client is to send its messages. */
  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    { target, path, body }: { target: string; path: string; body: Buffer | undefined },
  ): Promise<void> {
    if (request.method === 'GET') return this.#stream(request, response, path);
    const id = new URLSearchParams(target.slice(target.indexOf('?') + 1)).get('session') ?? '';
    const client = this.#clients.get(id);
    if (request.method !== 'POST') return answerLocally(response, answerPlain(405, 'the endpoint takes GET and POST', ['Allow', 'GET, POST']));
    if (client === undefined) return answerLocally(response, answerPlain(404, 'there is no such stream; open one with GET'));
    if (body === undefined) await client.takeOverlong(Number(request.headers['content-length'] ?? limits.requestBytesMax + 1));
    else await client.take(body);
    response.writeHead(202, ['Content-Length', '0']).end();
  }

  async #stream(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const id = randomUUID();
    const wire = new LocalWire((inner, answer) => void serveMessage(this.#lodger, inner, answer));
    const client = new MessageClient({
      agent: wire.agent,
      headers: dropHeaders(forwardedRequestHeaders(request.rawHeaders, { credentials: 'keep', identityCoding: false }), (name) => ownHeaders.test(name)),
      deliver: async ({ message }) => {
        if (response.destroyed || response.write(Buffer.concat([Buffer.from('event: message\n'), asEvent(message)]))) return;
        await new Promise<void>((resolve) => {
          const done = (): void => {
            response.off('drain', done).off('close', done);
            resolve();
          };
          response.once('drain', done).once('close', done);
        });
      },
    });
    this.#clients.set(id, client);
    response.writeHead(200, ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache', 'X-Accel-Buffering', 'no']);
    response.write(`event: endpoint\ndata: ${path}?session=${id}\n\n`);
    await new Promise((resolve) => response.once('close', resolve));
    this.#clients.delete(id);
    await client.close();
    wire.close();
  }
}

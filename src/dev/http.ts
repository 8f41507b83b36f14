// Small pieces of HTTP that the sandbox's server is made of.

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toWebRequest } from '@modelcontextprotocol/node';
import { limits } from '../base/limits.ts';

/** Whether a Host header names this machine: a web page that rebinds its name to 127.0.0.1 sends its own. */
export function isLoopbackHost(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host ?? '');
}

/** The whole body, or undefined where it is longer than `limits.requestBytesMax`. */
export async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limits.requestBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Lets a web-standard handler answer: `body` is the request's, already read. Whoever hangs up aborts `Request.signal` and the answer's stream. */
export async function answerWith(
  handle: (request: Request) => Promise<Response>,
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const { method = 'GET', url = '/', headers } = request;
  const read = {
    method,
    url,
    headers,
    async *[Symbol.asyncIterator]() {
      if (body.length > 0) yield body;
    },
  };
  const answer = await handle(await toWebRequest(read, undefined, { signal: gone.signal, maxRequestBodySize: limits.requestBytesMax }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body) await pump(answer.body.getReader(), response, gone.signal);
  response.end();
}

// The SDK's own adapter notices a lost client only when it has something to write: an idle stream would stay taken.
async function pump(reader: ReadableStreamDefaultReader<Uint8Array>, response: ServerResponse, gone: AbortSignal): Promise<void> {
  response.flushHeaders();
  const cancel = () => void reader.cancel().catch(() => {});
  gone.addEventListener('abort', cancel, { once: true });
  if (gone.aborted) cancel();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || gone.aborted) return;
    if (!response.write(value)) await once(response, 'drain', { signal: gone }).catch(() => {});
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

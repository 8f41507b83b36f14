// An HTTP relay in the place of mcprec that loses one thing on the way, as a careless proxy would.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Way } from './ways.ts';

/** What a relay does wrong; nothing where all is left out. */
export interface Mistake {
  readonly verb?: string;
  /** Lower case; lost in both directions. */
  readonly header?: string;
  /** Lines of an event stream that begin so are lost. */
  readonly line?: string;
  /** An answer is passed on when it has ended. */
  readonly buffers?: boolean;
}

/** The way through a relay that makes this mistake. */
export function throughRelay(name: string, mistake: Mistake): Way {
  return {
    name,
    async open(upstream) {
      const server = createServer((incoming, response) => relay(new URL(upstream), mistake, incoming, response));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, pids: [], [Symbol.asyncDispose]: () => close(server) };
    },
  };
}

function relay(upstream: URL, { verb, header, line, buffers }: Mistake, incoming: IncomingMessage, response: ServerResponse): void {
  if (incoming.method === verb) {
    incoming.resume();
    response.writeHead(405).end();
    return;
  }
  const without = (headers: IncomingHttpHeaders) => Object.fromEntries(Object.entries(headers).filter(([name]) => name !== header));
  const outgoing = request(upstream, { method: incoming.method ?? 'GET', headers: { ...without(incoming.headers), host: incoming.headers.host } });
  outgoing.on('error', () => response.destroy());
  response.on('close', () => outgoing.destroy());
  outgoing.on('response', (answer) => {
    const { 'content-length': _, ...headers } = without(answer.headers);
    response.writeHead(answer.statusCode ?? 500, headers);
    if (!buffers) response.flushHeaders();
    const held: string[] = [];
    answer.setEncoding('utf8').on('data', (text: string) => {
      const kept = line === undefined ? text : text.replace(new RegExp(`^${line}.*\\n`, 'gm'), '');
      if (buffers) held.push(kept);
      else response.write(kept);
    });
    answer.on('end', () => response.end(held.join('')));
    answer.on('error', () => response.destroy());
  });
  incoming.pipe(outgoing);
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

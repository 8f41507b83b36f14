// The gateway's one listener: `/c/…` goes to the data path, everything else to the control API. Knows how to close without cutting calls short.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { createServer } from '../transport/node-http.ts';
import type { DataPath } from './wiring.ts';

const DATA_PATH = /^\/c\/([^/?#]+)(.*)$/;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export class FrontDoor {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #api: Handler | undefined;
  #dataPath: DataPath | undefined;

  constructor() {
    this.#server = createServer(
      { maxHeaderSize: limits.headerBytesMax, requestTimeout: limits.requestMsMax, keepAliveTimeout: limits.keepAliveMsMax, noDelay: true },
      (request, response) => this.#route(request, response),
    );
    this.#server.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
  }

  /** Listens; returns the origin. What comes before `serve` is told to come again. Throws `port_taken`. */
  async open(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => reject(listenFault(cause, host, port)));
      this.#server.listen(port, host, resolve);
    });
    this.#server.removeAllListeners('error');
    const { address, family, port: taken } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`;
  }

  /** For fastify's serverFactory. */
  useApi(handler: Handler): Server {
    this.#api = handler;
    return this.#server;
  }

  serve(dataPath: DataPath): void {
    this.#dataPath = dataPath;
  }

  /** Takes no more connections; calls in flight go on. */
  stopListening(): void {
    if (this.#server.listening) this.#server.close();
    this.#server.closeIdleConnections();
  }

  /** Cuts whatever is still open. */
  async close(): Promise<void> {
    this.stopListening();
    this.#server.closeAllConnections();
    await Promise.all([...this.#connections].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const dataPath = this.#dataPath;
    if (dataPath === undefined || this.#api === undefined) {
      response.writeHead(503, { 'retry-after': '1' }).end();
      return;
    }
    const [, connection, rest = ''] = DATA_PATH.exec(request.url ?? '') ?? [];
    const name = connection === undefined ? undefined : decodeName(connection);
    if (name === undefined) this.#api(request, response);
    else dataPath.serve(request, response, name, rest);
  }
}

function decodeName(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function listenFault(cause: NodeJS.ErrnoException, host: string, port: number): Error {
  if (cause.code === 'EADDRINUSE' || cause.code === 'EACCES') {
    return new McprecError('port_taken', `cannot listen on ${host}:${port}: ${cause.message}`, {
      cause,
      remedy: 'change listen, or stop the process that holds the port',
    });
  }
  return new McprecError('config_invalid', `cannot listen on ${host}:${port}: ${cause.message}`, { cause, remedy: 'correct listen in the configuration' });
}

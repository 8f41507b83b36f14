// HTTP over bare sockets, for tests in which every byte and every hang-up counts. Loopback only.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const WAIT_MS = 10_000;

/** One connection, read as a growing text of single bytes (latin1). */
export class RawSocket implements Disposable {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #closed = false;
  #error: Error | undefined;
  #woken = Promise.withResolvers<void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) =>
      this.#wake(() => {
        this.#chunks.push(chunk);
        this.#length += chunk.length;
      }),
    );
    socket.on('end', () => this.#wake(() => (this.#ended = true)));
    socket.on('close', () => this.#wake(() => (this.#ended = this.#closed = true)));
    socket.on('error', (error) => this.#wake(() => (this.#error = error)));
  }

  /** All that came so far, one character a byte. */
  get text(): string {
    return this.bytes.toString('latin1');
  }

  get bytes(): Buffer {
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [bytes];
    return bytes;
  }

  /** How many bytes came so far. */
  get length(): number {
    return this.#length;
  }

  /** Why the connection broke, where it did. */
  get error(): Error | undefined {
    return this.#error;
  }

  write(text: string | Uint8Array): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Waits until what came holds `mark`; returns all of it. */
  has(mark: string): Promise<string> {
    return this.#until(() => this.text.includes(mark), JSON.stringify(mark));
  }

  /** Waits until `test` holds of what came. */
  holds(test: (text: string) => boolean): Promise<string> {
    return this.#until(() => test(this.text), 'what was asked for');
  }

  /** Waits until that many bytes came. */
  reaches(length: number): Promise<string> {
    return this.#until(() => this.#length >= length, `${length} bytes`);
  }

  /** Waits until the other side has said its last; returns all that came. */
  ended(): Promise<string> {
    return this.#until(() => this.#ended, 'the end');
  }

  /** Waits until the connection is gone, in whatever way. */
  closed(): Promise<string> {
    return this.#until(() => this.#closed, 'the close');
  }

  /** Forgets what came. */
  forget(): void {
    this.#chunks = [];
    this.#length = 0;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #wake(change: () => void): void {
    change();
    const { resolve } = this.#woken;
    this.#woken = Promise.withResolvers<void>();
    resolve();
  }

  async #until(test: () => boolean, what: string): Promise<string> {
    const late = AbortSignal.timeout(WAIT_MS);
    while (!test()) {
      if (late.aborted || this.#closed)
        throw new Error(`waited for ${what}; came: ${this.text.slice(0, 2_000)}${this.#error ? ` (${this.#error.message})` : ''}`);
      await Promise.race([this.#woken.promise, new Promise((resolve) => late.addEventListener('abort', resolve, { once: true }))]);
    }
    return this.text;
  }
}

/** Opens a connection to a port of 127.0.0.1. */
export async function openSocket(port: number): Promise<RawSocket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return new RawSocket(socket);
}

/** The text of a request; Content-Length is added where there is a body. */
export function requestText(
  verb: string,
  path: string,
  options: { readonly port: number; readonly headers?: readonly string[]; readonly body?: string },
): string {
  const { port, headers = [], body } = options;
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`];
  return [`${verb} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers, ...length, '', body ?? ''].join('\r\n');
}

/** A server that does with each connection what the test says, byte by byte. */
export class RawServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<RawSocket>;
  readonly #waiting: ((socket: RawSocket) => void)[];
  readonly #unclaimed: RawSocket[];

  private constructor(server: Server, sockets: Set<RawSocket>, waiting: ((socket: RawSocket) => void)[], unclaimed: RawSocket[]) {
    this.#server = server;
    this.#sockets = sockets;
    this.#waiting = waiting;
    this.#unclaimed = unclaimed;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Listens on a free port of 127.0.0.1. `serve` is called for each connection; without it, take them with `next`. */
  static async open(serve?: (socket: RawSocket) => void): Promise<RawServer> {
    const sockets = new Set<RawSocket>();
    const waiting: ((socket: RawSocket) => void)[] = [];
    const unclaimed: RawSocket[] = [];
    const server = createServer({ allowHalfOpen: true }, (incoming) => {
      const socket = new RawSocket(incoming);
      sockets.add(socket);
      incoming.once('close', () => sockets.delete(socket));
      if (serve) serve(socket);
      else {
        const taker = waiting.shift();
        if (taker) taker(socket);
        else unclaimed.push(socket);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new RawServer(server, sockets, waiting, unclaimed);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The next connection that nobody took yet. */
  next(): Promise<RawSocket> {
    const socket = this.#unclaimed.shift();
    return socket ? Promise.resolve(socket) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** How many connections are open. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

// A wire between forwarder and gateway that a test can tap: passes bytes on, remembers what clients sent, and may change what comes back.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Relay implements AsyncDisposable {
  readonly url: string;
  /** What each connection of a client sent, one character a byte. */
  readonly sent: string[] = [];
  /** Changes a chunk on its way back. It must keep its length: nothing else of the answer is mended. */
  rewrite: (chunk: string) => string = (chunk) => chunk;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Listens on a free port and passes on to `port`. A connection that the other side does not take is cut. */
  static async open(port: number): Promise<Relay> {
    let relay: Relay | undefined;
    const server = createServer((client) => relay?.pass(client, port));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    relay = new Relay(server);
    return relay;
  }

  /** The requests that clients sent, whole, oldest connection first. */
  requests(): readonly string[] {
    return this.sent.flatMap((stream) => stream.split(/(?=(?:POST|GET|DELETE) \/\S* HTTP\/1\.1\r\n)/));
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  private pass(client: Socket, port: number): void {
    const upstream = connect(port, '127.0.0.1');
    const at = this.sent.push('') - 1;
    client.on('data', (chunk) => {
      this.sent[at] += chunk.toString('latin1');
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => client.write(Buffer.from(this.rewrite(chunk.toString('latin1')), 'latin1')));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('end', () => other.end());
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

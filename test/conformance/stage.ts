// Gives each client that the suite starts its way to the suite's server, a few at a time: the suite starts all of them at once.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Way } from './ways.ts';

const STAGE = 'MCPREC_CONFORMANCE_STAGE';
/** Clients at a time: some scenarios measure how long a client takes. */
const CLIENTS_MAX = 2;

export class Stage implements AsyncDisposable {
  readonly #server: Server;
  readonly #way: Way;
  readonly #waiting: (() => void)[] = [];
  #playing = 0;
  readonly #faults: unknown[] = [];
  /** Every way that was given, resolved when it is closed again. */
  readonly #given: Promise<void>[] = [];

  private constructor(server: Server, way: Way) {
    this.#server = server;
    this.#way = way;
    server.on('request', (request, response) => {
      const upstream = new URL(request.url ?? '', 'http://stage').searchParams.get('upstream') ?? '';
      const given = this.#give(upstream, response).catch((error: unknown) => {
        this.#faults.push(error);
        response.destroy();
      });
      this.#given.push(given);
    });
  }

  /** Opens a stage for clients that go `way`. */
  static async open(way: Way): Promise<Stage> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Stage(server, way);
  }

  /** What the clients need to have in their environment. */
  get env(): Readonly<Record<string, string>> {
    return { [STAGE]: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}` };
  }

  /** Throws where a way could not be opened: what the suite then says of the client is not about the client. */
  check(): void {
    if (this.#faults.length > 0) throw this.#faults[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await Promise.all(this.#given);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** The way stays open for as long as the client keeps this answer open. */
  async #give(upstream: string, response: ServerResponse): Promise<void> {
    const gone = new Promise<void>((resolve) => response.once('close', resolve));
    if (this.#playing >= CLIENTS_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#playing++;
    try {
      await using open = await this.#way.open(upstream);
      response.write(open.endpoint);
      await gone;
    } finally {
      this.#playing--;
      this.#waiting.shift()?.();
    }
  }
}

/** Where a client that the suite started is to go; stays open until its process ends. */
export async function takeWay(upstream: string): Promise<URL> {
  const stage = process.env[STAGE];
  if (stage === undefined) throw new Error(`${STAGE} is not set`);
  const answer = await fetch(`${stage}/?${new URLSearchParams({ upstream })}`);
  const first = await answer.body?.getReader().read();
  if (first?.value === undefined) throw new Error(`no way leads to ${upstream}`);
  return new URL(Buffer.from(first.value).toString('utf8'));
}

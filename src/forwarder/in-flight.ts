// The exchanges that a session serves at the moment: waits for them, and cuts off what does not end.
import type { IncomingMessage } from 'node:http';

interface Served {
  readonly served: Promise<void>;
  readonly cut: AbortController;
  readonly isStream: boolean;
}

export class InFlight {
  readonly #all = new Set<Served>();

  /** Serves a request; `serve` is given the signal that cuts it off. Resolves when it is served. */
  async run(request: IncomingMessage, serve: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const cut = new AbortController();
    const served = serve(cut.signal);
    const one = { served, cut, isStream: request.method === 'GET' };
    this.#all.add(one);
    await served;
    this.#all.delete(one);
  }

  /** Cuts off the streams that a client keeps open for what the server may say, or everything. */
  cutOff(which: 'streams' | 'all'): void {
    for (const { cut, isStream } of this.#all) if (which === 'all' || isStream) cut.abort('session_closed');
  }

  /** Resolves when all is served that is in flight now, or after `msMax`. */
  async drain(msMax: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, msMax);
    await Promise.race([Promise.all([...this.#all].map(({ served }) => served)), late]);
    clearTimeout(timer);
  }
}

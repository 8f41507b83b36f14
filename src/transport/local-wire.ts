// A connection inside this process: two ends of a duplex stream, with the back-pressure and the closing of a socket. Over it a client
// that is none of HTTP comes to the very data path that HTTP clients come to, without a port that others could knock at.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { Agent, createServer } from './node-http.ts';

type Done = (error?: Error | null) => void;

/** One end. What is written to it is read at the other. */
class WireEnd extends Duplex {
  #other: WireEnd | undefined;
  /** Called once the other end has room again. */
  #waiting: Done | undefined;

  static pair(): readonly [WireEnd, WireEnd] {
    const ends = [new WireEnd(), new WireEnd()] as const;
    ends[0].#other = ends[1];
    ends[1].#other = ends[0];
    return ends;
  }

  override _read(): void {
    const other = this.#other;
    if (other === undefined) return;
    const waiting = other.#waiting;
    other.#waiting = undefined;
    waiting?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    if (this.#other === undefined || this.#other.push(chunk)) process.nextTick(done);
    else this.#waiting = done;
  }

  override _final(done: Done): void {
    this.#other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    done(error);
    const other = this.#other;
    if (other !== undefined && !other.destroyed) process.nextTick(() => other.destroy());
  }

  /** As of a socket: what was written is delivered, then the connection ends. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy()).end();
  }

  // What HTTP asks of a socket and a wire need not do.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

/** Connections in this process to one handler of HTTP requests. Close it to cut them. */
export class LocalWire {
  /** For `http.request`. */
  readonly agent: InstanceType<typeof Agent>;
  readonly #server: Server;
  readonly #ends = new Set<WireEnd>();

  constructor(serve: (request: IncomingMessage, response: ServerResponse) => void) {
    this.#server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 }, serve);
    this.agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
    this.agent.createConnection = () => {
      const [near, far] = WireEnd.pair();
      this.#ends.add(near);
      near.once('close', () => this.#ends.delete(near));
      this.#server.emit('connection', far);
      return near;
    };
  }

  close(): void {
    this.agent.destroy();
    for (const end of this.#ends) end.destroy();
  }
}

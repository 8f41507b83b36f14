// The stdio side of `connect --stdio`: one JSON message a line in, one a line out, through the same data path as HTTP. Nothing else is
// ever written to stdout.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { limits } from '../base/limits.ts';
import { asLine, LineSplitter } from '../protocol/lines.ts';
import { readBody } from '../transport/body.ts';
import type { HeardMessage } from '../transport/heard.ts';
import { LocalWire } from '../transport/local-wire.ts';
import { MessageClient } from '../transport/message-client.ts';
import type { Lodger } from './listener.ts';

export interface StdioStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
}

/** A client on stdin and stdout. */
export class StdioClient {
  readonly #streams: StdioStreams;
  readonly #wire: LocalWire;
  readonly #client: MessageClient;
  #gone = false;

  constructor(lodger: Lodger, streams: StdioStreams) {
    this.#streams = streams;
    this.#wire = new LocalWire((request, response) => void serveMessage(lodger, request, response));
    this.#client = new MessageClient({ agent: this.#wire.agent, headers: [], deliver: (heard) => this.#deliver(heard) });
    streams.stdout.once('close', () => this.stop());
  }

  /** Serves until the client closes its end, or `stop`; then nothing more of the client is on its way. */
  async run(): Promise<void> {
    const splitter = new LineSplitter(limits.requestBytesMax);
    let overlongBytes = 0;
    try {
      for await (const chunk of this.#streams.stdin as AsyncIterable<Buffer>) {
        for (const piece of splitter.push(chunk)) {
          if (piece.kind === 'part') {
            overlongBytes += piece.raw.length;
            if (!piece.last) continue;
            await this.#client.takeOverlong(overlongBytes);
            overlongBytes = 0;
          } else await this.#take(piece.raw);
        }
      }
      const rest = splitter.end();
      if (rest?.kind === 'line') await this.#take(rest.raw);
    } catch (error) {
      // A stdin that breaks is a client that went.
      if (!this.#gone && !this.#streams.stdin.destroyed) throw error;
    }
    await this.#client.close();
    this.#wire.close();
  }

  /** Takes no more from the client. */
  stop(): void {
    this.#gone = true;
    this.#streams.stdin.destroy();
  }

  async #take(raw: Buffer): Promise<void> {
    const line = raw[raw.length - 1] === 0x0a ? raw.subarray(0, -1) : raw;
    if (!/^\s*$/.test(line.subarray(0, 64).toString('latin1')) || line.length > 64) await this.#client.take(line);
  }

  async #deliver({ message, raw }: HeardMessage): Promise<void> {
    const { stdout } = this.#streams;
    if (this.#gone || stdout.destroyed || stdout.write(raw ?? asLine(message))) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stdout.off('drain', done).off('close', done);
        resolve();
      };
      stdout.once('drain', done).once('close', done);
    });
  }
}

/** Hands one message on its way over a local wire to its session. */
export async function serveMessage(lodger: Lodger, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.sendDate = false;
  // A body that is too long was never sent.
  const read = await readBody(request, limits.requestBytesMax, () => undefined);
  if (read.kind === 'aborted') return;
  if (read.kind === 'too_long') response.setHeader('Connection', 'close');
  await lodger.serve(request, response, '/mcp', read.kind === 'body' ? read.bytes : undefined);
}

// When a client is done with: it has taken its whole answer, or it has gone.
import type { Socket } from 'node:net';
import type { RawHeaders } from '../protocol/headers.ts';

/** What the data path uses of a `ServerResponse`, which is one. */
export interface ClientSide {
  readonly closed: boolean;
  readonly destroyed: boolean;
  readonly headersSent: boolean;
  readonly writableFinished: boolean;
  readonly writableNeedDrain: boolean;
  readonly req: { readonly socket: Socket };
  readonly socket: Socket | null;
  /** The phrase beside the status; node's own where it is left alone. */
  statusMessage?: string;
  /** `headers` is flat: name, value, … */
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  /** What the bytes of a body with that head become before anything is done with them; left out where they stay as they are. */
  entering?(status: number, headers: RawHeaders): ((bytes: Buffer) => Buffer) | undefined;
  write(bytes: Uint8Array): boolean;
  end(bytes?: Uint8Array): unknown;
  destroy(): unknown;
  on(event: 'close' | 'drain', call: () => void): unknown;
  off(event: 'close' | 'drain', call: () => void): unknown;
}

/** True where nothing more can reach the client: its answer was delivered, or its connection is lost. */
export function isDone(response: ClientSide): boolean {
  return response.closed || response.req.socket.destroyed;
}

/** Calls `call` once the client is done with. Returns what takes that back. */
export function whenDone(response: ClientSide, call: () => void): () => void {
  const { socket } = response.req;
  const undo = (): void => {
    response.off('close', done);
    socket.off('close', done);
  };
  const done = (): void => {
    undo();
    call();
  };
  response.on('close', done);
  // Node 22 tells a pipelined answer, whose turn has not come, nothing of a lost connection.
  socket.on('close', done);
  return undo;
}

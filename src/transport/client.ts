// When a client is done with: it has taken its whole answer, or it has gone.
import type { ServerResponse } from 'node:http';

/** True where nothing more can reach the client: its answer was delivered, or its connection is lost. */
export function isDone(response: ServerResponse): boolean {
  return response.closed || response.req.socket.destroyed;
}

/** Calls `call` once the client is done with. Returns what takes that back. */
export function whenDone(response: ServerResponse, call: () => void): () => void {
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

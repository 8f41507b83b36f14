// Opens a loopback listener of the sandbox and closes it for good, open connections included.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McprecError } from '../base/errors.ts';

export const LOOPBACK = '127.0.0.1';

/** Listens on 127.0.0.1; port 0 takes a free one. Returns the origin, `http://127.0.0.1:PORT`. Throws `port_taken`. */
export async function listenOnLoopback(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'EADDRINUSE' || cause.code === 'EACCES'
          ? new McprecError('port_taken', `port ${port} cannot be opened: ${cause.message}`, { cause })
          : cause,
      );
    });
    server.listen(port, LOOPBACK, resolve);
  });
  server.removeAllListeners('error');
  return `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`;
}

/** Stops listening and cuts what is still open. */
export async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

// Preloaded into servers that have no option for the address: wherever they listen, it is on 127.0.0.1.
import { Server } from 'node:net';

type Listen = (this: Server, ...args: unknown[]) => Server;

const listen = Server.prototype.listen as unknown as Listen;

Server.prototype.listen = function listenOnLoopback(this: Server, ...args: unknown[]) {
  const [first, ...rest] = args;
  if (typeof first === 'object' && first !== null) return listen.call(this, { ...first, host: '127.0.0.1' }, ...rest);
  const callback = rest.find((arg) => typeof arg === 'function');
  return listen.call(this, { port: Number(first ?? 0), host: '127.0.0.1' }, ...(callback === undefined ? [] : [callback]));
} as Server['listen'];

// The bare hop that mcprec is measured against: the least that a proxy on Node does. node:http in, undici out, nothing read, nothing kept.
// `node hop-child.ts PORT` forwards to that port of this machine.
import { createServer, type ServerResponse } from 'node:http';
import { Agent, type Dispatcher } from 'undici';

const origin = `http://127.0.0.1:${process.argv[2]}`;
const agent = new Agent({ pipelining: 1, bodyTimeout: 0 });

class Pass implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  constructor(response: ServerResponse) {
    this.#response = response;
  }
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#response.on('close', () => {
      if (!this.#response.writableFinished) controller.abort(new Error('the client left'));
    });
    this.#response.on('drain', () => controller.resume());
  }
  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = (controller.rawHeaders as (Buffer | string)[]).map(String);
    const kept: string[] = [];
    for (let i = 0; i < raw.length; i += 2)
      if (!/^(connection|keep-alive|transfer-encoding)$/i.test(raw[i] as string)) kept.push(raw[i] as string, raw[i + 1] as string);
    this.#response.writeHead(status, kept);
    if (/event-stream/.test(kept.join())) this.#response.flushHeaders();
  }
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause();
  }
  onResponseEnd(): void {
    this.#response.end();
  }
  onResponseError(): void {
    this.#response.destroy();
  }
}

const server = createServer((request, response) => {
  response.sendDate = false;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const headers: string[] = [];
    const raw = request.rawHeaders;
    for (let i = 0; i < raw.length; i += 2)
      if (!/^(host|connection|content-length)$/i.test(raw[i] as string)) headers.push(raw[i] as string, raw[i + 1] as string);
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    agent.dispatch({ origin, path: request.url ?? '/', method: request.method as Dispatcher.HttpMethod, headers, body: body ?? null }, new Pass(response));
  });
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));

// The upstream of the bench: a process of its own that answers HTTP/1.1 on raw sockets, as fast as one thread can. Which answer it gives stands in
// the query: `?answer=1k`, `64k`, `1m`; `sse`: an event at once and the result a little later; `stream`: an event again and again.
import { createServer, type Socket } from 'node:net';
import { type AnswerSize, answerTexts, ID_PLACE } from './answers.ts';

interface Prepared {
  /** The status line, the headers and the body up to the id. */
  readonly before: Buffer;
  readonly after: Buffer;
}

const RESULT_MS = 5;
const EVENT_MS = 50;

const prepared = new Map<string, readonly Prepared[]>();
let turn = 0;

function answersOf(size: string): readonly Prepared[] {
  const known = prepared.get(size);
  if (known !== undefined) return known;
  const made = answerTexts(size as AnswerSize).map((text) => {
    const at = text.indexOf(ID_PLACE);
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`;
    return { before: Buffer.from(head + text.slice(0, at)), after: Buffer.from(text.slice(at + ID_PLACE.length)) };
  });
  prepared.set(size, made);
  return made;
}

function answer(socket: Socket, head: string, body: string): void {
  const kind = /[?&]answer=(\w+)/.exec(head)?.[1] ?? '1k';
  const at = body.indexOf('"id":');
  const id = at === -1 ? ID_PLACE : body.slice(at + 5, at + 5 + ID_PLACE.length);
  if (kind === 'sse') answerSse(socket, id);
  else if (kind === 'stream') answerStream(socket);
  else answerWhole(socket, kind, id);
}

function answerWhole(socket: Socket, kind: string, id: string): void {
  const all = answersOf(kind);
  const one = all[turn++ % all.length] as Prepared;
  socket.cork();
  socket.write(one.before);
  socket.write(id, 'latin1');
  socket.write(one.after);
  socket.uncork();
}

const SSE_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n';

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function event(message: object): string {
  return chunk(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
}

function answerSse(socket: Socket, id: string): void {
  const progress = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'bench', progress: 1, total: 2, message: 'reading' } };
  socket.write(SSE_HEAD + event(progress));
  const result = { jsonrpc: '2.0', id: Number(id), result: { content: [{ type: 'text', text: 'done' }], isError: false } };
  setTimeout(() => socket.write(`${event(result)}0\r\n\r\n`), RESULT_MS);
}

/** Until the client leaves: events that say when they were sent, by the clock that all processes of this machine share. */
function answerStream(socket: Socket): void {
  socket.write(SSE_HEAD);
  let sent = 0;
  const timer = setInterval(() => {
    const params = { level: 'info', logger: 'bench', data: { event: sent++, sentUs: Number(process.hrtime.bigint() / 1000n) } };
    socket.write(event({ jsonrpc: '2.0', method: 'notifications/message', params }));
  }, EVENT_MS);
  socket.on('close', () => clearInterval(timer));
}

const server = createServer({ noDelay: true }, (socket) => {
  let waiting: Buffer | undefined;
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    let buffer = waiting === undefined ? data : Buffer.concat([waiting, data]);
    waiting = undefined;
    for (;;) {
      const headEnd = buffer.indexOf('\r\n\r\n');
      if (headEnd === -1) break;
      const head = buffer.toString('latin1', 0, headEnd);
      const end = headEnd + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (buffer.length < end) break;
      answer(socket, head, buffer.toString('latin1', headEnd + 4, end));
      buffer = buffer.subarray(end);
    }
    if (buffer.length > 0) waiting = buffer;
  });
});

for (const size of ['1k', '64k', '1m']) answersOf(size);
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));

// The load generator of the bench: a process of its own that speaks HTTP/1.1 on raw sockets. Takes a LoadOrder as a message and sends a LoadReport.
import { connect, type Socket } from 'node:net';
import { AnswerReader } from './answer-reader.ts';
import { type LoadOrder, type LoadReport, requestText } from './load.ts';

let nextId = 1_000_000_000;
/** How long a stream may take to bring its first event; its time starts then. */
const FIRST_EVENT_MS_MAX = 20_000;

class Run {
  readonly #order: LoadOrder;
  readonly #end: number;
  readonly #times: number[] = [];
  readonly #failed: { id: number; why: string }[] = [];
  readonly #firstId = nextId;
  #answered = 0;
  #wireBytes = 0;
  #events = 0;
  #outOfOrder = 0;
  #due = performance.now();

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#end = performance.now() + order.ms;
  }

  async run(): Promise<LoadReport> {
    const start = performance.now();
    await Promise.all(Array.from({ length: this.#order.connections }, () => (this.#order.kind === 'streams' ? this.#listen() : this.#call())));
    const seconds = (performance.now() - start) / 1000;
    const times = Float64Array.from(this.#times).sort();
    const at = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.NaN;
    return {
      answered: this.#answered,
      firstId: this.#firstId,
      endId: nextId,
      failed: this.#failed,
      seconds,
      perSecond: this.#answered / seconds,
      p50: at(0.5),
      p99: at(0.99),
      wireBytes: this.#wireBytes,
      events: this.#events,
      outOfOrder: this.#outOfOrder,
    };
  }

  /** One connection: a call, its answer, the next call. */
  #call(): Promise<void> {
    const { port, kind, pace } = this.#order;
    return new Promise((resolve) => {
      let id = 0;
      let start = 0;
      let firstEvent = 0;
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const next = (): void => {
        if (performance.now() >= this.#end) {
          socket.destroy();
          resolve();
          return;
        }
        if (pace === undefined) {
          send();
          return;
        }
        // Turns are given out evenly; whoever is late goes at once.
        const due = this.#due;
        this.#due = Math.max(this.#due, performance.now() - 1000) + 1000 / pace;
        const wait = due - performance.now();
        if (wait <= 0) send();
        else setTimeout(send, wait);
      };
      const send = (): void => {
        id = nextId++;
        const text = requestText(this.#order, id);
        this.#wireBytes += text.length;
        firstEvent = 0;
        start = performance.now();
        socket.write(text, 'latin1');
      };
      const fail = (why: string): void => {
        this.#failed.push({ id, why });
        socket.destroy();
        resolve();
      };
      const reader = new AnswerReader((status, opening) => {
        const now = performance.now();
        if (status !== 200 || !(kind === 'sse' || opening.includes(`"id":${id}`))) {
          fail(`${status} ${opening}`);
          return;
        }
        this.#times.push((firstEvent || now) - start);
        this.#answered++;
        next();
      });
      socket.on('connect', next);
      socket.on('error', (error) => fail(error.message));
      socket.on('end', () => fail('the connection was closed'));
      socket.on('data', (data) => {
        this.#wireBytes += data.length;
        if (kind === 'sse' && firstEvent === 0 && data.includes('\n\n')) firstEvent = performance.now();
        reader.push(data);
      });
    });
  }

  /** One connection that listens until the time is over. */
  #listen(): Promise<void> {
    const id = nextId++;
    let seen = 0;
    let rest = '';
    return new Promise((resolve) => {
      const socket: Socket = connect({ port: this.#order.port, host: '127.0.0.1', noDelay: true });
      let timer = setTimeout(() => {
        socket.destroy();
        this.#failed.push({ id, why: 'no event came' });
        resolve();
      }, FIRST_EVENT_MS_MAX);
      const begin = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          socket.destroy();
          this.#answered++;
          resolve();
        }, this.#order.ms);
      };
      socket.on('connect', () => socket.write(requestText(this.#order, id), 'latin1'));
      socket.on('error', (error) => {
        clearTimeout(timer);
        this.#failed.push({ id, why: error.message });
        resolve();
      });
      socket.on('data', (data) => {
        const nowUs = Number(process.hrtime.bigint() / 1000n);
        rest += data.toString('latin1');
        for (const [, event, sentUs] of rest.matchAll(/"event":(\d+),"sentUs":(\d+)/g)) {
          if (seen === 0) begin();
          if (Number(event) !== seen) this.#outOfOrder++;
          seen = Number(event) + 1;
          this.#events++;
          this.#times.push((nowUs - Number(sentUs)) / 1000);
        }
        rest = rest.slice(rest.lastIndexOf('\n\n') + 1);
      });
    });
  }
}

process.on('message', (order: LoadOrder) => {
  void new Run(order).run().then((report) => process.send?.(report));
});

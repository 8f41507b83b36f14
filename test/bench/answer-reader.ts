// Reads HTTP/1.1 answers off a raw socket, no more of them than the load generator needs: where each ends, its status, and how its body begins.

const OPENING_BYTES = 200;
const EMPTY = Buffer.alloc(0);

export class AnswerReader {
  readonly #answered: (status: number, opening: string) => void;
  #state: 'head' | 'sized' | 'chunked' = 'head';
  /** What was not read yet: the start of a head, or of a chunk's. */
  #rest: Buffer = EMPTY;
  #status = 0;
  #left = 0;
  #opening = '';

  /** `answered` is called at the end of each answer, with up to 200 bytes of its body. */
  constructor(answered: (status: number, opening: string) => void) {
    this.#answered = answered;
  }

  push(data: Buffer): void {
    let buffer = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    this.#rest = EMPTY;
    while (buffer.length > 0) {
      const taken = this.#state === 'head' ? this.#head(buffer) : this.#state === 'sized' ? this.#sized(buffer) : this.#chunked(buffer);
      if (taken === 0) break;
      buffer = buffer.subarray(taken);
    }
    this.#rest = buffer;
  }

  #head(buffer: Buffer): number {
    const end = buffer.indexOf('\r\n\r\n');
    if (end === -1) return 0;
    const head = buffer.toString('latin1', 0, end);
    this.#status = Number(head.slice(9, 12));
    this.#opening = '';
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#state = length === undefined ? 'chunked' : 'sized';
    this.#left = Number(length ?? 0);
    if (length === '0') this.#end();
    return end + 4;
  }

  #sized(buffer: Buffer): number {
    const taken = Math.min(this.#left, buffer.length);
    this.#open(buffer, 0, taken);
    this.#left -= taken;
    if (this.#left === 0) this.#end();
    return taken;
  }

  // A chunk is taken whole: those of the bench are small.
  #chunked(buffer: Buffer): number {
    const lineEnd = buffer.indexOf('\r\n');
    if (lineEnd === -1) return 0;
    const size = Number.parseInt(buffer.toString('latin1', 0, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (buffer.length < end) return 0;
    if (size === 0) this.#end();
    else this.#open(buffer, lineEnd + 2, lineEnd + 2 + size);
    return end;
  }

  #open(buffer: Buffer, from: number, to: number): void {
    if (this.#opening.length < OPENING_BYTES) this.#opening += buffer.toString('latin1', from, Math.min(to, from + OPENING_BYTES));
  }

  #end(): void {
    this.#state = 'head';
    this.#answered(this.#status, this.#opening);
  }
}

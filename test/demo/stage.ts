// What the audience of the demo sees: headings, commands with their output, and one line for each fact that was checked.
import { inspect, isDeepStrictEqual, styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const INDENT = '    ';

/** Where a fact was looked up. */
export type Witness = 'command' | 'client' | 'upstream log' | 'gateway API' | 'gateway store' | 'journal' | 'both stores' | 'files' | 'system';

export class Stage {
  readonly #out: NodeJS.WriteStream;
  #steps = 0;
  #asserted = 0;
  readonly #off: string[] = [];

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** Begins the next step. */
  heading(title: string): void {
    this.#write(`\n${this.#paint('bold', `${++this.#steps}. ${title}`)}\n`);
  }

  /** A sentence about what happens now. */
  tell(text: string): void {
    this.#write(`  ${text}\n`);
  }

  /** The command that a user would type. */
  command(line: string): void {
    this.#write(`  ${this.#paint('bold', `$ ${line}`)}\n`);
  }

  /** What a program printed. */
  output(text: string): void {
    const lines = text.replace(/\n+$/, '').split('\n');
    if (text !== '') for (const line of lines) this.#write(line === '' ? '\n' : `${INDENT}${this.#paint('dim', line)}\n`);
  }

  /** Checks that `actual` is `expected`, in every member, and says so. A fact that is off is reported and the demo goes on to the next. */
  fact(claim: string, witness: Witness, actual: unknown, expected: unknown): void {
    this.#asserted++;
    const from = this.#paint('dim', `(${witness})`);
    if (isDeepStrictEqual(actual, expected)) {
      this.#write(`  ${this.#paint('green', '✓')} ${claim} ${from}\n`);
      return;
    }
    this.#off.push(claim);
    this.#write(`  ${this.#paint('red', '✗')} ${claim} ${from}\n${INDENT}expected ${show(expected)}\n${INDENT}actual   ${show(actual)}\n`);
  }

  /** The last line. True where at least one fact was asserted and none was off. */
  finish(elapsedMs: number): boolean {
    const good = this.#off.length === 0 && this.#asserted > 0;
    this.#write(
      `\n${this.#paint(good ? 'green' : 'red', `${this.#asserted} facts asserted, ${this.#off.length} off`)}, in ${(elapsedMs / 1000).toFixed(1)} s\n`,
    );
    for (const claim of this.#off) this.#write(`  off: ${claim}\n`);
    return good;
  }

  #paint(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }

  #write(text: string): void {
    this.#out.write(text);
  }
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, maxArrayLength: 40, maxStringLength: 400, breakLength: 140 }).replaceAll('\n', `\n${INDENT}         `);
}

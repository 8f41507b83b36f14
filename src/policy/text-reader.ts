// Reads a text from left to right for the parsers of Datadog's query language. Never goes back further than a parser asks.

/** Why a query cannot be read, and where; offsets count UTF-16 units. */
export class QueryFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

export class TextReader {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  skipSpace(): void {
    this.take(/[ \t\r\n]*/y);
  }

  /** What the sticky pattern matches here, and goes behind it; undefined where it does not. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  /** Goes behind `literal` where it stands here, with space in front of it or not. */
  eat(literal: string): boolean {
    this.skipSpace();
    if (!this.text.startsWith(literal, this.at)) return false;
    this.at += literal.length;
    return true;
  }

  expect(literal: string): void {
    if (!this.eat(literal)) throw this.fault(`expected ${literal}`);
  }

  /** True where nothing but space is left. */
  get isDone(): boolean {
    this.skipSpace();
    return this.at === this.text.length;
  }

  fault(message: string): QueryFault {
    return new QueryFault(this.at, `${message} at offset ${this.at}`);
  }
}

// The reading itself: one pass over the units of a text, which notes where every literal stands.
import { foldCase } from './fold-case.ts';
import type { JsonArray, JsonLiteral, JsonMember, JsonNode, JsonNumber, JsonObject, JsonString } from './json.ts';
import { limits } from './limits.ts';

/** Thrown by `JsonReader` where a text is no JSON. */
export class Fault extends Error {
  readonly offset: number;
  constructor(offset: number, reason: string) {
    super(reason);
    this.offset = offset;
  }
}

/** Thrown where a text is more than is read here, and may be JSON for others. */
export class TooMuch extends Fault {}

const BYTE_ORDER_MARK = 0xfeff;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERALS = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** Reads one text. Use `parseJson`, which gives faults as values. */
export class JsonReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonNode {
    this.#takes(BYTE_ORDER_MARK);
    this.#skipSpace();
    const node = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw new Fault(this.#at, 'text after the end of the value');
    return node;
  }

  #value(): JsonNode {
    if (++this.#values > limits.jsonValuesMax) throw new TooMuch(this.#at, `more than ${limits.jsonValuesMax} values`);
    const c = this.#text.charCodeAt(this.#at);
    if (c === QUOTE) return this.#string();
    if (c === 0x7b) return this.#nested(() => this.#object());
    if (c === 0x5b) return this.#nested(() => this.#array());
    if (c === 0x2d || (c >= 0x30 && c <= 0x39)) return this.#number();
    return this.#literal();
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > limits.jsonDepthMax) throw new TooMuch(this.#at, `nested deeper than ${limits.jsonDepthMax}`);
    const node = read();
    this.#depth--;
    return node;
  }

  #object(): JsonObject {
    const start = this.#at++;
    const members: JsonMember[] = [];
    this.#skipSpace();
    if (this.#takes(0x7d)) return { type: 'object', start, end: this.#at, members, ambiguousKey: undefined };
    for (;;) {
      if (this.#text.charCodeAt(this.#at) !== QUOTE) throw new Fault(this.#at, 'a member name in double quotes is expected');
      const key = this.#string();
      this.#skipSpace();
      if (!this.#takes(0x3a)) throw new Fault(this.#at, 'a colon is expected');
      this.#skipSpace();
      members.push({ key, value: this.#value() });
      this.#skipSpace();
      if (this.#takes(0x7d)) break;
      if (!this.#takes(0x2c)) throw new Fault(this.#at, 'a comma or } is expected');
      this.#skipSpace();
    }
    return { type: 'object', start, end: this.#at, members, ambiguousKey: findAmbiguousKey(members) };
  }

  #array(): JsonArray {
    const start = this.#at++;
    const items: JsonNode[] = [];
    this.#skipSpace();
    if (this.#takes(0x5d)) return { type: 'array', start, end: this.#at, items };
    for (;;) {
      items.push(this.#value());
      this.#skipSpace();
      if (this.#takes(0x5d)) break;
      if (!this.#takes(0x2c)) throw new Fault(this.#at, 'a comma or ] is expected');
      this.#skipSpace();
    }
    return { type: 'array', start, end: this.#at, items };
  }

  #string(): JsonString {
    const text = this.#text;
    const start = this.#at;
    let escaped = false;
    let i = start + 1;
    for (; ; i++) {
      const c = text.charCodeAt(i);
      if (c === QUOTE) break;
      if (c === BACKSLASH) {
        escaped = true;
        i++;
      } else if (!(c >= 0x20)) {
        // NaN at the end of the text, or a raw control character.
        throw new Fault(i, i >= text.length ? 'the text ends inside a string' : 'a control character in a string');
      }
    }
    this.#at = i + 1;
    const raw = text.slice(start + 1, i);
    return { type: 'string', start, end: i + 1, value: escaped ? unescapeJson(raw, start) : raw };
  }

  #number(): JsonNumber {
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text);
    if (!found) throw new Fault(this.#at, 'a malformed number');
    const start = this.#at;
    this.#at += found[0].length;
    return { type: 'number', start, end: this.#at, lexeme: found[0] };
  }

  #literal(): JsonLiteral {
    const start = this.#at;
    for (const [word, value] of LITERALS) {
      if (this.#text.startsWith(word, start)) {
        this.#at += word.length;
        return { type: 'literal', start, end: this.#at, value };
      }
    }
    throw new Fault(start, start >= this.#text.length ? 'the text ends where a value is expected' : 'a value is expected');
  }

  #takes(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
      this.#at++;
    }
  }
}

function unescapeJson(raw: string, offset: number): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    throw new Fault(offset, 'a malformed escape in a string');
  }
}

const FEW_KEYS = 8;

function findAmbiguousKey(members: readonly JsonMember[]): string | undefined {
  if (members.length < 2) return undefined;
  const folded = members.map((m) => foldCase(m.key.value));
  // Looking through a few is cheaper than making a set of them.
  const again = members.length <= FEW_KEYS ? folded.findIndex((key, i) => folded.indexOf(key) !== i) : findRepeat(folded);
  return members[again]?.key.value;
}

function findRepeat(keys: readonly string[]): number {
  const seen = new Set<string>();
  return keys.findIndex((key) => {
    const before = seen.size;
    return seen.add(key).size === before;
  });
}

// Finds the members of one JSON object without reading what is inside them: for answers, of which only the envelope matters.

export interface SkimmedMember {
  /** As written between the quotes, escapes and all. */
  readonly key: string;
  /** Offsets of the value's first unit and behind its last. */
  readonly start: number;
  readonly end: number;
}

/**
 * The members of the object that starts at or after `from`, or undefined where there is none or the brackets do not
 * close. It checks no more than it needs to find its way: a text that skims may still not be JSON.
 */
export function skimObject(text: string, from = 0): readonly SkimmedMember[] | undefined {
  let at = skipSpace(text, from);
  if (text.charCodeAt(at) === 0xfeff) at = skipSpace(text, at + 1);
  if (text[at] !== '{') return undefined;
  at = skipSpace(text, at + 1);
  const members: SkimmedMember[] = [];
  if (text[at] === '}') return members;
  for (;;) {
    if (text[at] !== '"') return undefined;
    const keyEnd = skipString(text, at);
    if (keyEnd === -1) return undefined;
    const key = text.slice(at + 1, keyEnd - 1);
    at = skipSpace(text, keyEnd);
    if (text[at] !== ':') return undefined;
    const start = skipSpace(text, at + 1);
    const end = skipValue(text, start);
    if (end === -1) return undefined;
    members.push({ key, start, end });
    at = skipSpace(text, end);
    if (text[at] === '}') return members;
    if (text[at] !== ',') return undefined;
    at = skipSpace(text, at + 1);
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const c = text.charCodeAt(at);
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return at;
    at++;
  }
}

/** The offset behind the string that starts at `from`, or -1. */
function skipString(text: string, from: number): number {
  let at = from;
  for (;;) {
    at = text.indexOf('"', at + 1);
    if (at === -1) return -1;
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

const SCALAR = /[^\s,\]}]+/y;
/** Everything up to the next unit that can change the depth or open a string. */
const PLAIN = /[^"[\]{}]*/y;

/** The offset behind the value that starts at `from`, or -1. */
function skipValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return skipString(text, from);
  if (first !== '{' && first !== '[') {
    SCALAR.lastIndex = from;
    return SCALAR.test(text) ? SCALAR.lastIndex : -1;
  }
  let depth = 0;
  let at = from;
  for (;;) {
    PLAIN.lastIndex = at;
    PLAIN.test(text);
    at = PLAIN.lastIndex;
    const c = text.charCodeAt(at);
    if (c === 0x22) {
      at = skipString(text, at);
      if (at === -1) return -1;
    } else if (c === 0x7b || c === 0x5b) {
      depth++;
      at++;
    } else if (c === 0x7d || c === 0x5d) {
      at++;
      if (--depth === 0) return at;
    } else {
      return -1;
    }
  }
}

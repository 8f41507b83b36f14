// Reads JSON text into nodes that know where they stand in it, so that policy reads what the upstream reads (RULES R7:
// duplicate keys are seen, numbers stay as written) and a mask can replace one literal and leave every other byte alone.
import { foldCase } from './fold-case.ts';
import { Fault, JsonReader, TooMuch } from './json-reader.ts';

interface Span {
  /** Offset of the first UTF-16 unit of the literal, quotes and brackets included. */
  readonly start: number;
  /** Offset behind its last unit. */
  readonly end: number;
}

export interface JsonObject extends Span {
  readonly type: 'object';
  readonly members: readonly JsonMember[];
  /** The first key that stands twice, or twice but for its case; undefined where all differ. */
  readonly ambiguousKey: string | undefined;
}
export interface JsonMember {
  readonly key: JsonString;
  readonly value: JsonNode;
}
export interface JsonArray extends Span {
  readonly type: 'array';
  readonly items: readonly JsonNode[];
}
export interface JsonString extends Span {
  readonly type: 'string';
  /** Decoded, escapes undone. */
  readonly value: string;
}
export interface JsonNumber extends Span {
  readonly type: 'number';
  /** As written: `9007199254740993`, `1.0`, `1e3`. */
  readonly lexeme: string;
}
export interface JsonLiteral extends Span {
  readonly type: 'literal';
  readonly value: boolean | null;
}
export type JsonNode = JsonObject | JsonArray | JsonString | JsonNumber | JsonLiteral;

/** Why a text is not JSON (RFC 8259), and where. */
export interface JsonFault {
  readonly type: 'fault';
  readonly offset: number;
  readonly reason: string;
  /** True where the text is nested deeper, or has more values, than is read here: for others it may be JSON. */
  readonly isTooMuch: boolean;
}

/**
 * Reads a whole JSON text. Returns a fault instead of throwing. Nesting is bounded by `limits.jsonDepthMax`. A byte order mark in
 * front is passed over (RFC 8259 §8.1), because the other readers of the same bytes do so.
 */
export function parseJson(text: string): JsonNode | JsonFault {
  const reader = new JsonReader(text);
  try {
    return reader.document();
  } catch (error) {
    if (error instanceof Fault) return { type: 'fault', offset: error.offset, reason: error.message, isTooMuch: error instanceof TooMuch };
    throw error;
  }
}

/** The value of the member named `key`, or undefined. Where a key stands twice this is the first: check `ambiguousKey` before trusting it. */
export function member(node: JsonNode | undefined, key: string): JsonNode | undefined {
  if (node?.type !== 'object') return undefined;
  for (const m of node.members) if (m.key.value === key) return m.value;
  return undefined;
}

/** The values of all members named `key`: in an answer, which is not refused for it, one may stand twice. */
export function membersNamed(node: JsonNode | undefined, key: string): readonly JsonNode[] {
  return node?.type === 'object' ? node.members.filter((m) => m.key.value === key).map((m) => m.value) : [];
}

/** The values of all members that a reader could take for `key`: some readers take the last of two, and some ignore the case of keys. */
export function membersLike(node: JsonNode | undefined, key: string): readonly JsonNode[] {
  const folded = foldCase(key);
  return node?.type === 'object' ? node.members.filter((m) => foldCase(m.key.value) === folded).map((m) => m.value) : [];
}

/** The decoded string of the member named `key`, or undefined where there is none or it is no string. */
export function stringMember(node: JsonNode | undefined, key: string): string | undefined {
  const value = member(node, key);
  return value?.type === 'string' ? value.value : undefined;
}

/** The first ambiguous key in `node` or anything below it. */
export function ambiguousKeyWithin(node: JsonNode): string | undefined {
  if (node.type === 'object') {
    if (node.ambiguousKey !== undefined) return node.ambiguousKey;
    for (const m of node.members) {
      const found = ambiguousKeyWithin(m.value);
      if (found !== undefined) return found;
    }
  } else if (node.type === 'array') {
    for (const item of node.items) {
      const found = ambiguousKeyWithin(item);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** A plain value (as JSON.parse would give it) of a node; big numbers lose digits, so use it for display and matching of strings only. */
export function plainValue(node: JsonNode): unknown {
  switch (node.type) {
    case 'object':
      return Object.fromEntries(node.members.map((m) => [m.key.value, plainValue(m.value)]));
    case 'array':
      return node.items.map(plainValue);
    case 'string':
      return node.value;
    case 'number':
      return Number(node.lexeme);
    case 'literal':
      return node.value;
  }
}

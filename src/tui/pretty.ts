// Lays a recorded payload out as lines to read: JSON unfolded, JSON in its strings too, masks marked. All of it is safe to print.
import { escapeHostileLine } from '../base/hostile.ts';
import { type JsonNode, parseJson } from '../base/json.ts';
import { limits } from '../base/limits.ts';
import { markEnd } from '../mask/marker.ts';
import { countText } from './words.ts';

export type Style = 'plain' | 'key' | 'string' | 'number' | 'literal' | 'punctuation' | 'mark' | 'note';

export interface Part {
  readonly text: string;
  readonly style: Style;
}

export interface PrettyLine {
  /** Columns before the first part. */
  readonly indent: number;
  readonly parts: readonly Part[];
}

export interface PrettyBounds {
  readonly linesMax: number;
  readonly charactersMax: number;
}

const STEP = 2;
/** An array or object of plain values that is not longer stands on one line. */
const INLINE_MAX = 60;
/** JSON in a string in JSON in a string: deeper is shown as the string that it is. */
const NESTED_MAX = 4;
const LINE_BREAK = /\r\n|\r|\n/;

/** The lines of a payload's text. Where it is longer than the bounds, the last line says how much is not shown. */
export function prettyPayload(text: string, bounds: PrettyBounds): PrettyLine[] {
  const printer = new Printer(bounds);
  const node = text.length > limits.shownParseBytesMax ? undefined : parseJson(text);
  if (node === undefined || node.type === 'fault') printer.block(0, [], text);
  else printer.node(node, { indent: 0, lead: [], tail: '', nested: 0 });
  return printer.finish(text.length);
}

/** Where a value stands: what is in front of it on its line, and what follows it. */
interface Place {
  readonly indent: number;
  readonly lead: readonly Part[];
  readonly tail: '' | ',';
  readonly nested: number;
}

class Printer {
  readonly #bounds: PrettyBounds;
  readonly #lines: PrettyLine[] = [];
  #characters = 0;
  #full = false;

  constructor(bounds: PrettyBounds) {
    this.#bounds = bounds;
  }

  finish(length: number): PrettyLine[] {
    if (this.#full)
      this.#lines.push({
        indent: 0,
        parts: [note(`… cut here: the payload has ${countText(length, 'character')}; all of it: mcprec sessions show --exchange ID --json`)],
      });
    return this.#lines;
  }

  node(node: JsonNode, place: Place): void {
    if (this.#full) return;
    if (node.type === 'string') this.#string(node.value, place);
    else if ((node.type === 'object' || node.type === 'array') && !isFlat(node)) this.#container(node, place);
    else this.#add(place.indent, [...place.lead, ...inline(node), ...tail(place)]);
  }

  /** A text of several lines, each behind a gutter that nothing in it can fake. */
  block(indent: number, lead: readonly Part[], text: string): void {
    if (lead.length > 0) this.#add(indent, lead);
    for (const line of text.split(LINE_BREAK, this.#bounds.linesMax + 1)) {
      if (this.#full) return;
      this.#add(indent, [...(lead.length > 0 ? [punctuation('│ ')] : []), ...withMarks(line, this.#bounds.charactersMax)]);
    }
  }

  #container(node: Extract<JsonNode, { type: 'object' | 'array' }>, { indent, lead, tail: end, nested }: Place): void {
    const [open, close] = node.type === 'object' ? '{}' : '[]';
    this.#add(indent, [...lead, punctuation(open ?? '')]);
    const inner = indent + STEP;
    const count = node.type === 'object' ? node.members.length : node.items.length;
    for (let i = 0; i < count && !this.#full; i++) {
      const comma = i < count - 1 ? ',' : '';
      if (node.type === 'array') {
        const item = node.items[i];
        if (item) this.node(item, { indent: inner, lead: [], tail: comma, nested });
      } else {
        const m = node.members[i];
        if (m) this.node(m.value, { indent: inner, lead: [...quoted(m.key.value, 'key'), punctuation(': ')], tail: comma, nested });
      }
    }
    if (!this.#full) this.#add(indent, [punctuation(`${close}${end}`)]);
  }

  #string(value: string, place: Place): void {
    const { indent, lead, nested } = place;
    const inside = nested < NESTED_MAX ? jsonWithin(value) : undefined;
    if (inside !== undefined) {
      this.#add(indent, [...lead, note('JSON in a string:')]);
      this.node(inside, { indent: indent + STEP, lead: [], tail: '', nested: nested + 1 });
    } else if (LINE_BREAK.test(value)) {
      const lines = value.split(LINE_BREAK, this.#bounds.linesMax + 1).length;
      this.block(indent, [...lead, note(`text, ${countText(lines, 'line')}:`)], value);
    } else this.#add(indent, [...lead, ...quoted(value, 'string', this.#bounds.charactersMax), ...tail(place)]);
  }

  #add(indent: number, parts: readonly Part[]): void {
    if (this.#full) return;
    this.#lines.push({ indent, parts });
    for (const part of parts) this.#characters += part.text.length;
    this.#full = this.#lines.length >= this.#bounds.linesMax || this.#characters >= this.#bounds.charactersMax;
  }
}

function jsonWithin(value: string): JsonNode | undefined {
  if (!/^\s*[[{]/.test(value)) return undefined;
  const node = parseJson(value);
  if (node.type === 'object') return node.members.length > 0 ? node : undefined;
  return node.type === 'array' && node.items.length > 0 ? node : undefined;
}

function isFlat(node: Extract<JsonNode, { type: 'object' | 'array' }>): boolean {
  const values = node.type === 'object' ? node.members.map((m) => m.value) : node.items;
  if (values.length === 0) return true;
  if (node.end - node.start > INLINE_MAX) return false;
  return values.every((value) => isScalar(value) && (value.type !== 'string' || (!LINE_BREAK.test(value.value) && jsonWithin(value.value) === undefined)));
}

function isScalar(node: JsonNode): boolean {
  return node.type !== 'object' && node.type !== 'array';
}

function inline(node: JsonNode): Part[] {
  switch (node.type) {
    case 'string':
      return quoted(node.value, 'string');
    case 'number':
      // As written: a number that JavaScript cannot hold is shown whole.
      return [{ text: node.lexeme, style: 'number' }];
    case 'literal':
      return [{ text: String(node.value), style: 'literal' }];
    case 'array':
      return [punctuation('['), ...joined(node.items.map(inline)), punctuation(']')];
    case 'object':
      if (node.members.length === 0) return [punctuation('{}')];
      return [punctuation('{ '), ...joined(node.members.map((m) => [...quoted(m.key.value, 'key'), punctuation(': '), ...inline(m.value)])), punctuation(' }')];
  }
}

function joined(values: readonly (readonly Part[])[]): Part[] {
  return values.flatMap((parts, i) => (i === 0 ? parts : [punctuation(', '), ...parts]));
}

function quoted(value: string, style: 'key' | 'string', charactersMax = Number.POSITIVE_INFINITY): Part[] {
  const text = value.length > charactersMax ? value.slice(0, charactersMax) : value;
  const left = value.length - text.length;
  const parts = withMarks(JSON.stringify(text), Number.POSITIVE_INFINITY, style);
  return left > 0 ? [...parts, note(`… and ${countText(left, 'character')}`)] : parts;
}

/** Splits a text at the marks of masked values. */
function withMarks(value: string, charactersMax: number, style: Style = 'plain'): Part[] {
  const text = value.length > charactersMax ? value.slice(0, charactersMax) : value;
  const parts: Part[] = [];
  let from = 0;
  const take = (to: number, kind: Style) => {
    if (to > from) parts.push({ text: escapeHostileLine(text.slice(from, to)), style: kind });
    from = to;
  };
  for (let at = text.indexOf('['); at !== -1; at = text.indexOf('[', Math.max(at + 1, from))) {
    const end = markEnd(text, at);
    if (end === 0) continue;
    take(at, style);
    take(end, 'mark');
  }
  take(text.length, style);
  return parts;
}

function tail({ tail: text }: Place): Part[] {
  return text === '' ? [] : [punctuation(text)];
}

function punctuation(text: string): Part {
  return { text, style: 'punctuation' };
}

function note(text: string): Part {
  return { text, style: 'note' };
}

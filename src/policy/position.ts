// Reads YAML text and knows where everything in it stands, so that a problem can name its line and column.
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLError } from 'yaml';

export interface Place {
  readonly line: number;
  /** Both count from 1. */
  readonly column: number;
}

export type Path = readonly (string | number)[];

export interface YamlFault extends Place {
  readonly message: string;
}

const ALIASES_MAX = 100;

/** A YAML 1.2 text with its plain value and the places of its parts. */
export class YamlText {
  readonly #document: Document;
  readonly #lines = new LineCounter();
  readonly #text: string;

  /** `exactIntegers`: whole numbers come as `bigint`. */
  constructor(text: string, options: { readonly exactIntegers?: true } = {}) {
    this.#text = text;
    this.#document = parseDocument(text, {
      intAsBigInt: options.exactIntegers ?? false,
      lineCounter: this.#lines,
      prettyErrors: false,
      strict: true,
      uniqueKeys: true,
      stringKeys: true,
    });
  }

  /** What is wrong with the text as YAML; the value must not be asked for where there is any. */
  faults(): readonly YamlFault[] {
    // A warning of the library (an unknown tag, say) means that a value is not what was written.
    const faults = [...this.#document.errors, ...this.#document.warnings].map((error) => ({ ...this.#at(error.pos[0]), message: phrase(error) }));
    if (faults.length > 0) return faults;
    try {
      this.value();
      return [];
    } catch (error) {
      return [{ line: 1, column: 1, message: error instanceof Error ? error.message : String(error) }];
    }
  }

  /** The plain value. Throws on a bomb of aliases. */
  value(): unknown {
    return this.#document.toJS({ maxAliasCount: ALIASES_MAX });
  }

  /** Where the value at `path` stands; for one that is missing, the key of the nearest thing above it that is there. */
  placeOf(path: Path): Place {
    const node = this.#node(path);
    if (node?.range) return this.#at(node.range[0]);
    return path.length === 0 ? { line: 1, column: 1 } : this.placeOfKey(path.slice(0, -1));
  }

  /** Where the key of the last step of `path` stands. */
  placeOfKey(path: Path): Place {
    const parent = this.#node(path.slice(0, -1));
    const pair = parent === undefined ? undefined : pairOf(parent, path.at(-1));
    return isScalar(pair?.key) && pair.key.range ? this.#at(pair.key.range[0]) : this.placeOf(path);
  }

  /** Where unit `offset` of the text at `path` stands; the text's own place where it is written over several lines in a way that folds them. */
  placeWithin(path: Path, offset: number): Place {
    const node = this.#node(path);
    if (!isScalar(node) || !node.range || typeof node.value !== 'string') return this.placeOf(path);
    const [start, end] = node.range;
    const source = this.#text.slice(start, end);
    const at = node.type === 'BLOCK_LITERAL' ? unitInBlock(source, node.value, offset) : unitInLine(source, node.value, offset);
    return this.#at(at === undefined ? start : start + at);
  }

  #node(path: Path): Node | undefined {
    let node: Node | undefined = this.#document.contents ?? undefined;
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      const child: unknown = isSeq(node) ? node.items[Number(step)] : pairOf(node, step)?.value;
      node = child === null || child === undefined ? undefined : (child as Node);
      if (node === undefined) return undefined;
    }
    return node;
  }

  #at(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** The unit of a one-line scalar's source that stands for unit `offset` of its value. */
function unitInLine(source: string, value: string, offset: number): number | undefined {
  if (source === value) return offset;
  const quote = source[0];
  if (quote !== '"' && quote !== "'") return undefined;
  let at = 1;
  for (let unit = 0; unit < offset; unit++) {
    if (source[at] === '\n') return undefined;
    at += quote === "'" ? (source.startsWith("''", at) ? 2 : 1) : escapeLength(source, at);
  }
  return at;
}

function escapeLength(source: string, at: number): number {
  if (source[at] !== '\\') return 1;
  return { x: 4, u: 6, U: 10 }[source[at + 1] ?? ''] ?? 2;
}

/** The same in a block (`|`), whose lines stand behind an indentation that is not part of the value. */
function unitInBlock(source: string, value: string, offset: number): number | undefined {
  const before = value.slice(0, offset).split('\n');
  const lines = source.split('\n');
  const line = lines[before.length];
  const text = value.split('\n')[before.length - 1] ?? '';
  if (line === undefined || !line.endsWith(text)) return undefined;
  return lines.slice(0, before.length).reduce((sum, l) => sum + l.length + 1, 0) + line.length - text.length + (before.at(-1)?.length ?? 0);
}

function pairOf(node: Node | undefined, key: string | number | undefined): Pair | undefined {
  if (!isMap(node)) return undefined;
  const keyOf = (pair: Pair): string | undefined => (isScalar(pair.key) ? String(pair.key.value) : undefined);
  // Names of headers are kept in lower case, however they are written.
  return node.items.find((pair) => keyOf(pair) === String(key)) ?? node.items.find((pair) => keyOf(pair)?.toLowerCase() === String(key));
}

const phrases: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key stands twice',
  MULTIPLE_DOCS: 'the file holds more than one YAML document',
  TAB_AS_INDENT: 'a tab is used for indentation; use spaces',
};

function phrase(error: YAMLError): string {
  return phrases[error.code] ?? `not valid YAML: ${error.message.split('\n')[0] ?? error.code}`;
}

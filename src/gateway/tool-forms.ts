// How the tools of each connection looked when they were first seen. A server can change what a tool does behind its name:
// a change is an entry, and by the connection's `tool_changes` its calls are denied or held. Keeps MACs only (RULES R3).
import { createHmac, type KeyObject } from 'node:crypto';
import { type JsonNode, membersLike, parseJson } from '../base/json.ts';
import type { SeenTool } from '../store/guard-store.ts';
import type { Store } from '../store/store.ts';
import { Unreadable } from '../transport/outlet.ts';

type Key = string;

export interface ChangedTool {
  readonly name: string;
}

/** What of a tool says what it does. Source: MCP, `Tool`. */
const telling = ['title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const;

export class ToolForms {
  readonly #key: KeyObject;
  readonly #store: Pick<Store, 'keepTools'>;
  readonly #seen: Map<Key, SeenTool>;
  #anyChanged: boolean;

  private constructor(key: KeyObject, store: Pick<Store, 'keepTools'>, seen: readonly SeenTool[]) {
    this.#key = key;
    this.#store = store;
    this.#seen = new Map(seen.map((tool) => [keyOf(tool.tool), tool]));
    this.#anyChanged = seen.some(({ changed }) => changed !== undefined);
  }

  static async open(key: KeyObject, store: Pick<Store, 'keepTools' | 'tools'>): Promise<ToolForms> {
    return new ToolForms(key, store, await store.tools());
  }

  /** The MAC of the form that a changed tool has now; undefined where it is as it was known, or was never seen. */
  changed(connection: string, tool: string): Uint8Array | undefined {
    return this.#anyChanged ? this.#seen.get(keyOf(this.#mac('tool', connection, tool)))?.changed : undefined;
  }

  /**
   * Notes the tools that a message lists; resolves to those that changed since they were looked at last, once that is durable. With
   * `accept` their new form becomes the known one; without, throws `Unreadable` where the message is more than is read here.
   */
  async look(connection: string, text: string, accept: boolean): Promise<readonly ChangedTool[]> {
    const news: SeenTool[] = [];
    const changes: ChangedTool[] = [];
    const listed = formsIn(text);
    if (listed === 'too much' && !accept) throw new Unreadable('unreadable', 'it is nested too deep, or has too many values');
    for (const [name, forms] of listed === 'too much' ? [] : listed) {
      const tool = this.#mac('tool', connection, name);
      const form = this.#mac('form', connection, forms.join('\n'));
      const before = this.#seen.get(keyOf(tool));
      if (before === undefined) news.push({ tool, known: form, changed: undefined });
      else if (!same(before.changed ?? before.known, form)) {
        // One that was changed and is as it was again is nobody's worry any more.
        if (!same(before.known, form)) changes.push({ name });
        news.push(next(before, form, accept));
      } else if (accept && before.changed !== undefined) news.push(next(before, form, accept));
    }
    if (news.length === 0) return changes;
    await this.#store.keepTools(news);
    for (const tool of news) this.#seen.set(keyOf(tool.tool), tool);
    this.#anyChanged ||= news.some(({ changed }) => changed !== undefined);
    return changes;
  }

  #mac(what: 'tool' | 'form', connection: string, text: string): Uint8Array {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([what, connection, text]))
      .digest();
  }
}

function next(before: SeenTool, form: Uint8Array, accept: boolean): SeenTool {
  if (accept) return { tool: before.tool, known: form, changed: undefined };
  return { ...before, changed: same(before.known, form) ? undefined : form };
}

/** By the name of a tool its form; more than one where the message lists it again: nobody can tell which of them a client goes by. */
function formsIn(text: string): ReadonlyMap<string, string[]> | 'too much' {
  const forms = new Map<string, string[]>();
  // Most messages list nothing. A key can be written with escapes.
  if (!/"tools"|\\u/i.test(text)) return forms;
  const root = parseJson(text);
  if (root.type === 'fault') return root.isTooMuch ? 'too much' : forms;
  const messages = root.type === 'array' ? root.items : [root];
  const lists = messages.flatMap((message) => membersLike(message, 'result')).flatMap((result) => membersLike(result, 'tools'));
  for (const tool of lists.flatMap((list) => (list.type === 'array' ? list.items : []))) {
    for (const name of membersLike(tool, 'name')) {
      if (name.type !== 'string') continue;
      const known = forms.get(name.value) ?? [];
      forms.set(name.value, known);
      known.push(formOf(tool));
    }
  }
  return forms;
}

/** The telling members of a tool in one spelling: white space, escapes and the order of keys do not matter. */
function formOf(tool: JsonNode): string {
  return telling.map((key) => `${key}:${membersLike(tool, key).map(spelling).join(' then ')}`).join('\n');
}

function spelling(node: JsonNode | undefined): string {
  switch (node?.type) {
    case undefined:
      return '';
    case 'object':
      return `{${node.members
        .map(({ key, value }) => ({ key: JSON.stringify(key.value), value }))
        // Of a key that stands twice clients read the last: their order says something.
        .toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))
        .map(({ key, value }) => `${key}:${spelling(value)}`)
        .join(',')}}`;
    case 'array':
      return `[${node.items.map(spelling).join(',')}]`;
    case 'string':
      return JSON.stringify(node.value);
    case 'number':
      return node.lexeme;
    case 'literal':
      return String(node.value);
    default:
      return node satisfies never;
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function keyOf(mac: Uint8Array): Key {
  return Buffer.from(mac).toString('base64');
}

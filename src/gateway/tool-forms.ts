// How the tools of each connection looked when they were first seen. A server can change what a tool does behind its name:
// a change is an entry, and by the connection's `tool_changes` its calls are denied or held until a human has accepted the
// new form. Stores MACs, and of changed tools what they say of themselves, masked (RULES R3).
import { createHmac, type KeyObject } from 'node:crypto';
import { type JsonNode, membersLike, parseJson } from '../base/json.ts';
import type { Masker } from '../mask/masker.ts';
import { statementText } from '../mask/value.ts';
import { type ShownText, shownTextSchema } from '../protocol/approvals.ts';
import type { SeenTool } from '../store/guard-store.ts';
import type { Store } from '../store/store.ts';
import { Unreadable } from '../transport/outlet.ts';
import { showText } from './approval-words.ts';

type Key = string;

export interface ChangedTool {
  readonly name: string;
  readonly form: Uint8Array;
}

/** How the tools that a message lists are looked at. */
interface Looking {
  /** What they are now is accepted without anybody asking. */
  readonly accept: boolean;
  /** Masks what people are shown of a changed tool. */
  readonly masker: Masker;
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

  /** The MAC of the form that a changed tool has now; undefined where it is known and accepted, or was never seen. */
  changed(connection: string, tool: string): Uint8Array | undefined {
    return this.#anyChanged ? this.#seen.get(keyOf(this.#mac('tool', connection, tool)))?.changed : undefined;
  }

  /** How a changed tool describes itself now, for those who accept it; undefined where it is not changed. */
  definition(connection: string, tool: string): ShownText | undefined {
    const { definition } = this.#seen.get(keyOf(this.#mac('tool', connection, tool))) ?? {};
    return definition === undefined ? undefined : shownTextSchema.parse(JSON.parse(definition));
  }

  /** Somebody who may has accepted this form of the tool: it is the known one, unless it was changed again. Durable once it resolves. */
  async accept(connection: string, tool: string, form: Uint8Array): Promise<void> {
    const before = this.#seen.get(keyOf(this.#mac('tool', connection, tool)));
    if (before?.changed === undefined || !same(before.changed, form)) return;
    await this.#keep([accepted(before.tool, form)]);
  }

  /**
   * Notes the tools that a message lists; resolves to those that changed since they were looked at last, once that is durable. With
   * `accept` their new form becomes the known one; without, they stay changed until somebody accepts them, also where the server shows
   * the known form again, and it throws `Unreadable` where the message is more than is read here.
   */
  async look(connection: string, text: string, { accept, masker }: Looking): Promise<readonly ChangedTool[]> {
    const news: SeenTool[] = [];
    const changes: ChangedTool[] = [];
    const listed = formsIn(text);
    if (listed === 'too much' && !accept) throw new Unreadable('unreadable', 'it is nested too deep, or has too many values');
    for (const [name, { forms, texts }] of listed === 'too much' ? [] : listed) {
      const tool = this.#mac('tool', connection, name);
      const form = this.#mac('form', connection, forms.join('\n'));
      const before = this.#seen.get(keyOf(tool));
      if (before === undefined) {
        news.push(accepted(tool, form));
        continue;
      }
      const isOther = !same(before.changed ?? before.known, form);
      if (isOther) changes.push({ name, form });
      if (accept && (isOther || before.changed !== undefined)) news.push(accepted(tool, form));
      else if (isOther)
        news.push({ ...before, changed: form, definition: statementText(masker, showText(masker, { text: texts.join('\n'), form: 'json' }), {}) });
    }
    if (news.length > 0) await this.#keep(news);
    return changes;
  }

  // In memory at once, so that of two at a time the second sees what the first made of it, and the store hears of them in that order.
  async #keep(tools: readonly SeenTool[]): Promise<void> {
    for (const tool of tools) this.#seen.set(keyOf(tool.tool), tool);
    this.#anyChanged ||= tools.some(({ changed }) => changed !== undefined);
    await this.#store.keepTools(tools);
  }

  #mac(what: 'tool' | 'form', connection: string, text: string): Uint8Array {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([what, connection, text]))
      .digest();
  }
}

function accepted(tool: Uint8Array, form: Uint8Array): SeenTool {
  return { tool, known: form, changed: undefined, definition: undefined };
}

interface Listed {
  readonly forms: string[];
  /** As the server wrote it, for people to read. */
  readonly texts: string[];
}

/** By the name of a tool its form; more than one where the message lists it again: nobody can tell which of them a client goes by. */
function formsIn(text: string): ReadonlyMap<string, Listed> | 'too much' {
  const forms = new Map<string, Listed>();
  // Most messages list nothing. A key can be written with escapes.
  if (!/"tools"|\\u/i.test(text)) return forms;
  const root = parseJson(text);
  if (root.type === 'fault') return root.isTooMuch ? 'too much' : forms;
  const messages = root.type === 'array' ? root.items : [root];
  const lists = messages.flatMap((message) => membersLike(message, 'result')).flatMap((result) => membersLike(result, 'tools'));
  for (const tool of lists.flatMap((list) => (list.type === 'array' ? list.items : []))) {
    for (const name of membersLike(tool, 'name')) {
      if (name.type !== 'string') continue;
      const known = forms.get(name.value) ?? { forms: [], texts: [] };
      forms.set(name.value, known);
      known.forms.push(formOf(tool));
      known.texts.push(text.slice(tool.start, tool.end));
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

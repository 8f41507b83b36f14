// Masks the places that field rules name, in a JSON document and in the documents that stand in its strings.
import { createHmac } from 'node:crypto';
import type { FieldAction } from '../base/detectors.ts';
import { type JsonArray, type JsonMember, type JsonNode, type JsonObject, parseJson } from '../base/json.ts';
import { lastThreeWith } from './keynames.ts';
import { markEnd } from './marker.ts';
import type { FieldRule, MaskRequest } from './masker.ts';
import { advance, atRoot, type FieldPath, isComplete, type Progress, parseFieldPath } from './paths.ts';

interface CompiledRule {
  readonly path: FieldPath;
  readonly action: FieldAction;
}

export interface FieldRules {
  readonly rules: readonly CompiledRule[];
  /** Matches any text in which a rule could name something. */
  readonly hint: RegExp;
  /** Names that are masked in plain text too, lower case. */
  readonly names: ReadonlySet<string>;
  /** Last letters of these and of all names that tell a secret. */
  readonly lastLetters: Uint8Array;
  readonly pseudonymKey: Uint8Array | undefined;
}

/** Throws `config_invalid` for a path that cannot be read. */
export function compileFields(fields: readonly FieldRule[], pseudonymKey: Uint8Array | undefined): FieldRules {
  const rules = fields.map(({ path, as = 'redact' }) => ({ path: parseFieldPath(path), action: as }));
  const needs = rules.map((rule) => rule.path.needs);
  const hint = needs.includes(undefined) ? /^/ : new RegExp([...needs.map((name) => escapePattern(name ?? '')), '\\\\u00'].join('|'), 'i');
  const names = new Set(rules.flatMap((rule) => (rule.path.bare === undefined ? [] : [rule.path.bare.toLowerCase()])));
  return { rules, hint, names, lastLetters: lastThreeWith(names), pseudonymKey };
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

/** What masking fields did: the new text, and how many places were replaced. */
export interface FieldOutcome {
  readonly text: string;
  readonly count: number;
}

const DOCUMENTS_DEEP_MAX = 8;

/** Masks the fields of a JSON text. `isLeft` says which places the protocol needs as they are. Not JSON: unchanged. */
export function maskFields(fields: FieldRules, text: string, target: MaskRequest['target'], isLeft: (node: JsonNode) => boolean): FieldOutcome {
  const pass = new FieldPass(fields, target);
  const root = parseJson(text);
  return root.type === 'fault'
    ? { text, count: 0 }
    : pass.document(
        text,
        root,
        fields.rules.map(() => atRoot),
        0,
        isLeft,
      );
}

class FieldPass {
  readonly #fields: FieldRules;
  readonly #target: MaskRequest['target'];

  constructor(fields: FieldRules, target: MaskRequest['target']) {
    this.#fields = fields;
    this.#target = target;
  }

  document(text: string, root: JsonNode, progress: readonly Progress[], depth: number, isLeft: (node: JsonNode) => boolean): FieldOutcome {
    const edits: Edit[] = [];
    const count = this.#walk({ edits, depth, isLeft }, root, progress);
    return { text: applyEdits(text, edits), count };
  }

  #walk(doc: Document, node: JsonNode, progress: readonly Progress[]): number {
    switch (node.type) {
      case 'object':
        return this.#children(doc, node, node.members, (m) => ({ key: m.key.value, value: m.value, start: m.key.start }), progress);
      case 'array':
        return this.#children(doc, node, node.items, (item, i) => ({ key: i, value: item, start: item.start }), progress);
      case 'string':
        return this.#inner(doc, node.value, node, progress);
      default:
        return 0;
    }
  }

  #children<T extends JsonMember | JsonNode>(
    doc: Document,
    parent: JsonObject | JsonArray,
    children: readonly T[],
    read: (child: T, index: number) => Child,
    progress: readonly Progress[],
  ): number {
    let count = 0;
    const kept: Child[] = [];
    const dropped: { readonly child: Child; readonly next: Child | undefined }[] = [];
    const list = children.map(read);
    list.forEach((child, i) => {
      const deeper = this.#fields.rules.map((rule, r) => advance(rule.path, progress[r] ?? [], child.key));
      const action = doc.isLeft(child.value) ? undefined : this.#actionAt(deeper);
      if (action === 'drop' && this.#target === 'record') {
        dropped.push({ child, next: list[i + 1] });
        count++;
        return;
      }
      kept.push(child);
      count += action === undefined ? this.#walk(doc, child.value, deeper) : this.#replace(doc, child.value, action);
    });
    const lastKept = kept.at(-1);
    for (const { child, next } of dropped) {
      // With its comma: the one behind it, or for the last ones the one before them.
      if (lastKept === undefined) doc.edits.push({ start: parent.start + 1, end: parent.end - 1, by: '' });
      else if (child.start < lastKept.start) doc.edits.push({ start: child.start, end: next?.start ?? child.value.end, by: '' });
      else doc.edits.push({ start: lastKept.value.end, end: list.at(-1)?.value.end ?? child.value.end, by: '' });
      if (lastKept === undefined || child.start > lastKept.start) break;
    }
    return count;
  }

  #actionAt(progress: readonly Progress[]): FieldAction | undefined {
    return this.#fields.rules.find((rule, r) => isComplete(rule.path, progress[r] ?? []))?.action;
  }

  // A document in a string: its places are named from its own root, and from the root of what it stands in.
  #inner(doc: Document, value: string, node: JsonNode, progress: readonly Progress[]): number {
    const first = value.trimStart().charAt(0);
    if ((first !== '{' && first !== '[') || doc.depth >= DOCUMENTS_DEEP_MAX || !this.#fields.hint.test(value)) return 0;
    const root = parseJson(value);
    if (root.type === 'fault') return 0;
    const both = progress.map((steps) => [...new Set([...steps, ...atRoot])]);
    const inner = this.document(value, root, both, doc.depth + 1, () => false);
    if (inner.count > 0) doc.edits.push({ start: node.start, end: node.end, by: JSON.stringify(inner.text) });
    return inner.count;
  }

  // On the wire the form of the answer must stay: strings stay strings, a number becomes 0 (RULES R16).
  #replace(doc: Document, node: JsonNode, action: FieldAction): number {
    if (node.type === 'literal') {
      if (node.value === null || this.#target === 'wire') return 0;
      return this.#edit(doc, node, '"[field]"');
    }
    if (node.type === 'number') return this.#edit(doc, node, this.#target === 'wire' ? '0' : `"${this.#mark(node.lexeme, action)}"`);
    if (node.type === 'string') {
      if (node.value === '' || markEnd(node.value, 0) === node.value.length) return 0;
      return this.#edit(doc, node, `"${this.#mark(node.value, action)}"`);
    }
    if (this.#target === 'record' && action !== 'pseudonym') return this.#edit(doc, node, '"[field]"');
    const values = node.type === 'object' ? node.members.map((m) => m.value) : node.items;
    return values.reduce((count, value) => count + this.#replace(doc, value, action), 0);
  }

  #edit(doc: Document, node: JsonNode, by: string): number {
    doc.edits.push({ start: node.start, end: node.end, by });
    return 1;
  }

  #mark(value: string, action: FieldAction): string {
    const key = this.#fields.pseudonymKey;
    return action === 'pseudonym' && key !== undefined ? `[pseudonym:${pseudonym(key, value)}]` : '[field]';
  }
}

interface Document {
  readonly edits: Edit[];
  readonly depth: number;
  readonly isLeft: (node: JsonNode) => boolean;
}

interface Child {
  readonly key: string | number;
  readonly value: JsonNode;
  readonly start: number;
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** 80 bits of HMAC-SHA-256 in Base32: the same for the same value and key, and no way back without the key. */
export function pseudonym(key: Uint8Array, value: string): string {
  const mac = createHmac('sha256', key).update('mcprec-pseudonym-v1\n').update(value).digest();
  let text = '';
  for (let bit = 0; bit < 80; bit += 5) text += BASE32.charAt((mac.readUInt16BE(bit >> 3) >> (11 - (bit & 7))) & 31);
  return text;
}

function applyEdits(text: string, edits: Edit[]): string {
  if (edits.length === 0) return text;
  let out = '';
  let at = 0;
  for (const edit of edits.sort((a, b) => a.start - b.start)) {
    out += text.slice(at, edit.start) + edit.by;
    at = edit.end;
  }
  return out + text.slice(at);
}

function escapePattern(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

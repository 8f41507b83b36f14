// Takes what a group may not use out of the lists that an upstream gives, leaving every other byte (DESIGN §5, denial on the wire).

import { newId } from '../base/ids.ts';
import { type JsonArray, type JsonNode, member, membersNamed, parseJson } from '../base/json.ts';
import type { Effect, EntryDraft } from '../evidence/entry.ts';
import type { Policy } from '../policy/call.ts';
import { formName, TOOL_CHANGES } from '../policy/tool-changes.ts';
import { draftEntry, type WireFacts } from './drafts.ts';
import type { PathRules } from './rules.ts';

export interface ToolChange {
  readonly tool: string;
  readonly form: Uint8Array;
  readonly effect: Effect;
}

/** The entry that says that a tool was changed, and what becomes of its calls. */
export function draftToolChange(rules: PathRules, facts: WireFacts, { tool, form, effect }: ToolChange): EntryDraft {
  const decision = { effect, id: newId('dec', rules.ids), rule: TOOL_CHANGES };
  const note = `the description or schema of this tool was changed; it is ${formName(form)} now`;
  return draftEntry(rules, facts, { kind: 'decision', direction: 'down', decision }, undefined, { method: 'tools/list', tool, note });
}

interface Listing {
  readonly member: string;
  readonly what: 'tool' | 'resource' | 'prompt';
  readonly name: string;
}

const listings: ReadonlyMap<string, Listing> = new Map([
  ['tools/list', { member: 'tools', what: 'tool', name: 'name' }],
  ['prompts/list', { member: 'prompts', what: 'prompt', name: 'name' }],
  ['resources/list', { member: 'resources', what: 'resource', name: 'uri' }],
  ['resources/templates/list', { member: 'resourceTemplates', what: 'resource', name: 'uriTemplate' }],
] as const);

/** True where an answer to `method` may have to be changed for this policy. */
export function isListing(method: string): boolean {
  return listings.has(method);
}

/**
 * An upstream's message, or a batch of them, without what the policy hides, and then `cacheScope: private`. The very text where
 * nothing is hidden. `methodOf` says which request an id belongs to; an answer to an unknown one (a resumed stream brings such)
 * is taken for a list where it looks like one.
 */
export function withoutHidden(text: string, methodOf: (idLexeme: string) => string | undefined, policy: Policy): string {
  const root = parseJson(text);
  if (root.type === 'fault') return text;
  const edits: Edit[] = [];
  for (const message of root.type === 'array' ? root.items : [root]) {
    const id = member(message, 'id');
    const method = id === undefined ? undefined : methodOf(text.slice(id.start, id.end));
    const possible = method === undefined ? [...listings.values()] : [listings.get(method)].filter((listing) => listing !== undefined);
    for (const result of membersNamed(message, 'result')) edits.push(...possible.flatMap((listing) => editsFor(text, result, listing, policy)));
  }
  return edits.length === 0 ? text : splice(text, edits);
}

type Edit = Pick<JsonNode, 'start' | 'end'> & { readonly text: string };

function editsFor(text: string, result: JsonNode, listing: Listing, policy: Policy): readonly Edit[] {
  const isShown = (item: JsonNode): boolean =>
    membersNamed(item, listing.name).every((name) => policy.shows(listing.what, name.type === 'string' ? name.value : ''));
  const edits: Edit[] = [];
  for (const items of membersNamed(result, listing.member)) {
    if (items.type !== 'array' || items.items.every(isShown)) continue;
    edits.push({ start: items.start, end: items.end, text: keepItems(text, items, isShown) });
  }
  if (edits.length === 0) return edits;
  const scopes = membersNamed(result, 'cacheScope').map(({ start, end }) => ({ start, end, text: '"private"' }));
  return [...edits, ...scopes];
}

// An item goes together with the comma and white space in front of it; the first that stays has the place of the first.
function keepItems(text: string, { start, end, items }: JsonArray, isShown: (item: JsonNode) => boolean): string {
  const first = items[0];
  const last = items[items.length - 1];
  if (first === undefined || last === undefined) return text.slice(start, end);
  let kept = '';
  for (const [i, item] of items.entries()) {
    if (!isShown(item)) continue;
    const before = kept === '' ? item.start : (items[i - 1]?.end ?? item.start);
    kept += text.slice(before, item.end);
  }
  return text.slice(start, first.start) + kept + text.slice(last.end, end);
}

function splice(text: string, edits: readonly Edit[]): string {
  let out = '';
  let at = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    // Two lists of one result ask for the same `cacheScope`.
    if (edit.start < at) continue;
    out += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + text.slice(at);
}

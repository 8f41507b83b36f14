// Takes what a group may not use out of the lists that an upstream gives, leaving every other byte (DESIGN §5, denial on the wire).
import { type JsonNode, member, parseJson, stringMember } from '../base/json.ts';
import type { Policy } from '../policy/call.ts';

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

/** The answer to a list request without what the policy hides, and then `cacheScope: private`. The very text where nothing is hidden. */
export function withoutHidden(text: string, method: string, policy: Policy): string {
  const listing = listings.get(method);
  if (listing === undefined) return text;
  const root = parseJson(text);
  if (root.type === 'fault') return text;
  const result = member(root, 'result');
  const items = member(result, listing.member);
  if (items?.type !== 'array') return text;
  const shown = items.items.filter((item) => policy.shows(listing.what, stringMember(item, listing.name) ?? ''));
  if (shown.length === items.items.length) return text;

  const edits = [{ start: items.start, end: items.end, text: `[${shown.map((item) => text.slice(item.start, item.end)).join(',')}]` }];
  const scope = member(result, 'cacheScope');
  if (scope !== undefined) edits.push({ start: scope.start, end: scope.end, text: '"private"' });
  return splice(text, edits);
}

function splice(text: string, edits: readonly (Pick<JsonNode, 'start' | 'end'> & { readonly text: string })[]): string {
  let out = '';
  let at = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    out += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + text.slice(at);
}

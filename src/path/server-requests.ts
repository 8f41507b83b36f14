// What a server asks of the client (sampling, elicitation, roots) and policy does not allow: the client never sees it, and the
// server is told no. Does no IO.
import { newId } from '../base/ids.ts';
import { type JsonNode, member, membersLike, parseJson } from '../base/json.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { type ServerRequestKind, serverRequestKinds } from '../policy/words.ts';
import { answerToServer, notAskedNotification, withheldAnswer } from '../protocol/refusal.ts';
import { readServerMessage } from '../protocol/server-message.ts';
import { draftEntry, type WireFacts } from './drafts.ts';
import type { PathRules } from './rules.ts';

/** Source: MCP, schema of every revision. */
const kindOf: ReadonlyMap<string, ServerRequestKind> = new Map([
  ['sampling/createMessage', 'sampling'],
  ['elicitation/create', 'elicitation'],
  ['roots/list', 'roots'],
]);

/** What is delivered in place of a message that asks for too much. */
export interface RefusedRequests {
  readonly text: string;
  /** The ids, as written, of requests that the server waits for an answer to. */
  readonly ids: readonly string[];
  readonly reasons: readonly string[];
}

/** True where messages of the server may have to be changed. */
export function refusesRequests({ kind, policy }: PathRules): boolean {
  return kind === 'mcp' && policy.serverRequests.size < serverRequestKinds.length;
}

/**
 * The message without what policy does not let a server ask; undefined where it asks for nothing of the kind. `mayList`: it may be a
 * list of which policy hides something, and must be readable for that.
 */
export function withoutRequests(rules: PathRules, text: string, mayList: boolean): RefusedRequests | undefined {
  if (!mayList && !refusesRequests(rules)) return undefined;
  const root = parseJson(text);
  if (root.type === 'fault') return root.isTooMuch ? withoutAny(rules, text) : undefined;
  const ids: string[] = [];
  const kinds = new Set<ServerRequestKind>();
  const parts = (root.type === 'array' ? root.items : [root]).map((message): string => {
    const found = forbiddenIn(message, rules.policy.serverRequests);
    if (found === undefined) return text.slice(message.start, message.end);
    kinds.add(found);
    const id = member(message, 'id');
    const idLexeme = id === undefined ? undefined : text.slice(id.start, id.end);
    if (membersLike(message, 'method').length === 0) return withheldAnswer(idLexeme, reasonOf(found), newId('dec', rules.ids));
    if (idLexeme !== undefined) ids.push(idLexeme);
    return notAskedNotification(reasonOf(found));
  });
  if (kinds.size === 0) return undefined;
  return { text: root.type === 'array' ? `[${parts.join(',')}]` : (parts[0] ?? ''), ids, reasons: [...kinds].map(reasonOf) };
}

// For the client it may be JSON, and what it asks for cannot be told.
function withoutAny(rules: PathRules, text: string): RefusedRequests {
  const reason = 'policy limits what is seen of this server, and its message is nested too deep, or has too many values, to be looked at';
  const message = readServerMessage(text);
  const isAnswer = message?.kind === 'response';
  const told = isAnswer ? withheldAnswer(message.idLexeme, reason, newId('dec', rules.ids)) : notAskedNotification(reason);
  return { text: told, ids: message?.kind === 'request' && message.idLexeme !== undefined ? [message.idLexeme] : [], reasons: [reason] };
}

/** What the server is told of one such request, and the entry of it. */
export function refuseServer(
  rules: PathRules,
  facts: WireFacts,
  idLexeme: string,
  reasons: readonly string[],
): { readonly entry: EntryDraft; readonly body: string } {
  const reason = reasons.join('; ');
  const body = answerToServer(idLexeme, reason);
  const entry = draftEntry(
    rules,
    facts,
    { kind: 'decision', direction: 'up', message: 'response', decision: { effect: 'deny', id: newId('dec', rules.ids), rule: 'access' } },
    { text: body, form: 'json' },
    { method: 'response', note: `refused: ${reason}` },
  );
  return { entry, body };
}

/** What of a message's entry says that it was not delivered as it came. */
export function noteOf({ reasons }: RefusedRequests): string {
  return `refused: ${reasons.join('; ')}`;
}

function reasonOf(kind: ServerRequestKind): string {
  return `policy does not let this server ask for ${kind}`;
}

// A request of the older revisions, or a result that wants input (2026-07-28).
function forbiddenIn(message: JsonNode, allowed: ReadonlySet<ServerRequestKind>): ServerRequestKind | undefined {
  const forbidden = (method: string | undefined): ServerRequestKind | undefined => {
    const kind = kindOf.get(method ?? '');
    return kind === undefined || allowed.has(kind) ? undefined : kind;
  };
  const results = membersLike(message, 'result');
  const inputs = results.flatMap((result) => membersLike(result, 'inputRequests'));
  const asked = inputs.flatMap((some) => (some.type === 'object' ? some.members.map(({ value }) => value) : some.type === 'array' ? some.items : []));
  for (const method of [message, ...asked].flatMap((one) => membersLike(one, 'method'))) {
    const kind = method.type === 'string' ? forbidden(method.value) : undefined;
    if (kind !== undefined) return kind;
  }
  return undefined;
}

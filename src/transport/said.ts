// What a message of a server behind a pipe is about, as far as that says whom it belongs to. Does no IO.
import { type JsonNode, member, parseJson } from '../base/json.ts';
import { meaningOfId, readServerMessage } from '../protocol/server-message.ts';

export type Said =
  | { readonly kind: 'answer'; readonly id: string; readonly failed: boolean }
  /** A batch of answers. */
  | { readonly kind: 'answers'; readonly ids: readonly string[] }
  | { readonly kind: 'progress'; readonly token: string }
  /** Belongs to the request of that id, such as a subscription; `ends` where it says that nothing more will come of it. */
  | { readonly kind: 'of'; readonly id: string; readonly ends: boolean }
  | { readonly kind: 'other' };

const SUBSCRIPTION_KEY = 'io.modelcontextprotocol/subscriptionId';
const OTHER: Said = { kind: 'other' };

/** Ids and tokens come as `meaningOfId` gives them. */
export function whatIsSaid(text: string): Said {
  const read = readServerMessage(text);
  if (read === undefined) return batchOf(text);
  if (read.kind === 'response') return read.idLexeme === undefined ? OTHER : { kind: 'answer', id: meaningOfId(read.idLexeme), failed: read.failed };
  if (read.kind === 'request') return OTHER;
  const ends = read.method === 'notifications/cancelled';
  if (read.method !== 'notifications/progress' && !ends && !text.includes(SUBSCRIPTION_KEY)) return OTHER;
  const root = parseJson(text);
  if (root.type === 'fault') return OTHER;
  const params = member(root, 'params');
  if (read.method === 'notifications/progress') {
    const token = scalarOf(member(params, 'progressToken'), text);
    return token === undefined ? OTHER : { kind: 'progress', token };
  }
  const id = scalarOf(member(member(params, '_meta'), SUBSCRIPTION_KEY), text) ?? scalarOf(member(params, 'requestId'), text);
  return id === undefined ? OTHER : { kind: 'of', id, ends };
}

function batchOf(text: string): Said {
  const root = parseJson(text);
  if (root.type !== 'array') return OTHER;
  const answers = root.items.filter((item) => member(item, 'method') === undefined);
  const ids = answers.map((item) => scalarOf(member(item, 'id'), text)).filter((id) => id !== undefined);
  return ids.length === 0 ? OTHER : { kind: 'answers', ids };
}

function scalarOf(node: JsonNode | undefined, text: string): string | undefined {
  return node?.type === 'string' || node?.type === 'number' ? meaningOfId(text.slice(node.start, node.end)) : undefined;
}

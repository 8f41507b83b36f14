// What an approval of a call is bound to (RULES R9): a digest over the lexemes of the call as they were written. Does no IO.
import { createHash, type Hash } from 'node:crypto';
import type { JsonNode } from '../base/json.ts';
import type { ClientMessage } from '../protocol/message.ts';

/** SHA-256 of a call, and of the same call without what answers the server's questions. 32 bytes each. */
export interface CallDigest {
  /** Method, name, arguments and `inputResponses`. */
  readonly whole: Uint8Array;
  /** The same without `inputResponses`: equal in all rounds of one call (RULES R8). */
  readonly asked: Uint8Array;
}

/** Stand for themselves wherever they stand in `params`; what else is there is digested in the order in which it was written. */
const ordered = ['name', 'uri', 'arguments'] as const;
/** `_meta` and `requestState` say nothing of what is called; `inputResponses` come last. */
const apart: ReadonlySet<string> = new Set([...ordered, '_meta', 'requestState', 'inputResponses']);

/**
 * The digest of a request's message. Numbers, strings and keys count as written, order too; white space does not. `text` is the body that the
 * message was read from, in which no object that matters has a key twice (RULES R7).
 */
export function digestCall(text: string, { method, params }: ClientMessage): CallDigest {
  const hash = createHash('sha256').update('mcprec-call-v1\n');
  hash.update(`${JSON.stringify(method ?? '')}\n`);
  const members = params?.members ?? [];
  const valueAt = (key: string): JsonNode | undefined => members.find((m) => m.key.value === key)?.value;
  for (const key of ordered) addMember(hash, text, key, valueAt(key));
  for (const { key, value } of members) if (!apart.has(key.value)) addMember(hash, text, text.slice(key.start, key.end), value);
  const asked = hash.copy().digest();
  addMember(hash, text, 'inputResponses', valueAt('inputResponses'));
  return { asked, whole: hash.digest() };
}

/** The digest of a call that is plain HTTP: verb, path with query, and the body byte for byte. */
export function digestHttp(verb: string, target: string, body: Uint8Array): Uint8Array {
  return createHash('sha256').update(`mcprec-http-v1\n${verb}\n${target}\n`).update(body).digest();
}

// Each lexeme stands on a line of its own. None holds a line break: JSON's strings must escape theirs.
function addMember(hash: Hash, text: string, name: string, value: JsonNode | undefined): void {
  hash.update(`${name}\n`);
  if (value === undefined) hash.update('absent\n');
  else addLexemes(hash, text, value);
}

function addLexemes(hash: Hash, text: string, node: JsonNode): void {
  switch (node.type) {
    case 'object':
      hash.update('{\n');
      for (const { key, value } of node.members) {
        hash.update(`${text.slice(key.start, key.end)}\n`);
        addLexemes(hash, text, value);
      }
      hash.update('}\n');
      return;
    case 'array':
      hash.update('[\n');
      for (const item of node.items) addLexemes(hash, text, item);
      hash.update(']\n');
      return;
    case 'string':
    case 'number':
    case 'literal':
      hash.update(`${text.slice(node.start, node.end)}\n`);
      return;
    default:
      node satisfies never;
  }
}

// decode → mask → record → deliver for what an upstream answers. Does no IO: it returns the entry and the bytes to deliver.
import type { EntryDraft, Names } from '../evidence/entry.ts';
import { readServerMessage, type ServerMessage, sameId } from '../protocol/server-message.ts';
import { type Content, draftEntry, type WireFacts } from './drafts.ts';
import { withoutHidden } from './listing.ts';
import type { OpenExchange, PathRules } from './rules.ts';

/** One message of an answer: a JSON body, or the data of one server-sent event. */
export interface AnswerMessage {
  readonly facts: WireFacts;
  readonly status: number;
  /** The message's text; undefined where it was too long or could not be decoded. */
  readonly text: string | undefined;
  readonly names?: Names;
  /** True where the message is all of the answer. */
  readonly whole: boolean;
}

export interface AnswerStep {
  readonly entry: EntryDraft;
  /** What to deliver in place of the text; undefined where the text is delivered as it came. */
  readonly changed: string | undefined;
}

/** One message from an MCP upstream. */
export function takeMcpAnswer(rules: PathRules, open: OpenExchange, answer: AnswerMessage): AnswerStep {
  const message = answer.text === undefined ? undefined : readServerMessage(answer.text);
  const request = message?.kind === 'response' ? open.requests.find((r) => sameId(r.idLexeme, message.idLexeme)) : undefined;
  const delivered = answer.text === undefined ? undefined : changeForClient(rules, answer.text, request?.method, message);
  const final = answer.whole || (request !== undefined && open.requests.length === 1);
  const entry = draftEntry(
    rules,
    answer.facts,
    {
      kind: 'message',
      direction: 'down',
      message: answer.text === undefined ? 'opaque' : (message?.kind ?? 'http'),
      status: answer.status,
      ...(final && { final }),
      ...((message?.failed || answer.status >= 400) && { failed: true }),
    },
    contentOf(delivered),
    namesOfAnswer(message, answer.names),
  );
  return { entry, changed: delivered === answer.text ? undefined : delivered };
}

/** A whole answer of an HTTP connection (intake). */
export function takeHttpAnswer(rules: PathRules, answer: AnswerMessage): AnswerStep {
  const delivered = answer.text === undefined ? undefined : maskForClient(rules, answer.text);
  const entry = draftEntry(
    rules,
    answer.facts,
    {
      kind: 'message',
      direction: 'down',
      message: answer.text === undefined && answer.facts.wireBytes > 0 ? 'opaque' : 'http',
      status: answer.status,
      final: true,
      ...(answer.status >= 400 && { failed: true }),
    },
    contentOf(delivered),
    answer.names,
  );
  return { entry, changed: delivered === answer.text ? undefined : delivered };
}

/** The last entry of an exchange that ended without a message of its own. `note` says how, in a word of ours. */
export function endExchange(
  rules: PathRules,
  facts: WireFacts,
  end: { readonly status?: number; readonly failed: boolean; readonly note?: string },
): EntryDraft {
  return draftEntry(
    rules,
    facts,
    {
      kind: 'message',
      direction: 'down',
      message: 'end',
      final: true,
      ...(end.status !== undefined && { status: end.status }),
      ...(end.failed && { failed: true }),
    },
    undefined,
    end.note === undefined ? undefined : { note: end.note },
  );
}

function changeForClient(rules: PathRules, text: string, method: string | undefined, message: ServerMessage | undefined): string {
  const listed = method !== undefined && message?.result !== undefined && !rules.policy.showsAll ? withoutHidden(text, method, rules.policy) : text;
  return maskForClient(rules, listed);
}

function maskForClient(rules: PathRules, text: string): string {
  if (!rules.masksAnswers) return text;
  return rules.masker.mask(text, { form: looksLikeJson(text) ? 'json' : 'text', scope: rules.kind === 'mcp' ? 'mcp' : 'free', target: 'wire' }).text;
}

function contentOf(text: string | undefined): Content | undefined {
  return text === undefined ? undefined : { text, form: looksLikeJson(text) ? 'json' : 'text' };
}

function looksLikeJson(text: string): boolean {
  return /^[\s\ufeff]*[[{"]/.test(text);
}

function namesOfAnswer(message: ServerMessage | undefined, names: Names | undefined): Names | undefined {
  if (message?.method === undefined) return names;
  return { ...names, method: message.method };
}

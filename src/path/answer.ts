// decode → mask → record → deliver for what an upstream answers. Does no IO: it returns the entry and the bytes to deliver.
import type { EntryDraft, Names } from '../evidence/entry.ts';
import { readServerMessage, type ServerMessage, sameId } from '../protocol/server-message.ts';
import { type Content, draftEntry, recordedBy, type WireFacts } from './drafts.ts';
import { isListing, withoutHidden } from './listing.ts';
import type { Masking } from './masking.ts';
import type { OpenExchange, OpenRequest, PathRules } from './rules.ts';

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

/** True where an answer may have to be changed on its way to the client, so that whole messages must be held. */
export function mayChange(rules: PathRules, open: OpenExchange): boolean {
  return masksAnswers(open) || mayHide(rules, open);
}

/** True where any message of the answer is masked on its way to the client. */
export function masksAnswers({ masking, requests }: OpenExchange): boolean {
  return masking.client !== undefined || requests.some((request) => request.masking.client !== undefined);
}

// A stream that belongs to no request (GET) may bring the answer to an earlier one.
function mayHide(rules: PathRules, { requests }: OpenExchange): boolean {
  return rules.kind === 'mcp' && !rules.policy.showsAll && (requests.length === 0 || requests.some((request) => isListing(request.method)));
}

/** One message from an MCP upstream. */
export function takeMcpAnswer(rules: PathRules, open: OpenExchange, answer: AnswerMessage): AnswerStep {
  const message = answer.text === undefined ? undefined : readServerMessage(answer.text);
  const request = message?.kind === 'response' ? requestOf(open, message.idLexeme) : undefined;
  const masking = request?.masking ?? open.masking;
  const shown = answer.text === undefined ? undefined : withoutHiddenFor(rules, open, answer.text);
  const delivered = shown === undefined ? undefined : maskForClient(rules, masking, shown);
  const final = answer.whole || (request !== undefined && open.requests.length === 1);
  const entry = draftEntry(
    recordedBy(rules, masking),
    answer.facts,
    {
      kind: 'message',
      direction: 'down',
      message: answer.text === undefined ? 'opaque' : (message?.kind ?? (isArray(answer.text) ? 'batch' : 'http')),
      status: answer.status,
      ...(final && { final }),
      ...((message?.failed || answer.status >= 400) && { failed: true }),
    },
    contentOf(shown),
    namesOfAnswer(message, request, answer.names),
  );
  return { entry, changed: delivered === answer.text ? undefined : delivered };
}

/** A whole answer of an HTTP connection (intake). */
export function takeHttpAnswer(rules: PathRules, { masking }: OpenExchange, answer: AnswerMessage): AnswerStep {
  const delivered = answer.text === undefined ? undefined : maskForClient(rules, masking, answer.text);
  const entry = draftEntry(
    recordedBy(rules, masking),
    answer.facts,
    {
      kind: 'message',
      direction: 'down',
      message: answer.text === undefined && answer.facts.wireBytes > 0 ? 'opaque' : 'http',
      status: answer.status,
      final: true,
      ...(answer.status >= 400 && { failed: true }),
    },
    contentOf(answer.text),
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

function requestOf(open: OpenExchange, idLexeme: string | undefined): OpenRequest | undefined {
  return open.requests.find((request) => sameId(request.idLexeme, idLexeme));
}

function withoutHiddenFor(rules: PathRules, open: OpenExchange, text: string): string {
  return mayHide(rules, open) ? withoutHidden(text, (id) => requestOf(open, id)?.method, rules.policy) : text;
}

function maskForClient(rules: PathRules, { client }: Masking, text: string): string {
  if (client === undefined) return text;
  return client.mask(text, { form: looksLikeJson(text) ? 'json' : 'text', scope: rules.kind === 'mcp' ? 'mcp' : 'free', target: 'wire' }).text;
}

function contentOf(text: string | undefined): Content | undefined {
  return text === undefined ? undefined : { text, form: looksLikeJson(text) ? 'json' : 'text' };
}

/** True where a text begins as a JSON value does; the masker then reads it as one. */
export function looksLikeJson(text: string): boolean {
  return /^[\s\ufeff]*[[{"]/.test(text);
}

function isArray(text: string): boolean {
  return /^[\s\ufeff]*\[/.test(text);
}

/** An answer to no request of this exchange passes, but is marked (RULES R7). */
function namesOfAnswer(message: ServerMessage | undefined, request: OpenRequest | undefined, names: Names | undefined): Names | undefined {
  if (message?.method !== undefined) return { ...names, method: message.method };
  const unmatched = message?.kind === 'response' && request === undefined && message.idLexeme !== undefined && message.idLexeme !== 'null';
  return unmatched ? { ...names, note: 'unmatched' } : names;
}

// decode → mask → record → deliver for what an upstream answers. Does no IO: it returns the entry and the bytes to deliver.
import { newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { EntryDraft, Names } from '../evidence/entry.ts';
import type { Masker, MaskRequest } from '../mask/masker.ts';
import { withheldResult } from '../protocol/refusal.ts';
import { readServerMessage, type ServerMessage, sameId } from '../protocol/server-message.ts';
import { type Content, draftEntry, recordedBy, type WireFacts } from './drafts.ts';
import { isListing, withoutHidden } from './listing.ts';
import type { Masking } from './masking.ts';
import type { EarlierRequest, OpenExchange, OpenRequest, PathRules } from './rules.ts';
import { noteOf, type RefusedRequests, refusesRequests, withoutRequests } from './server-requests.ts';

/** One message of an answer: a JSON body, or the data of one server-sent event. */
export interface AnswerMessage {
  readonly facts: WireFacts;
  readonly status: number;
  /** The message's text; undefined where it was too long or could not be decoded. */
  readonly text: string | undefined;
  readonly names?: Names;
  /** True where the message is all of the answer. */
  readonly whole: boolean;
  /** True where a large payload may be masked by the caller, in another thread; see `AnswerStep.late`. */
  readonly mayBeLate?: boolean;
  /** Finds the request of that id, as written, among those of earlier exchanges in the same MCP session. */
  readonly earlier?: (idLexeme: string) => EarlierRequest | undefined;
}

/** The payload that is missing from a draft: the text to mask, and how. */
export interface LatePayload {
  readonly masker: Masker;
  readonly text: string;
  readonly request: MaskRequest;
}

export interface AnswerStep {
  readonly entry: EntryDraft;
  /** What to deliver in place of the text; undefined where the text is delivered as it came. */
  readonly changed: string | undefined;
  /** What the server asked of the client and must not; it is to be told so. */
  readonly refused?: RefusedRequests;
  /** What the entry's payload is to be made of before it is recorded. */
  readonly late?: LatePayload | undefined;
  /** The request that the message answers. */
  readonly answers?: OpenRequest;
}

/** True where an answer may have to be changed on its way to the client, so that whole messages must be held. */
export function mayChange(rules: PathRules, open: OpenExchange): boolean {
  return masksAnswers(open) || mayHide(rules, open) || refusesRequests(rules);
}

/** True where any message of the answer is masked on its way to the client. */
export function masksAnswers({ masking, requests }: OpenExchange): boolean {
  return masking.client !== undefined || requests.some((request) => request.masking.client !== undefined);
}

/** True where an answer may list what policy hides. A stream that belongs to no request (GET) may bring the answer to an earlier one. */
export function mayHide(rules: PathRules, { requests }: OpenExchange): boolean {
  return rules.kind === 'mcp' && !rules.policy.showsAll && (requests.length === 0 || requests.some((request) => isListing(request.method)));
}

/** One message from an MCP upstream. */
export function takeMcpAnswer(rules: PathRules, open: OpenExchange, answer: AnswerMessage): AnswerStep {
  const message = answer.text === undefined ? undefined : readServerMessage(answer.text);
  const own = message?.kind === 'response' ? requestOf(open, message.idLexeme) : undefined;
  const earlier = own === undefined && message?.kind === 'response' && message.idLexeme !== undefined ? answer.earlier?.(message.idLexeme) : undefined;
  const request = own ?? earlier?.request;
  const masking = request?.masking ?? open.masking;
  const refused = answer.text === undefined ? undefined : withoutRequests(rules, answer.text, mayHide(rules, open));
  const shown = refused?.text ?? (answer.text === undefined ? undefined : withoutHiddenFor(rules, open, answer.text, answer.earlier));
  const wire = shown === undefined ? undefined : maskForClient(rules, masking, shown);
  const masked = wire === undefined ? shown : wire.outcome.text;
  const withheld = request === undefined || shown === undefined || masked === undefined ? undefined : withheldFor(rules, request, shown, masked);
  const delivered = withheld?.text ?? masked;
  if (request?.method === 'tools/list' && answer.text !== undefined) rules.outputs?.learn(answer.text);
  const final = answer.whole || (own !== undefined && open.requests.length === 1);
  const content = contentOf(shown, wire);
  const late = answer.mayBeLate && wire === undefined ? latePayload(rules, masking, content) : undefined;
  const entry = draftEntry(
    recordedBy(rules, masking),
    { ...factsOf(rules, answer, delivered), parent: earlier?.exchange },
    {
      kind: 'message',
      direction: 'down',
      message: answer.text === undefined ? 'opaque' : (message?.kind ?? (isArray(answer.text) ? 'batch' : 'http')),
      status: answer.status,
      ...(final && { final }),
      ...((message?.failed || answer.status >= 400 || withheld !== undefined || refused !== undefined) && { failed: true }),
    },
    late === undefined ? content : undefined,
    namesIn(answer, { message, request, note: withheld?.note ?? (refused && noteOf(refused)) ?? (earlier?.isAnswered ? 'repeated' : undefined) }),
  );
  return {
    entry,
    changed: delivered === answer.text ? undefined : delivered,
    late,
    ...(refused !== undefined && { refused }),
    ...(request !== undefined && { answers: request }),
  };
}

interface Told {
  readonly message: ServerMessage | undefined;
  readonly request: OpenRequest | undefined;
  /** Why it is not delivered as it came. */
  readonly note: string | undefined;
}

function namesIn({ names }: AnswerMessage, { message, request, note }: Told): Names | undefined {
  return note === undefined ? namesOfAnswer(message, request, names) : { ...names, ...(message?.method !== undefined && { method: message.method }), note };
}

/** The MAC is over what is on the wire between forwarder and gateway (RULES R3): where the gateway changes an answer, what it delivers. */
function factsOf(rules: PathRules, { facts, text }: AnswerMessage, delivered: string | undefined): WireFacts {
  return rules.masksWire && delivered !== undefined && delivered !== text ? { ...facts, wire: Buffer.from(delivered, 'utf8') } : facts;
}

/** A whole answer of an HTTP connection (intake). */
export function takeHttpAnswer(rules: PathRules, { masking }: OpenExchange, answer: AnswerMessage): AnswerStep {
  const wire = answer.text === undefined ? undefined : maskForClient(rules, masking, answer.text);
  const delivered = wire === undefined ? answer.text : wire.outcome.text;
  const entry = draftEntry(
    recordedBy(rules, masking),
    factsOf(rules, answer, delivered),
    {
      kind: 'message',
      direction: 'down',
      message: answer.text === undefined && answer.facts.wireBytes > 0 ? 'opaque' : 'http',
      status: answer.status,
      final: true,
      ...(answer.status >= 400 && { failed: true }),
    },
    contentOf(answer.text, wire),
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

function latePayload(rules: PathRules, { record: masker }: Masking, content: Content | undefined): LatePayload | undefined {
  if (content === undefined || rules.record !== 'full' || content.text.length < limits.latePayloadUnitsMin) return undefined;
  return { masker, text: content.text, request: { form: content.form, scope: 'mcp', target: 'record' } };
}

function requestOf(open: OpenExchange, idLexeme: string | undefined): OpenRequest | undefined {
  return open.requests.find((request) => sameId(request.idLexeme, idLexeme));
}

function withoutHiddenFor(rules: PathRules, open: OpenExchange, text: string, earlier: AnswerMessage['earlier']): string {
  return mayHide(rules, open) ? withoutHidden(text, (id) => (requestOf(open, id) ?? earlier?.(id)?.request)?.method, rules.policy) : text;
}

function maskForClient(rules: PathRules, { client }: Masking, text: string): Content['wire'] {
  if (client === undefined) return undefined;
  const form = looksLikeJson(text) ? 'json' : 'text';
  return { masker: client, outcome: client.mask(text, { form, scope: rules.kind === 'mcp' ? 'mcp' : 'free', target: 'wire' }) };
}

interface Withheld {
  /** What the client gets instead. */
  readonly text: string;
  readonly note: string;
}

// Masked, its structured content would not be what the tool promises: a client's validator would refuse it without a word of why (RULES R16).
function withheldFor(rules: PathRules, { tool, masking, idLexeme }: OpenRequest, text: string, masked: string): Withheld | undefined {
  const fault = tool === undefined || masked === text ? undefined : rules.outputs?.broken(tool, text, masked);
  if (fault === undefined) return undefined;
  const rule = masking.rules.join(', ') || 'mask';
  const reason = `masked, its structured content would break the tool’s output schema at ${fault.pointer || 'its root'} (${fault.keyword})`;
  const decisionId = newId('dec', rules.ids);
  const remedy = 'The call was executed; ask for less, or ask the platform owner to exempt the tool';
  return {
    text: withheldResult(idLexeme, { rule, reason, remedy, decisionId, hidden: false }),
    note: `withheld by ${rule}: ${fault.pointer} (${fault.keyword})`,
  };
}

function contentOf(text: string | undefined, wire: Content['wire']): Content | undefined {
  return text === undefined ? undefined : { text, form: looksLikeJson(text) ? 'json' : 'text', wire };
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

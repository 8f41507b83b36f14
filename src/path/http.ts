// decode → decide → mask → record for calls that are plain HTTP: the intake shares all but the reading of its bodies.
import { newId } from '../base/ids.ts';
import type { Names } from '../evidence/entry.ts';
import type { Call } from '../policy/call.ts';
import { headerValue } from '../protocol/headers.ts';
import { readHttpPath } from '../protocol/http-path.ts';
import { decodeUtf8 } from '../protocol/message.ts';
import { answerIntakeError, answerIntakeRefusal, type Refusal } from '../protocol/refusal.ts';
import { looksLikeJson } from './answer.ts';
import { type Content, draftEntry, recordedBy } from './drafts.ts';
import { holdHttpCall } from './hold.ts';
import { maskCall } from './outgoing.ts';
import { draftDenial, overspentRefusal, refusalOf } from './refuse.ts';
import { bareNames, type ClientRequest, type ForwardStep, type RequestStep } from './request.ts';
import type { PathRules } from './rules.ts';

/** Why a call is refused unread, as HTTP says it. */
export interface HttpFault {
  readonly status: number;
  readonly reason: string;
}

/** A call that was read: what policy is asked, and what is recorded. */
export interface HttpCall {
  readonly call: Call;
  readonly names: Names;
  readonly content: Content | undefined;
}

/** Some servers take the method or the path from these, and policy asks about those of the request line (RULES R7). */
const overrides = ['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-url', 'x-rewrite-url'] as const;

/** A call on a connection of kind `http`. Which paths pass is policy's to say; one that could be read in two ways never does. */
export function takeHttpCall(rules: PathRules, request: ClientRequest): RequestStep {
  if (request.body === undefined) return refuseHttpFault(rules, request, unreadable(request));
  // Its answer repeats the request, with the credential that was put on.
  if (request.verb === 'TRACE') return refuseHttpFault(rules, request, { status: 405, reason: 'TRACE does not pass' });
  const override = overrides.find((name) => headerValue(request.headers, name) !== undefined);
  if (override !== undefined) return refuseHttpFault(rules, request, { status: 400, reason: `the header ${override} would make another call of this one` });
  const read = readHttpPath(pathOf(request.target));
  if (read.kind === 'fault') return refuseHttpFault(rules, request, read);
  const call: Call = { method: `${request.verb} ${read.path}`, oneWay: false };
  return decideHttpCall(rules, request, { call, names: bareNames(request), content: contentOf(request.body) });
}

/** Asks policy about a call that was read. */
export function decideHttpCall(rules: PathRules, request: ClientRequest, { call, names, content }: HttpCall): RequestStep {
  const decision = rules.policy.decide(call);
  if (decision.effect === 'deny') return refuseHttpCall(rules, request, refusalOf(rules, decision), { names, content });
  const overspent = rules.policy.spend(call);
  if (overspent !== undefined) return refuseHttpCall(rules, request, overspentRefusal(rules, overspent), { names, content });
  const rule = decision.effect === 'hold' ? decision.rule : undefined;
  const masking = rules.maskingOf(decision.masks);
  if (masking.upstream !== undefined && content === undefined && hasBody(request) && rules.unmaskable === 'refuse')
    return refuseUnmaskable(rules, request, names);
  const entry = draftEntry(
    recordedBy(rules, masking),
    request.facts,
    { kind: 'message', direction: 'up', message: 'http', decision: { effect: 'allow', id: newId('dec', rules.ids), ...(rule !== undefined && { rule }) } },
    content,
    names,
  );
  const forward: ForwardStep = {
    kind: 'forward',
    entries: [entry],
    open: { exchange: request.facts.exchange, masking, requests: [] },
    changed: maskCall(content, masking, request),
    messages: [],
    form: 'single',
  };
  return decision.effect === 'hold' ? holdHttpCall(rules, request, { call, names, content }, { hold: decision, forward }) : forward;
}

function refuseHttpCall(rules: PathRules, request: ClientRequest, refusal: Refusal, { names, content }: Pick<HttpCall, 'names' | 'content'>): RequestStep {
  return { kind: 'answer', entries: [draftDenial(rules, request, refusal, content, names)], answer: answerIntakeRefusal(refusal) };
}

function hasBody({ body }: ClientRequest): boolean {
  return body === undefined || body.length > 0;
}

// A `mask` rule holds for the request, and it is no text that could be masked.
function refuseUnmaskable(rules: PathRules, request: ClientRequest, names: Names): RequestStep {
  const refusal: Refusal = {
    rule: 'unmaskable',
    reason: 'the request must be masked, and its body is not text',
    remedy: 'Send it as text',
    decisionId: newId('dec', rules.ids),
    hidden: false,
  };
  return { kind: 'answer', entries: [draftDenial(rules, request, refusal, undefined, names)], answer: answerIntakeRefusal(refusal) };
}

/** A call that cannot be read never reaches the upstream; the entry says that it was tried. */
export function refuseHttpFault(rules: PathRules, request: ClientRequest, { status, reason }: HttpFault): RequestStep {
  const refusal = { rule: 'protocol', decisionId: newId('dec', rules.ids) };
  const names: Names = { ...bareNames(request), note: `refused: ${reason}` };
  return { kind: 'answer', entries: [draftDenial(rules, request, refusal, undefined, names, status)], answer: answerIntakeError(status, reason) };
}

/** Why the body of a request is not there. */
export function unreadable(request: ClientRequest): HttpFault {
  return request.bodyFault ?? { status: 400, reason: 'the body cannot be read' };
}

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

/** The body as text; what is not UTF-8 is kept as length and MAC (RULES R3). */
function contentOf(body: Uint8Array): Content | undefined {
  const text = body.length === 0 ? undefined : decodeUtf8(body);
  return text === undefined ? undefined : { text, form: looksLikeJson(text) ? 'json' : 'text' };
}

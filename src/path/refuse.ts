// The ways a request ends here instead of at the upstream: an entry that says so, and the answer in the form its caller expects.
import { newId } from '../base/ids.ts';
import type { EntryDraft, Names } from '../evidence/entry.ts';
import type { Denial, Hold, Overspent } from '../policy/call.ts';
import { answerNoSuchMethod, answerUnknownHandle, type ForeignHandle } from '../protocol/handles.ts';
import type { BodyFault, ClientMessage, ClientMessages } from '../protocol/message.ts';
import { answerFault, answerIntakeError, answerIntakeRefusal, answerPlain, answerRefusal, answerRefusedBatch, type Refusal } from '../protocol/refusal.ts';
import { revisionOf } from '../protocol/request-headers.ts';
import { type Content, draftEntry, recordedBy } from './drafts.ts';
import { bareNames, type ClientRequest, namesOfMessages, type RequestStep, readMessages } from './request.ts';
import type { PathRules } from './rules.ts';

type Answered = Extract<RequestStep, { kind: 'answer' }>;

/** What policy said, as what the wire is told. A hold is refused where nobody can be asked. */
export function refusalOf(rules: PathRules, decision: Denial | Hold): Refusal {
  return {
    rule: decision.rule,
    reason: decision.reason,
    remedy: 'Do not try it again; ask the platform owner if you need it',
    decisionId: newId('dec', rules.ids),
    hidden: decision.effect === 'deny' && decision.hidden,
  };
}

/** The call is over its budget. */
export function overspentRefusal(rules: PathRules, { reason, retryAfterMs }: Overspent): Refusal {
  const remedy = retryAfterMs === undefined ? 'Open another session if you need more' : `Try it again in ${Math.ceil(retryAfterMs / 1000)} s`;
  return { rule: 'budget', reason, remedy, decisionId: newId('dec', rules.ids), hidden: false, budget: { retryAfterMs } };
}

/** Policy denied one message of a body; a batch is refused whole. */
export function refuseMessages(rules: PathRules, request: ClientRequest, read: ClientMessages, denied: { message: ClientMessage; refusal: Refusal }): Answered {
  const { message, refusal } = denied;
  const entry = draftDenial(rules, request, refusal, { text: read.text, form: 'json' }, namesOfMessages(rules, read, request));
  const answer = read.kind === 'batch' ? answerRefusedBatch(read.messages, message, refusal) : answerRefusal(message, refusal);
  return { kind: 'answer', entries: [entry], answer };
}

/**
 * A request stopped by a state of ours and not by policy: the grant ended, or nothing can be recorded. Its payload is not
 * kept; whether the entry can be written is the caller's business.
 */
export function refuseCall(rules: PathRules, request: ClientRequest, refusal: Refusal): Answered {
  if (rules.kind !== 'mcp') {
    return { kind: 'answer', entries: [draftDenial(rules, request, refusal, undefined, bareNames(request))], answer: answerIntakeRefusal(refusal) };
  }
  if (request.verb !== 'POST') {
    return { kind: 'answer', entries: [draftDenial(rules, request, refusal, undefined, bareNames(request))], answer: answerPlain(403, refusal.reason) };
  }
  const read = readMessages(request);
  if (read.kind === 'fault') return refuseFault(rules, request, read);
  const entry = draftDenial(rules, request, refusal, undefined, namesOfMessages(rules, read, request));
  const answer = read.kind === 'batch' ? answerRefusedBatch(read.messages, read.messages[0], refusal) : answerRefusal(read.messages[0], refusal);
  return { kind: 'answer', entries: [entry], answer };
}

/** What cannot be decoded never reaches the upstream (DESIGN §4, rule 3); the entry says that it was tried. */
export function refuseFault(rules: PathRules, request: ClientRequest, fault: BodyFault): Answered {
  const refusal = { rule: 'protocol', decisionId: newId('dec', rules.ids) };
  const names: Names = { ...bareNames(request), note: `refused: ${fault.reason}` };
  return { kind: 'answer', entries: [draftDenial(rules, request, refusal, undefined, names, fault.status ?? 400)], answer: answerFault(fault) };
}

/** An id that another request of the same MCP session has, which is not answered yet (RULES R7). */
export function refuseTakenId(rules: PathRules, request: ClientRequest, idLexeme: string): Answered {
  return refuseFault(rules, request, { kind: 'fault', code: -32600, reason: 'a request with this id is in flight in the session', idLexeme });
}

/** An address that an upstream could read in another way than we do. */
export function refuseAddress(rules: PathRules, request: ClientRequest, reason: string): Answered {
  const fault: BodyFault = { kind: 'fault', code: -32600, status: 400, reason, idLexeme: undefined };
  const refused = refuseFault(rules, request, fault);
  return rules.kind === 'mcp' ? refused : { ...refused, answer: answerIntakeError(400, reason) };
}

/** A handle that the upstream gave to somebody else, or to nobody (RULES R2). */
export function refuseForeignHandle(rules: PathRules, request: ClientRequest, messages: readonly ClientMessage[], handle: ForeignHandle): Answered {
  const refusal = { rule: `foreign-${handle.kind}`, decisionId: newId('dec', rules.ids) };
  const [first] = messages;
  const unknowable = handle.kind === 'task' && !handle.tasksGiven;
  const answer = unknowable
    ? answerNoSuchMethod(first?.idLexeme, revisionOf(first?.node) === undefined ? 'legacy' : 'modern')
    : answerUnknownHandle(handle, first?.idLexeme);
  const names: Names = { ...bareNames(request), note: `refused: a ${handle.kind} handle that this identity was not given` };
  return { kind: 'answer', entries: [draftDenial(rules, request, refusal, undefined, names, answer.status)], answer };
}

/** The entry of a call that was not forwarded. No rule says what is masked in it, so all that do have their say. */
export function draftDenial(
  rules: PathRules,
  request: ClientRequest,
  refusal: Pick<Refusal, 'rule' | 'decisionId'>,
  content: Content | undefined,
  names: Names,
  status?: number,
): EntryDraft {
  return draftEntry(
    recordedBy(rules, rules.maskingOfUnknown),
    request.facts,
    {
      kind: 'decision',
      direction: 'up',
      message: content === undefined ? 'opaque' : rules.kind === 'mcp' ? 'request' : 'http',
      final: true,
      failed: true,
      ...(status !== undefined && { status }),
      decision: { effect: 'deny', id: refusal.decisionId, rule: refusal.rule },
    },
    content,
    names,
  );
}

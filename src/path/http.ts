// decode → decide → mask → record for a call of a connection of kind `http`: recorded as an exchange, its content as it is.
import { newId } from '../base/ids.ts';
import type { Call } from '../policy/call.ts';
import { readHttpPath } from '../protocol/http-path.ts';
import { decodeUtf8 } from '../protocol/message.ts';
import { answerIntakeError, answerIntakeRefusal } from '../protocol/refusal.ts';
import { looksLikeJson } from './answer.ts';
import { type Content, draftEntry } from './drafts.ts';
import { pathOf } from './intake.ts';
import { draftDenial, refusalOf } from './refuse.ts';
import { bareNames, type ClientRequest, type RequestStep } from './request.ts';
import type { PathRules } from './rules.ts';

/** One call. Which paths pass is policy's to say; a path that could be read in two ways never does. */
export function takeHttpCall(rules: PathRules, request: ClientRequest): RequestStep {
  const read =
    request.body === undefined
      ? { kind: 'fault' as const, ...(request.bodyFault ?? { status: 400, reason: 'the body cannot be read' }) }
      : readHttpPath(pathOf(request.target));
  if (read.kind === 'fault') {
    const refusal = { rule: 'protocol', decisionId: newId('dec', rules.ids) };
    const names = { ...bareNames(request), note: `refused: ${read.reason}` };
    return {
      kind: 'answer',
      entries: [draftDenial(rules, request, refusal, undefined, names, read.status)],
      answer: answerIntakeError(read.status, read.reason),
    };
  }
  const call: Call = { method: `${request.verb} ${read.path}`, oneWay: false };
  const content = contentOf(request.body);
  const decision = rules.policy.decide(call);
  if (decision.effect === 'deny') {
    const refusal = refusalOf(rules, decision);
    return { kind: 'answer', entries: [draftDenial(rules, request, refusal, content, bareNames(request))], answer: answerIntakeRefusal(refusal) };
  }
  const entry = draftEntry(
    rules,
    request.facts,
    { kind: 'message', direction: 'up', message: 'http', decision: { effect: 'allow', id: newId('dec', rules.ids) } },
    content,
    bareNames(request),
  );
  return { kind: 'forward', entries: [entry], open: { exchange: request.facts.exchange, requests: [] }, messages: [], form: 'single' };
}

/** The body as text; what is not UTF-8 is kept as length and MAC (RULES R3). */
function contentOf(body: Uint8Array | undefined): Content | undefined {
  const text = body === undefined || body.length === 0 ? undefined : decodeUtf8(body);
  return text === undefined ? undefined : { text, form: looksLikeJson(text) ? 'json' : 'text' };
}

// decide → hold: a call that a rule holds, with what it takes to ask a human about it and to let it go on. Does no IO.
import { type DecisionId, newId } from '../base/ids.ts';
import { type JsonNode, member, stringMember } from '../base/json.ts';
import type { EntryDraft, Names } from '../evidence/entry.ts';
import type { Call, Hold } from '../policy/call.ts';
import type { ClientMessage, ClientMessages } from '../protocol/message.ts';
import { answerHeld, answerHeldHttp, type HeldNotice, type LocalAnswer, type Refusal } from '../protocol/refusal.ts';
import { callOf } from './call.ts';
import { digestCall, digestHttp } from './digest.ts';
import { type Content, draftEntry, recordedBy, type WireFacts } from './drafts.ts';
import type { HttpCall } from './http.ts';
import { refuseMessages } from './refuse.ts';
import { type ClientRequest, type ForwardStep, namesOfMessages, type RequestStep } from './request.ts';
import type { PathRules } from './rules.ts';

/** One call that waits for a human. */
export interface HeldCall {
  readonly kind: 'hold';
  readonly hold: Hold;
  readonly decisionId: DecisionId;
  readonly request: ClientRequest;
  readonly call: Call;
  /** What an approval of it is bound to (RULES R9). */
  readonly digest: Uint8Array;
  /** The call without its answers to the server's questions; undefined where its protocol knows none (RULES R8). */
  readonly round: { readonly digest: Uint8Array; readonly state: string | undefined } | undefined;
  /** Arguments, params or body as written, for those who decide; undefined where there are none, or they are no text. */
  readonly shown: Content | undefined;
  /** The answers to the server's questions, where the call has any (RULES R8). */
  readonly answers: Content | undefined;
  /** The message that waits; undefined for a call that is plain HTTP, which is held no longer than its caller waits. */
  readonly message: ClientMessage | undefined;
  /** Says that the call is held. */
  readonly entries: readonly [EntryDraft];
  /** What is to be done once it is released; its entry is the request's own, for a call that did not wait. */
  readonly forward: ForwardStep;
}

/** A message of MCP that a rule holds. What nobody waits for, and what comes in a batch, cannot be held and is refused. */
export function holdMessage(
  rules: PathRules,
  request: ClientRequest,
  read: ClientMessages,
  held: { readonly message: ClientMessage; readonly hold: Hold; readonly forward: ForwardStep },
): RequestStep {
  const { message, hold, forward } = held;
  const decisionId = newId('dec', rules.ids);
  if (message.kind !== 'request' || read.kind === 'batch') {
    const reason = `${hold.reason}: it needs an approval, for which ${read.kind === 'batch' ? 'a batch' : 'a message without an answer'} cannot wait`;
    const refusal: Refusal = { rule: hold.rule, reason, remedy: 'Send the call as a request of its own', decisionId, hidden: false };
    return refuseMessages(rules, request, read, { message, refusal });
  }
  const call = callOf(message);
  const { whole, asked } = digestCall(read.text, message);
  return {
    kind: 'hold',
    hold,
    decisionId,
    request,
    call,
    digest: whole,
    round: { digest: asked, state: stringMember(message.params, 'requestState') },
    shown: contentAt(read.text, call.args),
    answers: contentAt(read.text, member(message.params, 'inputResponses')),
    message,
    entries: [draftHold(rules, request, { hold, decisionId }, { text: read.text, form: 'json' }, namesOfMessages(rules, read, request))],
    forward,
  };
}

/** A call of an intake or HTTP connection that a rule holds. */
export function holdHttpCall(
  rules: PathRules,
  request: ClientRequest,
  { call, names, content }: HttpCall,
  held: { readonly hold: Hold; readonly forward: ForwardStep },
): RequestStep {
  const { hold, forward } = held;
  const decisionId = newId('dec', rules.ids);
  return {
    kind: 'hold',
    hold,
    decisionId,
    request,
    call,
    digest: digestHttp(request.verb, request.target, request.body ?? new Uint8Array()),
    round: undefined,
    shown: content,
    answers: undefined,
    message: undefined,
    entries: [draftHold(rules, request, { hold, decisionId }, content, names)],
    forward,
  };
}

function contentAt(text: string, node: JsonNode | undefined): Content | undefined {
  return node === undefined ? undefined : { text: text.slice(node.start, node.end), form: 'json' };
}

function draftHold(
  rules: PathRules,
  request: ClientRequest,
  { hold, decisionId }: Pick<HeldCall, 'hold' | 'decisionId'>,
  content: Content | undefined,
  names: Names,
): EntryDraft {
  return draftEntry(
    recordedBy(rules, rules.maskingOf(hold.masks)),
    request.facts,
    {
      kind: 'decision',
      direction: 'up',
      message: content === undefined ? 'opaque' : rules.kind === 'mcp' ? 'request' : 'http',
      decision: { effect: 'hold', id: decisionId, rule: hold.rule },
    },
    content,
    names,
  );
}

/** The last entry of a call that waited and was refused then. */
export function draftLateDenial(rules: PathRules, facts: WireFacts, refusal: Pick<Refusal, 'rule' | 'decisionId' | 'reason'>): EntryDraft {
  return draftEntry(
    rules,
    facts,
    {
      kind: 'decision',
      direction: 'down',
      message: 'end',
      final: true,
      failed: true,
      decision: { effect: 'deny', id: refusal.decisionId, rule: refusal.rule },
    },
    undefined,
    { note: `refused: ${refusal.reason}` },
  );
}

/** What the caller is told where nobody has decided so far. */
export function answerStillHeld({ message }: HeldCall, notice: HeldNotice): LocalAnswer {
  return message === undefined ? answerHeldHttp(notice) : answerHeld(message, notice);
}

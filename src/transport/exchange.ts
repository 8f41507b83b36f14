// One client request through one hop: read, decide, record, send, and hand the answer to its delivery. The IO around src/path.
import type { IncomingMessage } from 'node:http';
import { asMcprecError } from '../base/errors.ts';
import { type ExchangeId, newId } from '../base/ids.ts';
import { member } from '../base/json.ts';
import { endExchange } from '../path/answer.ts';
import type { Moment } from '../path/drafts.ts';
import { takeHttpCall } from '../path/http.ts';
import { takeIntakeCall } from '../path/intake.ts';
import { refuseAddress, refuseCall, refuseForeignHandle, refuseTakenId } from '../path/refuse.ts';
import { type ClientRequest, type RequestStep, takeMcpBare, takeMcpPost } from '../path/request.ts';
import { headers as ourHeaders } from '../protocol/control.ts';
import { handlesInRequest } from '../protocol/handles.ts';
import { headerValue } from '../protocol/headers.ts';
import type { ClientMessage } from '../protocol/message.ts';
import { answerIntakeError, answerStranger, answerUpstreamFailure, type LocalAnswer, type Refusal } from '../protocol/refusal.ts';
import { type ClientSide, isDone, whenDone } from './client.ts';
import { readCall } from './decoded-call.ts';
import { Delivery, type NoAnswer } from './delivery.ts';
import { type PassedHold, passHold } from './held.ts';
import { HeldAnswer } from './held-answer.ts';
import type { Hop } from './hop.ts';
import { numbered } from './numbering.ts';
import { tellServer } from './tell.ts';
import type { UpstreamFailure } from './upstream.ts';
import { awaitWitness } from './witnessed.ts';

/** A request whose body was read and whose sender was let in. */
export interface Arrived {
  readonly request: IncomingMessage;
  readonly response: ClientSide;
  /** Path below the connection with its query: `/mcp`, `/api/v2/series`. */
  readonly target: string;
  /** Undefined where it was longer than `limits.requestBytesMax`. */
  readonly body: Buffer | undefined;
  readonly exchange: ExchangeId;
  readonly parent: ExchangeId | undefined;
  /** Aborted where the exchange is to end before its answer does; the reason stands in its last entry. */
  readonly signal?: AbortSignal;
}

/** Serves one request; resolves when its answer is delivered or given up. Never rejects: what goes wrong is answered. */
export async function serveExchange(hop: Hop, arrived: Arrived): Promise<void> {
  try {
    await serve(numbered(hop), arrived);
  } catch (error) {
    // A failure here is a bug or a dead disk: the client learns that the call did not go on, in words of ours.
    const known = asMcprecError(error);
    if (arrived.response.headersSent) arrived.response.destroy();
    else answerLocally(arrived.response, answerStranger(arrived.target, 500, `${known.message}; ${known.remedy}`));
  }
}

async function serve(hop: Hop, arrived: Arrived): Promise<void> {
  const call = await readCall(hop, arrived);
  const stopped = hop.stopped();
  if (stopped !== undefined) return serveDecided(hop, arrived, call, refuseCall(hop.rules, call, stopped));
  const decided = await decide(hop, call);
  const newer = isDenial(decided) ? await hop.refreshed?.() : undefined;
  return newer === undefined ? serveDecided(hop, arrived, call, decided) : serveDecided(newer, arrived, call, await decide(newer, call));
}

/** True where policy said no; not where the call could not be read. */
function isDenial(step: RequestStep): boolean {
  return step.kind === 'answer' && step.entries.some(({ decision }) => decision?.effect === 'deny' && decision.rule !== 'protocol');
}

async function serveDecided(hop: Hop, arrived: Arrived, call: ClientRequest, decided: RequestStep): Promise<void> {
  const { rules } = hop;
  const claim = hop.memory.claim(headerValue(call.headers, ourHeaders.pipe) ?? headerValue(call.headers, 'mcp-session-id'), messagesOf(decided));
  try {
    await serveStep(hop, arrived, call, claim.kind === 'claimed' ? decided : refuseTakenId(rules, call, claim.idLexeme));
  } finally {
    if (claim.kind === 'claimed') claim.release();
  }
}

async function serveStep(hop: Hop, arrived: Arrived, call: ClientRequest, step: RequestStep): Promise<void> {
  const { rules } = hop;
  let passed: PassedHold | undefined;
  try {
    if (step.kind === 'hold') passed = await passHold(hop, arrived, step);
    else await hop.record(step.entries);
  } catch (error) {
    // Fail closed: what cannot be recorded does not pass (DESIGN §4, rule 1).
    hop.counted('failed');
    if (arrived.response.headersSent) arrived.response.destroy();
    else answerLocally(arrived.response, refuseCall(rules, call, unrecordable(hop, error)).answer);
    return;
  }
  if (step.kind === 'answer') {
    hop.counted('denied');
    if (rules.kind === 'mcp' && call.verb === 'POST') await hop.holds?.denied(call, step.entries[0]?.decision?.rule ?? '');
    answerLocally(arrived.response, step.answer);
    return;
  }
  if (passed?.kind === 'answered') {
    if (passed.answer !== undefined) answerLocally(passed.response, passed.answer);
    return;
  }
  hop.counted('call');
  if (step.kind === 'hold') return send(passed?.hop ?? hop, { ...arrived, response: passed?.response ?? arrived.response }, call, step.forward);
  for (const id of cancelledBy(step.messages)) hop.holds?.cancel(id, headerValue(call.headers, 'mcp-session-id'));
  await send(hop, arrived, call, step);
}

async function decide(hop: Hop, call: ClientRequest): Promise<RequestStep> {
  // Its reader stops there, before the query that the gateway forces upon it.
  if (call.target.includes('#')) return refuseAddress(hop.rules, call, 'the address has a fragment');
  if (hop.rules.kind === 'datadog-intake') return takeIntakeCall(hop.rules, call);
  if (hop.rules.kind === 'http') return takeHttpCall(hop.rules, call);
  const step = call.verb === 'POST' ? takeMcpPost(hop.rules, call) : takeMcpBare(hop.rules, call);
  if (step.kind === 'answer') return step;
  const messages = messagesOf(step);
  const handles = handlesInRequest(call.headers, messages);
  const foreign = handles.length === 0 ? undefined : await hop.foreign(handles);
  if (foreign === undefined) return step;
  return refuseForeignHandle(hop.rules, call, messages, foreign);
}

function messagesOf(step: RequestStep): readonly ClientMessage[] {
  return step.kind === 'answer' ? [] : step.kind === 'hold' ? step.forward.messages : step.messages;
}

/** The ids, as written, of requests that these messages give up. */
function cancelledBy(messages: readonly ClientMessage[]): readonly string[] {
  return messages.flatMap(({ method, params }) => {
    const id = method === 'notifications/cancelled' ? member(params, 'requestId') : undefined;
    if (id?.type === 'number') return [id.lexeme];
    return id?.type === 'string' ? [JSON.stringify(id.value)] : [];
  });
}

function unrecordable(hop: Hop, error: unknown): Refusal {
  const known = asMcprecError(error);
  const repeated = known.code === 'exchange_repeated';
  return {
    rule: repeated ? 'exchange-repeated' : 'recording',
    reason: repeated ? known.message : `the call cannot be recorded (${known.message})`,
    remedy: `${known.remedy.charAt(0).toUpperCase()}${known.remedy.slice(1)}`,
    decisionId: newId('dec', hop.rules.ids),
    hidden: false,
  };
}

type Forwarded = Extract<RequestStep, { kind: 'forward' }>;

/** Sends the request on and waits until its answer is delivered, or is known not to be. */
async function send(hop: Hop, arrived: Arrived, call: ClientRequest, step: Forwarded): Promise<void> {
  const { request, response, exchange, parent, target, body, signal } = arrived;
  const unwitnessed = await awaitWitness(hop);
  if (unwitnessed !== undefined) return answerFailure(hop, arrived, { call, step, failure: unwitnessed, whyAborted: '' });
  const { promise: settled, resolve: settle } = Promise.withResolvers<NoAnswer | undefined>();
  const sent = step.changed?.body ?? body;
  let whyAborted = 'client_gone';
  const delivery = new Delivery({
    hop,
    response,
    open: step.open,
    mcpSessionId: headerValue(call.headers, 'mcp-session-id'),
    tell: (text) => tellServer(hop, { exchange, target, headers: request.rawHeaders }, text),
    whyAborted: () => whyAborted,
    settle,
  });
  let abort = (): void => settle({ kind: 'aborted', notSent: true, reason: whyAborted });
  // A client that goes away takes its request along, as it would without us (MCP-FACTS: in the modern era it is the cancel).
  const onClose = (): void => {
    if (!response.writableFinished) abort();
  };
  const onSignal = (): void => {
    whyAborted = String(signal?.reason);
    abort();
  };
  const unwatch = whenDone(response, onClose);
  signal?.addEventListener('abort', onSignal);
  if (isDone(response)) onClose();
  else if (signal?.aborted) onSignal();
  else {
    abort = hop.upstream.send(
      hop.dress({
        exchange,
        parent,
        verb: call.verb,
        target: step.changed?.target ?? target,
        headers: step.changed?.headers ?? request.rawHeaders,
        // Behind the head of an event stream, it cannot be said that what follows is packed.
        identityCoding: delivery.rewrites || response instanceof HeldAnswer,
        body: sent === undefined || sent.length === 0 ? undefined : sent,
      }),
      delivery,
    );
  }
  const failure = await settled;
  unwatch();
  signal?.removeEventListener('abort', onSignal);
  if (failure !== undefined) await answerFailure(hop, arrived, { call, step, failure, whyAborted });
}

interface Unanswered {
  readonly call: ClientRequest;
  readonly step: Forwarded;
  readonly failure: NoAnswer;
  readonly whyAborted: string;
}

/** What is noted and what the client is told where the upstream gave no answer. It says whether the call may have been executed (RULES R13). */
async function answerFailure(hop: Hop, { response, exchange }: Arrived, { call, step, failure, whyAborted }: Unanswered): Promise<void> {
  const note = failure.kind === 'refused' ? `refused: ${failure.refusal.rule}` : failure.kind === 'aborted' ? whyAborted : `upstream_${failure.kind}`;
  const facts = { exchange, at: now(hop), wire: undefined, wireBytes: 0 };
  // The client learns of the failure also where it cannot be recorded: there is no answer that could slip by.
  await hop.record([endExchange(hop.rules, facts, { failed: failure.kind !== 'aborted', note })]).catch(() => undefined);
  if (failure.kind !== 'aborted') hop.counted('failed');
  if (failure.kind === 'refused') answerLocally(response, refuseCall(hop.rules, call, failure.refusal).answer);
  else answerLocally(response, faultAnswer(hop, step, failure));
}

function faultAnswer(hop: Hop, step: Forwarded, failure: UpstreamFailure): LocalAnswer {
  const executed = failure.notSent ? 'it was not executed' : 'it may have been executed';
  const reason = `${faultTexts[failure.kind]} (${failure.reason}); ${executed}`;
  const kind = failure.kind === 'timeout' ? 'timeout' : 'unreachable';
  if (hop.rules.kind !== 'mcp') return answerIntakeError(kind === 'timeout' ? 504 : 502, reason);
  return answerUpstreamFailure(step.form, step.messages, { kind, reason });
}

const faultTexts = {
  unreachable: 'the upstream cannot be reached',
  turned_away: 'the upstream turned the call away',
  timeout: 'the upstream did not answer in time',
  lost: 'the upstream broke off before it answered',
  aborted: 'the call was given up',
} as const satisfies Record<UpstreamFailure['kind'], string>;

/** Writes an answer of ours. The request's body was read, so the connection stays usable. */
export function answerLocally(response: ClientSide, answer: LocalAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(answer.body, 'utf8');
  response.writeHead(answer.status, [...answer.headers, 'Content-Length', String(body.length)]);
  response.end(body);
}

/** This moment by the hop's clocks. */
export function now(hop: Hop): Moment {
  const { clock } = hop.rules.ids;
  return { wallMs: clock.wallMs(), monoUs: clock.monoUs() };
}

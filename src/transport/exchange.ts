// One client request through one hop: read, decide, record, send, and hand the answer to its delivery. The IO around src/path.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asMcprecError } from '../base/errors.ts';
import { type ExchangeId, newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { endExchange } from '../path/answer.ts';
import type { Moment, WireFacts } from '../path/drafts.ts';
import { takeIntakeCall } from '../path/intake.ts';
import { refuseCall, refuseForeignHandle } from '../path/refuse.ts';
import { type ClientRequest, type RequestStep, takeMcpBare, takeMcpPost } from '../path/request.ts';
import { handlesInRequest } from '../protocol/handles.ts';
import { answerIntakeError, answerPlain, answerUpstreamFailure, type LocalAnswer, type Refusal } from '../protocol/refusal.ts';
import { decodeContent } from './body.ts';
import { Delivery, type NoAnswer } from './delivery.ts';
import type { Hop } from './hop.ts';

/** A request whose body was read and whose sender was let in. */
export interface Arrived {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path below the connection with its query: `/mcp`, `/api/v2/series`. */
  readonly target: string;
  /** Undefined where it was longer than `limits.requestBytesMax`. */
  readonly body: Buffer | undefined;
  readonly exchange: ExchangeId;
  readonly parent: ExchangeId | undefined;
}

/** Serves one request; resolves when its answer is delivered or given up. Never rejects: what goes wrong is answered. */
export async function serveExchange(hop: Hop, arrived: Arrived): Promise<void> {
  try {
    await serve(hop, arrived);
  } catch (error) {
    // A failure here is a bug or a dead disk: the client learns that the call did not go on, in words of ours.
    const known = asMcprecError(error);
    if (arrived.response.headersSent) arrived.response.destroy();
    else answerLocally(arrived.response, answerPlain(500, `${known.message}; ${known.remedy}`));
  }
}

async function serve(hop: Hop, arrived: Arrived): Promise<void> {
  const { rules } = hop;
  const call = await readCall(hop, arrived);
  const stopped = hop.stopped();
  const step = stopped === undefined ? await decide(hop, call) : refuseCall(rules, call, stopped);
  try {
    await hop.record(step.entries);
  } catch (error) {
    // Fail closed: what cannot be recorded does not pass (DESIGN §4, rule 1).
    hop.counted('failed');
    answerLocally(arrived.response, refuseCall(rules, call, unrecordable(hop, error)).answer);
    return;
  }
  if (step.kind === 'answer') {
    hop.counted('denied');
    answerLocally(arrived.response, step.answer);
    return;
  }
  hop.counted('call');
  await send(hop, arrived, call, step);
}

async function readCall(hop: Hop, { request, body, exchange, parent, target }: Arrived): Promise<ClientRequest> {
  const facts: WireFacts = { exchange, parent, at: now(hop), wire: body, wireBytes: body?.length ?? Number(request.headers['content-length'] ?? 0) };
  const base = { facts, verb: request.method ?? 'GET', target, headers: request.rawHeaders };
  if (body === undefined) return { ...base, body, bodyFault: { status: 413, reason: `the body is longer than ${limits.requestBytesMax} bytes` } };
  const coding = request.headers['content-encoding'];
  if (coding === undefined) return { ...base, body };
  const decoded = await decodeContent(body, coding, limits.requestInflatedBytesMax);
  switch (decoded.kind) {
    case 'decoded':
      return { ...base, body: decoded.bytes };
    case 'too_long':
      return { ...base, body: undefined, bodyFault: { status: 413, reason: `the body is longer than ${limits.requestInflatedBytesMax} bytes when decoded` } };
    case 'unknown_coding':
      return { ...base, body: undefined, bodyFault: { status: 415, reason: `content coding ${decoded.coding} is not supported` } };
    case 'malformed':
      return { ...base, body: undefined, bodyFault: { status: 400, reason: `the body is not what its content coding says: ${decoded.reason}` } };
  }
}

async function decide(hop: Hop, call: ClientRequest): Promise<RequestStep> {
  if (hop.rules.kind !== 'mcp') return takeIntakeCall(hop.rules, call);
  const step = call.verb === 'POST' ? takeMcpPost(hop.rules, call) : takeMcpBare(hop.rules, call);
  if (step.kind === 'answer') return step;
  const handles = handlesInRequest(call.headers, step.messages);
  const foreign = handles.length === 0 ? undefined : await hop.foreign(handles);
  if (foreign === undefined) return step;
  return refuseForeignHandle(hop.rules, call, step.messages, foreign);
}

function unrecordable(hop: Hop, error: unknown): Refusal {
  const known = asMcprecError(error);
  return {
    rule: 'recording',
    reason: `the call cannot be recorded (${known.message})`,
    remedy: known.remedy,
    decisionId: newId('dec', hop.rules.ids),
    hidden: false,
  };
}

function send(hop: Hop, arrived: Arrived, call: ClientRequest, step: Extract<RequestStep, { kind: 'forward' }>): Promise<void> {
  const { request, response, exchange, parent, target, body } = arrived;
  return new Promise((resolve) => {
    const delivery = new Delivery({ hop, response, open: step.open, target, done: resolve, failed: (failure) => void answerFailure(failure) });
    const abort = hop.upstream.send(
      hop.dress({
        exchange,
        parent,
        verb: call.verb,
        target,
        headers: request.rawHeaders,
        identityCoding: delivery.rewrites,
        body: body === undefined || body.length === 0 ? undefined : body,
      }),
      delivery,
    );
    // A client that goes away takes its request along, as it would without us (MCP-FACTS: in the modern era it is the cancel).
    response.once('close', () => {
      if (!response.writableFinished) abort();
    });

    const answerFailure = async (failure: NoAnswer): Promise<void> => {
      const { note, answer } = failureAnswer(hop, call, step, failure);
      const facts = { exchange, at: now(hop), wire: undefined, wireBytes: 0 };
      await hop.record([endExchange(hop.rules, facts, { failed: true, note })]).catch(() => undefined);
      hop.counted('failed');
      if (!response.destroyed) answerLocally(response, answer);
      resolve();
    };
  });
}

/** What the client is told, and what is noted, where the upstream gave no answer. It says whether the call may have been executed (RULES R13). */
function failureAnswer(
  hop: Hop,
  call: ClientRequest,
  step: Extract<RequestStep, { kind: 'forward' }>,
  failure: NoAnswer,
): { note: string; answer: LocalAnswer } {
  if (failure.kind === 'refused') return { note: `refused: ${failure.refusal.rule}`, answer: refuseCall(hop.rules, call, failure.refusal).answer };
  const executed = failure.notSent ? 'it was not executed' : 'it may have been executed';
  const reason =
    failure.kind === 'timeout'
      ? `the upstream did not answer in time (${failure.reason}); ${executed}`
      : `the upstream is not to be reached (${failure.reason}); ${executed}`;
  const kind = failure.kind === 'timeout' ? 'timeout' : 'unreachable';
  const note = failure.kind === 'aborted' ? 'client_gone' : `upstream_${failure.kind}`;
  if (hop.rules.kind !== 'mcp') return { note, answer: answerIntakeError(kind === 'timeout' ? 504 : 502, reason) };
  return { note, answer: answerUpstreamFailure(step.messages[0], kind, reason) };
}

/** Writes an answer of ours. The request's body was read, so the connection stays usable. */
export function answerLocally(response: ServerResponse, answer: LocalAnswer): void {
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

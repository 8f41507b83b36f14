// How a denial, a refusal or a failure of ours looks on the wire (RULES R11). Makes bytes, decides nothing.
import type { DecisionId } from '../base/ids.ts';
import type { BodyFault, ClientMessage } from './message.ts';

/** JSON-RPC codes of ours; they lie outside the range that JSON-RPC and MCP keep for themselves. */
export const rpcCodes = {
  denied: 4030,
  held: 4031,
  budget: 4290,
  upstreamUnreachable: 5020,
  upstreamTimeout: 5040,
  methodNotFound: -32601,
  invalidParams: -32602,
} as const;

/** A whole HTTP answer made here. `headers` is flat: name, value, … */
export interface LocalAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

const JSON_TYPE = ['Content-Type', 'application/json'] as const;

function json(status: number, body: unknown, headers: readonly string[] = []): LocalAnswer {
  return { status, headers: [...JSON_TYPE, ...headers], body: typeof body === 'string' ? body : JSON.stringify(body) };
}

/** JSON-RPC text with the id exactly as the client wrote it. */
function rpc(idLexeme: string | undefined, part: 'result' | 'error', value: unknown): string {
  return `{"jsonrpc":"2.0","id":${idLexeme ?? 'null'},"${part}":${JSON.stringify(value)}}`;
}

/** HTTP 400 (or the fault's own status) with the protocol's own error for a body that cannot be decided on. */
export function answerFault(fault: BodyFault): LocalAnswer {
  const status = fault.status ?? 400;
  return json(status, rpc(fault.idLexeme, 'error', { code: fault.code, message: fault.reason }), status === 405 ? ['Allow', 'POST, GET, DELETE'] : []);
}

/** What stops a message: a rule of the policy, or a state of ours (no recording possible, grant ended). */
export interface Refusal {
  readonly rule: string;
  readonly reason: string;
  /** What to do about it, as one sentence without a full stop. */
  readonly remedy: string;
  readonly decisionId: DecisionId;
  /** `access` does not grant it: it must look as if it did not exist. */
  readonly hidden: boolean;
  /** There where a budget is spent: after how long one more call is free; undefined where none will be in this session. */
  readonly budget?: { readonly retryAfterMs: number | undefined };
}

/** The answer to one refused message. Source: RULES R11. */
export function answerRefusal(message: ClientMessage, refusal: Refusal): LocalAnswer {
  if (message.kind !== 'request') {
    return json(403, rpc(undefined, 'error', { code: rpcCodes.denied, message: refusal.reason, data: { rule: refusal.rule, decisionId: refusal.decisionId } }));
  }
  return json(200, refusedRequest(message, refusal), deniedHeader(refusal));
}

/** A batch is refused whole where one of its messages is: every request in it gets an error. */
export function answerRefusedBatch(messages: readonly ClientMessage[], refused: ClientMessage, refusal: Refusal): LocalAnswer {
  const answers = messages
    .filter((message) => message.kind === 'request')
    .map((message) =>
      message === refused
        ? refusedRequest(message, refusal)
        : rpc(message.idLexeme, 'error', {
            code: rpcCodes.denied,
            message: 'not executed: another call of this batch was denied; send this one again without it',
            // What is hidden must not show itself beside the call that asked for it.
            data: { ...(!refusal.hidden && { rule: refusal.rule }), decisionId: refusal.decisionId },
          }),
    );
  return answers.length === 0 ? json(403, '') : json(200, `[${answers.join(',')}]`, deniedHeader(refusal));
}

/** Nothing where the thing is to look as if it did not exist: the header would say that it does. */
function deniedHeader({ hidden, rule }: Refusal): readonly string[] {
  return hidden ? [] : ['Mcprec-Denied', encodeURIComponent(rule)];
}

function refusedRequest(message: ClientMessage, refusal: Refusal): string {
  const retryAfterMs = refusal.budget?.retryAfterMs;
  const data = { rule: refusal.rule, decisionId: refusal.decisionId, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  if (refusal.hidden) return unknownThing(message);
  if (message.method === 'tools/call') {
    // A rule's message is a sentence of its author's, often with its own full stop.
    const text = `Denied by rule "${refusal.rule}": ${refusal.reason.replace(/\.$/, '')}. ${refusal.remedy}. (${refusal.decisionId})`;
    return rpc(message.idLexeme, 'result', { resultType: 'complete', isError: true, content: [{ type: 'text', text }] });
  }
  const code = refusal.budget === undefined ? rpcCodes.denied : rpcCodes.budget;
  return rpc(message.idLexeme, 'error', { code, message: `denied by rule "${refusal.rule}": ${refusal.reason}`, data });
}

/** A JSON-RPC result that takes the place of a tool's answer, which was executed but must not be delivered. Source: RULES R16. */
export function withheldResult(idLexeme: string, { rule, reason, remedy, decisionId }: Refusal): string {
  const text = `Withheld by rule "${rule}": ${reason}. ${remedy}. (${decisionId})`;
  return rpc(idLexeme, 'result', { resultType: 'complete', isError: true, content: [{ type: 'text', text }] });
}

// The specification's own error for a name that the server does not know.
function unknownThing(message: ClientMessage): string {
  const name = message.params?.members.find((m) => m.key.value === 'name' || m.key.value === 'uri')?.value;
  const text = name?.type === 'string' ? name.value : '';
  const what = message.method === 'tools/call' ? `Unknown tool: ${text}` : message.method === 'prompts/get' ? `Unknown prompt: ${text}` : undefined;
  if (what !== undefined) return rpc(message.idLexeme, 'error', { code: rpcCodes.invalidParams, message: what });
  if (message.method?.startsWith('resources/')) return rpc(message.idLexeme, 'error', { code: -32002, message: 'Resource not found', data: { uri: text } });
  return rpc(message.idLexeme, 'error', { code: rpcCodes.methodNotFound, message: 'Method not found' });
}

/** What a caller is told of a call that waits for a human. */
export interface HeldNotice {
  readonly rule: string;
  readonly reason: string;
  readonly approvalId: string;
  readonly decisionId: DecisionId;
  /** What to do, as one sentence without a full stop. */
  readonly remedy: string;
}

/** Nobody has decided so far: a result that the model can read, or an error with a code of its own (RULES R11). */
export function answerHeld(message: ClientMessage, { rule, reason, approvalId, decisionId, remedy }: HeldNotice): LocalAnswer {
  const headers = ['Mcprec-Held', approvalId];
  if (message.method === 'tools/call') {
    const text = `Held by rule "${rule}": ${reason.replace(/\.$/, '')}. ${remedy}. (${approvalId})`;
    return json(200, rpc(message.idLexeme, 'result', { resultType: 'complete', isError: true, content: [{ type: 'text', text }] }), headers);
  }
  const error = { code: rpcCodes.held, message: `held by rule "${rule}": ${reason}; ${remedy}`, data: { rule, decisionId, approvalId } };
  return json(200, rpc(message.idLexeme, 'error', error), headers);
}

/** The same for a call that is plain HTTP, which waits no longer than this. */
export function answerHeldHttp({ rule, reason, approvalId }: HeldNotice): LocalAnswer {
  return json(403, { errors: [`held by rule "${rule}" and not approved in time: ${reason} (${approvalId})`] }, ['Mcprec-Held', approvalId]);
}

/** What a server is told that asked the client for what policy does not allow. */
export function answerToServer(idLexeme: string, reason: string): string {
  return rpc(idLexeme, 'error', { code: rpcCodes.denied, message: reason });
}

/** What the client gets in its place: a log message, which every client may leave unread. */
export function notAskedNotification(reason: string): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'warning', logger: 'mcprec', data: reason } });
}

/** What the client gets in place of an answer that wants input which policy does not let the server ask for. */
export function withheldAnswer(idLexeme: string | undefined, reason: string, decisionId: DecisionId): string {
  return rpc(idLexeme, 'error', { code: rpcCodes.denied, message: `denied by rule "access": ${reason}`, data: { rule: 'access', decisionId } });
}

/** A progress notification of ours for a request that waits. Source: MCP, progress. */
export function waitingNotification(tokenLexeme: string, progress: number, message: string): string {
  return `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${tokenLexeme},"progress":${progress},"message":${JSON.stringify(message)}}}`;
}

/** HTTP 403, or 429 where a budget is spent, in the shape of Datadog's intake. */
export function answerIntakeRefusal(refusal: Refusal): LocalAnswer {
  const retryAfterMs = refusal.budget?.retryAfterMs;
  return json(refusal.budget === undefined ? 403 : 429, { errors: [`denied by rule "${refusal.rule}": ${refusal.reason} (${refusal.decisionId})`] }, [
    'Mcprec-Denied',
    encodeURIComponent(refusal.rule),
    ...(retryAfterMs === undefined ? [] : ['Retry-After', String(Math.ceil(retryAfterMs / 1000))]),
  ]);
}

/** An error of the intake's own shape: 400, 413, 415, 502, 504. */
export function answerIntakeError(status: number, reason: string): LocalAnswer {
  return json(status, { errors: [reason] });
}

/** What became of a call that an upstream did not answer. */
export interface UpstreamFault {
  readonly kind: 'unreachable' | 'timeout';
  readonly reason: string;
}

/** The upstream could not be asked, or did not answer. Requests get a JSON-RPC error each, because SDK clients show a 502 as an opaque failure. */
export function answerUpstreamFailure(form: 'single' | 'batch', messages: readonly ClientMessage[], { kind, reason }: UpstreamFault): LocalAnswer {
  const timedOut = kind === 'timeout';
  const error = { code: timedOut ? rpcCodes.upstreamTimeout : rpcCodes.upstreamUnreachable, message: reason };
  const answers = messages.filter((message) => message.kind === 'request').map((message) => rpc(message.idLexeme, 'error', error));
  if (answers.length === 0) return json(timedOut ? 504 : 502, { errors: [reason] });
  return json(200, form === 'batch' ? `[${answers.join(',')}]` : answers.join());
}

/** A JSON-RPC error of ours as the whole answer to one request, for where the upstream's cannot be passed on. */
export function rpcFailure(idLexeme: string | undefined, reason: string, code: number = rpcCodes.upstreamUnreachable): string {
  return rpc(idLexeme, 'error', { code, message: reason });
}

/** A failure outside any message: a wrong path, a body too long. */
export function answerPlain(status: number, reason: string, headers: readonly string[] = []): LocalAnswer {
  return json(status, rpc(undefined, 'error', { code: -32600, message: reason }), headers);
}

/** The same before anybody knows which connection it is for: in the words of Datadog's intake where `target` is one of its addresses. */
export function answerStranger(target: string, status: number, reason: string, headers: readonly string[] = []): LocalAnswer {
  return isIntakeAddress(target) ? json(status, { errors: [reason] }, headers) : answerPlain(status, reason, headers);
}

/** True for an address of Datadog's intake, with a token before it or without. */
export function isIntakeAddress(target: string): boolean {
  return /^(?:\/[^/?]*)?\/(?:api|intake)\//.test(target);
}

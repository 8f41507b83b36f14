// decode → decide → mask → record for what a client sends. Does no IO: it returns what to record and what to do then.
import { newId } from '../base/ids.ts';
import { stringMember } from '../base/json.ts';
import type { EntryDraft, Names } from '../evidence/entry.ts';
import type { CallMask, Hold } from '../policy/call.ts';
import { headersForRecord, type RawHeaders } from '../protocol/headers.ts';
import { type BodyFault, type ClientMessage, type ClientMessages, readClientBody } from '../protocol/message.ts';
import type { LocalAnswer } from '../protocol/refusal.ts';
import { differingParam, type MirroredParams } from '../protocol/request-headers.ts';
import { callOf, namesOf } from './call.ts';
import { draftEntry, recordedBy, type WireFacts } from './drafts.ts';
import { type HeldCall, holdMessage } from './hold.ts';
import type { Masking } from './masking.ts';
import { type ChangedRequest, maskMessages } from './outgoing.ts';
import { overspentRefusal, refusalOf, refuseFault, refuseMessages } from './refuse.ts';
import type { OpenExchange, OpenRequest, PathRules } from './rules.ts';

/** One HTTP request of a client, its body complete. */
export interface ClientRequest {
  readonly facts: WireFacts;
  readonly verb: string;
  /** Path and query as they are recorded, e.g. `/mcp`. */
  readonly target: string;
  readonly headers: RawHeaders;
  /** The body with its content coding undone; undefined where that failed, and `bodyFault` says why. */
  readonly body: Uint8Array | undefined;
  readonly bodyFault?: { readonly status: number; readonly reason: string };
  /** What the lists of tools said so far of headers that repeat arguments. */
  readonly mirrored?: MirroredParams;
}

export interface ForwardStep {
  readonly kind: 'forward';
  readonly entries: readonly EntryDraft[];
  readonly open: OpenExchange;
  /** What leaves in place of the client's request, where `mask` rules change it. */
  readonly changed: ChangedRequest | undefined;
  /** The JSON-RPC messages in the body; none for anything but a POST of MCP. */
  readonly messages: readonly ClientMessage[];
  readonly form: ClientMessages['kind'];
}

/** What is to be done once `entries` are recorded; a held call waits for a human first. */
export type RequestStep = ForwardStep | { readonly kind: 'answer'; readonly entries: readonly EntryDraft[]; readonly answer: LocalAnswer } | HeldCall;

/** A POST of MCP's Streamable HTTP. */
export function takeMcpPost(rules: PathRules, request: ClientRequest): RequestStep {
  const read = readMessages(request);
  if (read.kind === 'fault') return refuseFault(rules, request, read);
  let held: { readonly message: ClientMessage; readonly hold: Hold } | undefined;
  const masks: (readonly CallMask[])[] = [];
  for (const message of read.messages) {
    const call = callOf(message);
    const decision = rules.policy.decide(call);
    if (decision.effect === 'deny') return refuseMessages(rules, request, read, { message, refusal: refusalOf(rules, decision) });
    // Also of what comes without an id: some server executes it. What comes with the connection costs nothing.
    const overspent = rules.policy.spend(call);
    if (overspent !== undefined) return refuseMessages(rules, request, read, { message, refusal: overspentRefusal(rules, overspent) });
    if (decision.effect === 'hold') held ??= { message, hold: decision };
    masks.push(decision.masks ?? []);
  }
  const forward = forwardMessages(rules, request, read, { masks, rule: held?.hold.rule });
  return held === undefined ? forward : holdMessage(rules, request, read, { ...held, forward });
}

interface Passed {
  /** What `mask` rules add, by message. */
  readonly masks: readonly (readonly CallMask[])[];
  /** The rule that held them before. */
  readonly rule: string | undefined;
}

/** The messages go on. */
function forwardMessages(rules: PathRules, request: ClientRequest, read: ClientMessages, { masks, rule }: Passed): ForwardStep {
  const { messages } = read;
  const maskings = masks.map((some) => rules.maskingOf(some));
  const masking = maskings.length === 1 ? (maskings[0] as Masking) : rules.maskingOf(masks.flat());
  const entry = draftEntry(
    recordedBy(rules, masking),
    request.facts,
    {
      kind: 'message',
      direction: 'up',
      message: read.kind === 'batch' ? 'batch' : messages[0].kind,
      decision: { effect: 'allow', id: newId('dec', rules.ids), ...(rule !== undefined && { rule }) },
    },
    { text: read.text, form: 'json' },
    namesOfMessages(rules, read, request),
  );
  const requests: OpenRequest[] = messages.flatMap((m, i) => {
    if (m.kind !== 'request' || m.idLexeme === undefined) return [];
    const tool = m.method === 'tools/call' ? stringMember(m.params, 'name') : undefined;
    return [{ idLexeme: m.idLexeme, method: m.method ?? '', masking: maskings[i] ?? masking, ...(tool !== undefined && { tool }) }];
  });
  const open: OpenExchange = { exchange: request.facts.exchange, masking, requests };
  return { kind: 'forward', entries: [entry], open, changed: maskMessages(read, maskings, request), messages, form: read.kind };
}

/** The verbs that come with an MCP connection and bring no message: the GET stream, DELETE of a session, and what browsers ask first. */
const bareVerbs: ReadonlySet<string> = new Set(['GET', 'DELETE', 'HEAD', 'OPTIONS']);

/** A request without a message on an MCP connection. Under another verb, or with a body, a message could reach the upstream unseen. */
export function takeMcpBare(rules: PathRules, request: ClientRequest): RequestStep {
  const refused = (status: number, reason: string): RequestStep =>
    refuseFault(rules, request, { kind: 'fault', code: -32600, status, reason, idLexeme: undefined });
  if (!bareVerbs.has(request.verb)) return refused(405, `${request.verb} is not among the methods of an MCP endpoint`);
  if (request.body === undefined || request.body.length > 0) return refused(400, `a ${request.verb} must have no body`);
  const entry = draftEntry(
    rules,
    request.facts,
    { kind: 'message', direction: 'up', message: 'http', decision: { effect: 'allow', id: newId('dec', rules.ids) } },
    undefined,
    bareNames(request),
  );
  const open: OpenExchange = { exchange: request.facts.exchange, masking: rules.maskingOfUnknown, requests: [] };
  return { kind: 'forward', entries: [entry], open, changed: undefined, messages: [], form: 'single' };
}

/** Reads the body of a POST as messages, or says why it cannot be. */
export function readMessages(request: ClientRequest): ClientMessages | BodyFault {
  if (request.body !== undefined) {
    const read = readClientBody(request.body, request.headers);
    return read.kind === 'fault' ? read : (mirroredFault(read.messages, request) ?? read);
  }
  const { status, reason } = request.bodyFault ?? { status: 400, reason: 'the body cannot be read' };
  return { kind: 'fault', code: -32700, status, reason, idLexeme: undefined };
}

// Another argument in the header than in the body: one of the two is not what the upstream goes by (RULES R7).
function mirroredFault(messages: readonly ClientMessage[], { headers, mirrored }: ClientRequest): BodyFault | undefined {
  if (mirrored === undefined || mirrored.size === 0) return undefined;
  for (const { node, idLexeme } of messages) {
    const name = differingParam(node, headers, mirrored);
    if (name !== undefined) return { kind: 'fault', code: -32020, reason: `Mcp-Param-${name} differs from the argument in the body`, idLexeme };
  }
  return undefined;
}

/** The names of what the messages ask for, unmasked still. */
export function namesOfMessages({ policy }: PathRules, read: ClientMessages, request: ClientRequest): Names {
  const headers = headersForRecord(request.headers);
  if (read.kind === 'single') {
    const call = callOf(read.messages[0]);
    return namesOf(call, headers, policy.metricsOf(call));
  }
  return { method: 'batch', note: read.messages.map((m) => m.method ?? 'response').join(' '), headers };
}

/** The names of a request by its verb and path. */
export function bareNames(request: ClientRequest): Names {
  return { method: request.verb, uri: request.target, headers: headersForRecord(request.headers) };
}

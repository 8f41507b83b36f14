// decode → decide → mask → record for what a client sends. Does no IO: it returns what to record and what to do then.
import { newId } from '../base/ids.ts';
import type { EntryDraft, Names } from '../evidence/entry.ts';
import { headersForRecord, type RawHeaders } from '../protocol/headers.ts';
import { type BodyFault, type ClientMessage, type ClientMessages, readClientBody } from '../protocol/message.ts';
import type { LocalAnswer } from '../protocol/refusal.ts';
import { callOf, namesOf } from './call.ts';
import { draftEntry, type WireFacts } from './drafts.ts';
import { refusalOf, refuseFault, refuseMessages } from './refuse.ts';
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
}

/** What is to be done once `entries` are recorded. */
export type RequestStep =
  | {
      readonly kind: 'forward';
      readonly entries: readonly EntryDraft[];
      readonly open: OpenExchange;
      /** The JSON-RPC messages in the body; none for anything but a POST of MCP. */
      readonly messages: readonly ClientMessage[];
      readonly form: ClientMessages['kind'];
    }
  | { readonly kind: 'answer'; readonly entries: readonly EntryDraft[]; readonly answer: LocalAnswer };

/** A POST of MCP's Streamable HTTP. */
export function takeMcpPost(rules: PathRules, request: ClientRequest): RequestStep {
  const read = readMessages(request);
  if (read.kind === 'fault') return refuseFault(rules, request, read);
  const { messages } = read;
  for (const message of messages) {
    const decision = rules.policy.decide(callOf(message));
    if (decision.effect !== 'allow') return refuseMessages(rules, request, read, { message, refusal: refusalOf(rules, decision) });
  }
  const entry = draftEntry(
    rules,
    request.facts,
    {
      kind: 'message',
      direction: 'up',
      message: read.kind === 'batch' ? 'batch' : messages[0].kind,
      decision: { effect: 'allow', id: newId('dec', rules.ids) },
    },
    { text: read.text, form: 'json' },
    namesOfMessages(read, request),
  );
  const requests: OpenRequest[] = messages.flatMap((m) =>
    m.kind === 'request' && m.idLexeme !== undefined ? [{ idLexeme: m.idLexeme, method: m.method ?? '' }] : [],
  );
  return { kind: 'forward', entries: [entry], open: { exchange: request.facts.exchange, requests }, messages, form: read.kind };
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
  return { kind: 'forward', entries: [entry], open: { exchange: request.facts.exchange, requests: [] }, messages: [], form: 'single' };
}

/** Reads the body of a POST as messages, or says why it cannot be. */
export function readMessages(request: ClientRequest): ClientMessages | BodyFault {
  if (request.body !== undefined) return readClientBody(request.body, request.headers);
  const { status, reason } = request.bodyFault ?? { status: 400, reason: 'the body cannot be read' };
  return { kind: 'fault', code: -32700, status, reason, idLexeme: undefined };
}

/** The names of what the messages ask for, unmasked still. */
export function namesOfMessages(read: ClientMessages, request: ClientRequest): Names {
  const headers = headersForRecord(request.headers);
  if (read.kind === 'single') return namesOf(callOf(read.messages[0]), headers);
  return { method: 'batch', note: read.messages.map((m) => m.method ?? 'response').join(' '), headers };
}

/** The names of a request by its verb and path. */
export function bareNames(request: ClientRequest): Names {
  return { method: request.verb, uri: request.target, headers: headersForRecord(request.headers) };
}

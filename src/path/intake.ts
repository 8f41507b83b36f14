// decode → decide → mask → record for a call of Datadog's intake: what names it carries is read from the body, the bytes stay.
import { newId } from '../base/ids.ts';
import type { Names } from '../evidence/entry.ts';
import type { Call } from '../policy/call.ts';
import { headerValue } from '../protocol/headers.ts';
import { type IntakeBody, type IntakeFault, intakeEndpoint, readIntake } from '../protocol/intake.ts';
import { decodeUtf8 } from '../protocol/message.ts';
import { answerIntakeError, answerIntakeRefusal } from '../protocol/refusal.ts';
import { draftEntry } from './drafts.ts';
import { draftDenial, refusalOf } from './refuse.ts';
import { bareNames, type ClientRequest, type RequestStep } from './request.ts';
import type { PathRules } from './rules.ts';

/** One call of the intake. Nothing but the listed endpoints passes (RULES R1). */
export function takeIntakeCall(rules: PathRules, request: ClientRequest): RequestStep {
  const path = pathOf(request.target);
  const read = readCall(request, path);
  if (read.kind === 'fault') return refuse(rules, request, read);
  const { text, body } = read;
  const call: Call = { method: `${request.verb} ${path}`, oneWay: false, ...namesForPolicy(body) };
  const decision = rules.policy.decide(call);
  const names: Names = { ...bareNames(request), ...namesForRecord(body) };
  const content = body.form === 'none' ? undefined : { text, form: body.form };
  if (decision.effect === 'deny') {
    const refusal = refusalOf(rules, decision);
    return { kind: 'answer', entries: [draftDenial(rules, request, refusal, content, names)], answer: answerIntakeRefusal(refusal) };
  }
  const entry = draftEntry(
    rules,
    request.facts,
    { kind: 'message', direction: 'up', message: 'http', decision: { effect: 'allow', id: newId('dec', rules.ids) } },
    content,
    names,
  );
  return { kind: 'forward', entries: [entry], open: { exchange: request.facts.exchange, requests: [] }, messages: [], form: 'single' };
}

function readCall(request: ClientRequest, path: string): { kind: 'read'; text: string; body: IntakeBody } | { kind: 'fault'; status: number; reason: string } {
  const endpoint = intakeEndpoint(request.verb, path);
  if ('kind' in endpoint) return endpoint;
  if (request.body === undefined) return { kind: 'fault', ...(request.bodyFault ?? { status: 400, reason: 'the body cannot be read' }) };
  const contentType = headerValue(request.headers, 'content-type');
  if (/protobuf/i.test(contentType ?? '')) return { kind: 'fault', status: 415, reason: 'protobuf is not read here; send JSON' };
  const text = decodeUtf8(request.body);
  if (text === undefined) return { kind: 'fault', status: 400, reason: 'the body is not UTF-8' };
  const body: IntakeBody | IntakeFault = readIntake(endpoint, text, contentType);
  return body.kind === 'fault' ? body : { kind: 'read', text, body };
}

function refuse(rules: PathRules, request: ClientRequest, fault: { readonly status: number; readonly reason: string }): RequestStep {
  const refusal = { rule: 'protocol', decisionId: newId('dec', rules.ids) };
  const names: Names = { ...bareNames(request), note: `refused: ${fault.reason}` };
  return {
    kind: 'answer',
    entries: [draftDenial(rules, request, refusal, undefined, names, fault.status)],
    answer: answerIntakeError(fault.status, fault.reason),
  };
}

function namesForPolicy(body: IntakeBody): Pick<Call, 'metrics' | 'checks' | 'events'> {
  return {
    ...(body.metrics !== undefined && { metrics: [...body.metrics.keys()] }),
    ...(body.checks !== undefined && { checks: [...body.checks.keys()] }),
    ...(body.events !== undefined && { events: [...body.events.keys()] }),
  };
}

function namesForRecord(body: IntakeBody): Pick<Names, 'metrics' | 'checks' | 'events'> {
  return {
    ...(body.metrics !== undefined && { metrics: Object.fromEntries(body.metrics) }),
    ...(body.checks !== undefined && { checks: Object.fromEntries(body.checks) }),
    ...(body.events !== undefined && { events: Object.fromEntries(body.events) }),
  };
}

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

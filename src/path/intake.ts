// decode for calls of Datadog's intake: what names a body carries is read for policy and record, its bytes stay as they are.
import type { Names } from '../evidence/entry.ts';
import type { Call } from '../policy/call.ts';
import { headerValues } from '../protocol/headers.ts';
import { type IntakeBody, intakeEndpoint, readIntake } from '../protocol/intake.ts';
import { decodeUtf8 } from '../protocol/message.ts';
import { decideHttpCall, type HttpFault, pathOf, refuseHttpFault, unreadable } from './http.ts';
import { bareNames, type ClientRequest, type RequestStep } from './request.ts';
import type { PathRules } from './rules.ts';

/** One call of the intake. Nothing but the listed endpoints passes (RULES R1). */
export function takeIntakeCall(rules: PathRules, request: ClientRequest): RequestStep {
  const path = pathOf(request.target);
  const read = readCall(request, path);
  if (read.kind === 'fault') return refuseHttpFault(rules, request, read);
  const { text, body } = read;
  return decideHttpCall(rules, request, {
    call: { method: `${request.verb} ${path}`, oneWay: false, ...namesForPolicy(body) },
    names: { ...bareNames(request), ...namesForRecord(body) },
    content: body.form === 'none' ? undefined : { text, form: body.form },
  });
}

type Read = { readonly kind: 'read'; readonly text: string; readonly body: IntakeBody } | ({ readonly kind: 'fault' } & HttpFault);

function readCall(request: ClientRequest, path: string): Read {
  const endpoint = intakeEndpoint(request.verb, path);
  if ('kind' in endpoint) return endpoint;
  if (request.body === undefined) return { kind: 'fault', ...unreadable(request) };
  const [contentType, ...others] = headerValues(request.headers, 'content-type');
  // Which of two the upstream reads, nobody here can know.
  if (others.some((other) => other !== contentType)) return { kind: 'fault', status: 415, reason: 'there are several content types' };
  if (/protobuf/i.test(contentType ?? '')) return { kind: 'fault', status: 415, reason: 'protobuf is not read here; send JSON' };
  const text = decodeUtf8(request.body);
  if (text === undefined) return { kind: 'fault', status: 400, reason: 'the body is not UTF-8' };
  const body = readIntake(endpoint, text, contentType);
  return body.kind === 'fault' ? body : { kind: 'read', text, body };
}

function namesForPolicy(body: IntakeBody): Pick<Call, 'metrics' | 'checks' | 'events' | 'tagSets'> {
  return {
    ...(body.tagSets !== undefined && { tagSets: body.tagSets }),
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

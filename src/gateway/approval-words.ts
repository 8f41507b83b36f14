// What a request for an approval says: to approvers, in the record, and to webhooks. Everything that a caller wrote is masked here.
import { limits } from '../base/limits.ts';
import type { Masked } from '../base/masked.ts';
import type { Masker } from '../mask/masker.ts';
import { maskValue, statementText } from '../mask/value.ts';
import type { Content } from '../path/drafts.ts';
import type { HeldCall } from '../path/hold.ts';
import { type ApprovalSummary, type Shown, type ShownText, shownSchema } from '../protocol/approvals.ts';
import type { Approval, Requester } from '../store/approval.ts';

/** What is known beside a held call. */
export interface Known {
  /** The reason that was given for the session, masked. */
  readonly why?: string | undefined;
  /** Of a tool that was changed, masked. */
  readonly definition?: ShownText | undefined;
}

/** What approvers are shown of a call, as JSON, and how many values that the caller wrote are masked. */
export function showCall(masker: Masker, held: HeldCall, { why, definition }: Known): { readonly shown: Masked<string>; readonly masked: number } {
  const { call, hold } = held;
  const args = held.shown && showText(masker, held.shown);
  const answers = held.answers && showText(masker, held.answers);
  const names = maskValue(masker, {
    ...(call.tool !== undefined && { tool: call.tool }),
    ...(call.uri !== undefined && { uri: call.uri }),
    ...(call.prompt !== undefined && { prompt: call.prompt }),
  });
  const stated: Shown = {
    reason: hold.reason,
    method: call.method,
    ...names.value,
    // It was masked when the session was opened.
    ...(why !== undefined && { why }),
    ...(args && { arguments: args }),
    ...(answers && { answers }),
    ...(definition && { definition }),
  };
  return { shown: statementText(masker, stated, {}), masked: names.count + (args?.masked ?? 0) + (answers?.masked ?? 0) };
}

/** What approvers are shown of a grant; `wish` was masked before. */
export function showGrant(masker: Masker, wish: Omit<Shown, 'reason'>, reason: string): Masked<string> {
  return statementText(masker, { reason, ...wish }, {});
}

/** A text as people are shown it, masked; the beginning of it where it is long. */
export function showText(masker: Masker, { text, form }: Content): ShownText {
  const { text: masked, masks, count } = masker.mask(text, { form, scope: 'free', target: 'record' });
  const max = limits.printedCharactersMax;
  return {
    text: masked.slice(0, max),
    masks: masks.map(({ kind, replaced }) => ({ kind, length: replaced })),
    masked: count,
    cut: masked.length > max,
  };
}

/** An approval as the control API shows it. */
export function summaryOf(approval: Approval, { link, may }: Pick<ApprovalSummary, 'link' | 'may'>): ApprovalSummary {
  return {
    approvalId: approval.approvalId,
    kind: approval.kind,
    state: approval.state,
    connection: approval.connection,
    requester: approval.requester,
    rule: approval.rule,
    approvers: [...approval.approvers],
    min: approval.min,
    votes: [...approval.votes],
    requestedAtMs: approval.requestedMs,
    expiresAtMs: approval.expiresMs,
    shown: shownSchema.parse(JSON.parse(approval.shown)),
    link,
    may,
    ...(approval.sessionId !== undefined && { sessionId: approval.sessionId }),
    ...(approval.endedMs !== undefined && { endedAtMs: approval.endedMs }),
    ...(approval.endedBy !== undefined && { endedBy: approval.endedBy }),
    ...(approval.reason !== undefined && { refusal: approval.reason }),
  };
}

/** A person, as one calls them. */
export function nameOf({ email, subject }: Requester): string {
  return email ?? subject;
}

/** `ada@…`, `ada@… and ben@…`. */
export function namesOf(people: readonly Requester[]): string {
  return people.map(nameOf).join(' and ');
}

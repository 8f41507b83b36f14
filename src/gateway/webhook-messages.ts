// What webhooks are told: who asks for what, and where to look at it. Never the arguments of a call: they stay at the gateway.
import { isoTime } from '../base/clock.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import type { WebhookEvent } from '../policy/words.ts';
import { shownSchema } from '../protocol/approvals.ts';
import type { Approval } from '../store/approval.ts';
import { nameOf, namesOf } from './approval-words.ts';

export interface HookMessage {
  readonly event: WebhookEvent;
  /** RFC 3339. */
  readonly at: string;
  readonly approval: Approval;
  readonly link: string;
}

/** The body in the form of Standard Webhooks: `type`, `timestamp`, `data`. */
export function standardMessage({ event, at, approval, link }: HookMessage): Readonly<Record<string, unknown>> {
  const { tool, method, uri, prompt, why, reason } = shownSchema.parse(JSON.parse(approval.shown));
  return {
    type: event,
    timestamp: at,
    data: {
      approvalId: approval.approvalId,
      kind: approval.kind,
      state: approval.state,
      connection: approval.connection,
      requester: approval.requester,
      rule: approval.rule,
      reason,
      approvers: approval.approvers,
      min: approval.min,
      approvedBy: approval.votes,
      expiresAt: isoTime(approval.expiresMs),
      link,
      ...(approval.sessionId !== undefined && { sessionId: approval.sessionId }),
      ...(why !== undefined && { why }),
      ...(method !== undefined && { method }),
      ...(tool !== undefined && { tool }),
      ...(uri !== undefined && { uri }),
      ...(prompt !== undefined && { prompt }),
      ...(approval.endedBy && { endedBy: approval.endedBy }),
    },
  };
}

const headlines = {
  'approval.requested': 'asks for an approval',
  'approval.approved': 'has an approval',
  'approval.refused': 'was refused',
  'approval.ended': 'asked for an approval, which is over',
} as const satisfies Record<WebhookEvent, string>;

/** The body that Slack's incoming webhooks take. */
export function slackMessage({ event, approval, link }: HookMessage): Readonly<Record<string, unknown>> {
  const { tool, method, uri, prompt, why, reason } = shownSchema.parse(JSON.parse(approval.shown));
  const what = approval.kind === 'grant' ? `a grant of ${approval.connection}` : `${tool ?? prompt ?? uri ?? method ?? 'a call'} on ${approval.connection}`;
  const headline = `${nameOf(approval.requester)} ${headlines[event]}: ${what}`;
  const facts = [
    `*Rule* ${mrkdwn(approval.rule)}: ${mrkdwn(reason)}`,
    ...(why === undefined ? [] : [`*Why* ${mrkdwn(why)}`]),
    ...(approval.votes.length === 0 ? [] : [`*Approved by* ${mrkdwn(namesOf(approval.votes))} (${approval.votes.length} of ${approval.min})`]),
    ...(event === 'approval.requested'
      ? [`*Approvers* ${mrkdwn(approval.approvers.join(', '))}, until ${isoTime(approval.expiresMs)}`, `mcprec approvals show ${approval.approvalId}`]
      : []),
  ];
  return {
    text: mrkdwn(headline),
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: `*${mrkdwn(headline)}*\n${facts.join('\n')}` } },
      ...(event === 'approval.requested'
        ? [{ type: 'actions', elements: [{ type: 'button', text: { type: 'plain_text', text: 'How to decide' }, url: link }] }]
        : []),
    ],
  };
}

// Slack reads &, < and > as markup; and * _ ~ ` in a name would be read as emphasis.
function mrkdwn(text: string): string {
  return escapeHostileLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[*_~`]/g, (c) => `\u200b${c}`);
}

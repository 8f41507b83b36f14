// The words of the policy language that both its schema and its values use.

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

/** What an MCP server may ask of a client. */
export const serverRequestKinds = ['sampling', 'elicitation', 'roots'] as const;
export type ServerRequestKind = (typeof serverRequestKinds)[number];

/** Of what webhooks are told. */
export const webhookEvents = ['approval.requested', 'approval.approved', 'approval.refused', 'approval.ended'] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

// The approvals part of the control API: paths and bodies, one schema each, used by both ends.
import { z } from 'zod';

export const approvalPaths = {
  approvals: '/v1/approvals',
  approval: (id: string) => `/v1/approvals/${id}`,
  approve: (id: string) => `/v1/approvals/${id}/approve`,
  refuse: (id: string) => `/v1/approvals/${id}/refuse`,
  withdraw: (id: string) => `/v1/approvals/${id}/withdraw`,
  /** What an approver's link opens: it says nothing of the approval, only how to look at it. */
  page: (id: string) => `/approvals/${id}`,
} as const;

export const approvalStates = ['pending', 'approved', 'used', 'refused', 'expired', 'unused', 'withdrawn', 'superseded', 'session_ended'] as const;

const personSchema = z.object({ issuer: z.string(), subject: z.string(), email: z.string().optional() });
export type Person = z.infer<typeof personSchema>;

/** A text that approvers are shown, masked, with the kind and length of each mask. */
export const shownTextSchema = z.object({
  text: z.string(),
  masks: z.array(z.object({ kind: z.string(), length: z.number() })),
  /** Masked values in all; those of field rules have no kind. */
  masked: z.number(),
  /** True where only the beginning is shown. */
  cut: z.boolean(),
});
export type ShownText = z.infer<typeof shownTextSchema>;

/** What a request is about; its texts are masked. */
export const shownSchema = z.object({
  /** Why the requester connects, or wants to. */
  why: z.string().optional(),
  /** The rule's message. */
  reason: z.string(),
  /** Of a call: MCP method, or verb and path. */
  method: z.string().optional(),
  tool: z.string().optional(),
  uri: z.string().optional(),
  prompt: z.string().optional(),
  arguments: shownTextSchema.optional(),
  answers: shownTextSchema.optional(),
  /** Of a tool that was changed: what the server says of it now. */
  definition: shownTextSchema.optional(),
  /** Of a grant. */
  ttlMs: z.number().optional(),
  device: z.string().optional(),
});
export type Shown = z.infer<typeof shownSchema>;

/** An item of `GET /v1/approvals?all=1&limit=`: `{approvals: [...]}`, newest first: what the caller may decide or asked for, and all for an administrator. */
export const approvalSummarySchema = z.object({
  approvalId: z.string(),
  kind: z.enum(['call', 'grant']),
  state: z.enum(approvalStates),
  connection: z.string(),
  sessionId: z.string().optional(),
  requester: personSchema,
  rule: z.string(),
  approvers: z.array(z.string()),
  min: z.number(),
  votes: z.array(personSchema.extend({ atMs: z.number() })),
  requestedAtMs: z.number(),
  expiresAtMs: z.number(),
  endedAtMs: z.number().optional(),
  endedBy: personSchema.optional(),
  /** Why it was refused. */
  refusal: z.string().optional(),
  shown: shownSchema,
  link: z.string(),
  /** What the caller may do with it now. */
  may: z.array(z.enum(['approve', 'refuse', 'withdraw'])),
});
export type ApprovalSummary = z.infer<typeof approvalSummarySchema>;

/** What the requester did in the session before: how often what was called, and the last calls. */
export const historySchema = z.object({
  openedAtMs: z.number(),
  calls: z.number(),
  denied: z.number(),
  tools: z.array(z.object({ name: z.string(), calls: z.number(), failed: z.number() })),
  last: z.array(z.object({ atMs: z.number(), name: z.string(), outcome: z.string() })),
});
export type History = z.infer<typeof historySchema>;

/**
 * `GET /v1/approvals/{id}?wait=ms`: waits so long for a change of the state `pending`. `revealed` is there where the rule says
 * `reveal: approvers` and the caller is one, as long as the gateway that held the call runs.
 */
export const approvalDetailSchema = approvalSummarySchema.extend({
  history: historySchema.optional(),
  revealed: z.object({ arguments: z.string().optional(), answers: z.string().optional() }).optional(),
});
export type ApprovalDetail = z.infer<typeof approvalDetailSchema>;

export const approvalsQuerySchema = z.object({ all: z.literal('1').optional(), limit: z.coerce.number().int().positive().optional() });
export const approvalsResponseSchema = z.object({ approvals: z.array(approvalSummarySchema) });
export const approvalWaitSchema = z.object({ wait: z.coerce.number().int().nonnegative().optional() });
/** `POST /v1/approvals/{id}/refuse`; the reason is shown to the requester. */
export const refuseRequestSchema = z.object({ reason: z.string().trim().min(1).max(2000) });

/** 202 of `POST /v1/grants`: an approval is needed. Once it is given, the same request is answered with the grant. */
export const grantPendingSchema = z.object({ approval: approvalSummarySchema });

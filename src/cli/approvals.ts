// `mcprec approvals`: what waits for a human, and deciding about it.
import { exitCodes, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { parseId } from '../base/ids.ts';
import { type GatewayIdentity, openIdentity } from '../identity/gateway-identity.ts';
import { type ApprovalSummary, approvalDetailSchema, approvalPaths, approvalSummarySchema, approvalsResponseSchema } from '../protocol/approvals.ts';
import { printedLines, shortLine, stateWord, whatText } from '../tui/approval-words.ts';
import type { ApprovalSource } from '../tui/approvals-screen.ts';
import { table } from '../tui/columns.ts';
import { countText, identityText, shortIds, timeText } from '../tui/words.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions } from './login.ts';
import { isTerminal } from './sessions.ts';

export interface ApprovalsOptions extends SecretFlags {
  readonly gateway?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface ApprovalsListOptions extends ApprovalsOptions {
  /** Those that are over, too. */
  readonly all?: boolean | undefined;
}

/** On a terminal a live screen, until its user leaves it; elsewhere, or with `json`, the list. */
export async function runApprovals(options: ApprovalsListOptions, io: Io): Promise<void> {
  if (options.json || !isTerminal(io)) return runApprovalsList(options, io);
  await using identity = await login(options, io);
  const { watchApprovals } = await import('../tui/watch.ts');
  const { stdin, stdout, stderr, clock, env, signal } = io;
  await watchApprovals({ source: sourceOf(identity), all: options.all === true, stdin, stdout, stderr, clock, env, signal });
}

/** Prints what waits, newest first. */
export async function runApprovalsList(options: ApprovalsListOptions, io: Io): Promise<void> {
  await using identity = await login(options, io);
  const approvals = await sourceOf(identity).list(options.all === true);
  if (options.json) return sayJson(io, { approvals });
  if (approvals.length === 0) return note(io, options.all ? 'nothing was ever asked of you, nor by you' : 'nothing waits; those that are over: --all');
  for (const line of listLines(approvals, io.clock.wallMs())) say(io, line);
}

/** Prints one whole. Resolves to 0 where it is approved or used, `pending` while it waits, `denied` where it came to nothing. */
export async function runApprovalsShow(id: string, options: ApprovalsOptions, io: Io): Promise<number> {
  await using identity = await login(options, io);
  const source = sourceOf(identity);
  const approval = await source.detail(await findId(source, id));
  if (options.json) sayJson(io, approval);
  else for (const line of printedLines(approval, io.clock.wallMs())) say(io, line);
  return exitOf(approval);
}

/** Resolves to 0, or `pending` where more people must approve it. */
export async function runApprovalsApprove(id: string, options: ApprovalsOptions, io: Io): Promise<number> {
  await using identity = await login(options, io);
  const source = sourceOf(identity);
  const approval = await source.approve(await findId(source, id));
  if (options.json) sayJson(io, approval);
  else say(io, escapeHostileLine(approvedText(approval)));
  return exitOf(approval);
}

/** Refuses it; whoever asked is told why. */
export async function runApprovalsDeny(id: string, options: ApprovalsOptions & { readonly reason: string }, io: Io): Promise<void> {
  await using identity = await login(options, io);
  const source = sourceOf(identity);
  const approval = await source.refuse(await findId(source, id), options.reason);
  if (options.json) sayJson(io, approval);
  else say(io, escapeHostileLine(`refused: ${shortLine(approval)}`));
}

/** Takes back what the caller asked for. */
export async function runApprovalsCancel(id: string, options: ApprovalsOptions, io: Io): Promise<void> {
  await using identity = await login(options, io);
  const source = sourceOf(identity);
  const approval = await source.withdraw(await findId(source, id));
  if (options.json) sayJson(io, approval);
  else say(io, escapeHostileLine(`withdrawn: ${shortLine(approval)}`));
}

function sourceOf(identity: GatewayIdentity): ApprovalSource {
  const post = async (path: string, json: unknown = {}) => approvalSummarySchema.parse((await identity.request('POST', path, { json })).json());
  return {
    list: async (all) => approvalsResponseSchema.parse((await identity.request('GET', `${approvalPaths.approvals}${all ? '?all=1' : ''}`)).json()).approvals,
    detail: async (id) => approvalDetailSchema.parse((await identity.request('GET', approvalPaths.approval(id))).json()),
    approve: (id) => post(approvalPaths.approve(id)),
    refuse: (id, reason) => post(approvalPaths.refuse(id), { reason }),
    withdraw: (id) => post(approvalPaths.withdraw(id)),
  };
}

function login(options: ApprovalsOptions, io: Io): Promise<GatewayIdentity> {
  return openIdentity({ ...secretOptions(options, io), gateway: options.gateway, clock: io.clock, random: io.random });
}

/** A whole id as it stands, out of a link too; the start of one is looked for among those that the caller sees. */
async function findId(source: ApprovalSource, text: string): Promise<string> {
  // The whole text: what is mistyped must not come out as the start of another.
  const digits = /^(?:\S*\/)?(?:apr_)?([0-9a-f]+)\/?$/.exec(text)?.[1];
  if (digits === undefined) throw new McprecError('not_found', `${text} is no id of an approval, nor a link to one`);
  const id = `apr_${digits}`;
  if (parseId('apr', id) !== undefined) return id;
  const found = [...new Set((await source.list(true)).map(({ approvalId }) => approvalId).filter((known) => known.startsWith(id)))];
  const [first, ...more] = found;
  if (first === undefined) throw new McprecError('not_found', `there is no approval ${text} that you may see`);
  if (more.length > 0) throw new McprecError('id_ambiguous', `${text} could be ${countText(found.length, 'approval')}: ${shortIds(found).join(', ')}`);
  return first;
}

function listLines(approvals: readonly ApprovalSummary[], nowMs: number): string[] {
  const ids = shortIds(approvals.map(({ approvalId }) => approvalId));
  const rows = approvals.map((approval, i) => [
    ids[i] ?? approval.approvalId,
    timeText(approval.requestedAtMs),
    approval.connection,
    identityText({ subject: approval.requester.subject, ...(approval.requester.email !== undefined && { email: approval.requester.email }) }),
    whatText(approval),
    approval.rule,
    stateWord(approval, nowMs),
  ]);
  return table(['APPROVAL', 'ASKED (UTC)', 'CONNECTION', 'WHO', 'WHAT', 'RULE', 'STATE'], rows, ['left', 'left', 'left', 'left', 'left', 'left', 'left']);
}

function approvedText(approval: ApprovalSummary): string {
  const { votes, min, state } = approval;
  return state === 'pending' ? `${votes.length} of ${min} approved: ${shortLine(approval)}` : `approved: ${shortLine(approval)}`;
}

function exitOf({ state }: ApprovalSummary): number {
  switch (state) {
    case 'pending':
      return exitCodes.pending;
    case 'approved':
    case 'used':
      return 0;
    case 'refused':
    case 'expired':
    case 'unused':
    case 'withdrawn':
    case 'superseded':
    case 'session_ended':
      return exitCodes.denied;
    default:
      return state satisfies never;
  }
}

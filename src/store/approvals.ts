// Requests for approvals in the store. Every change is a guard on what was read, so that of two at once one wins.
import type { Kysely, Selectable } from 'kysely';
import type { ApprovalId, SessionId } from '../base/ids.ts';
import type { Along, Approval, ApprovalState, ApprovalStore, NewApproval, Use, Vote } from './approval.ts';
import { claimStatement } from './claim.ts';
import { deliveryRow } from './deliveries.ts';
import type { GatewayIndex } from './gateway-index.ts';
import type { OwnedLogs } from './logs.ts';
import type { ApprovalTable, Tables } from './schema.ts';
import type { Write, Writer } from './writer.ts';

export interface ApprovalParts {
  readonly db: Kysely<Tables>;
  readonly writer: Writer;
  readonly logs: OwnedLogs;
  readonly index: GatewayIndex;
}

const open: readonly ApprovalState[] = ['pending', 'approved'];

/** The part of a store that keeps approvals: each change with its entries and deliveries in one commit. */
export function approvalQueries(parts: ApprovalParts): ApprovalStore {
  return { ...readingQueries(parts.db), ...changingQueries(parts) };
}

type Reading = Pick<
  ApprovalStore,
  'approval' | 'approvals' | 'openApprovals' | 'countOpenApprovals' | 'approvalOfCall' | 'approvalOfGrant' | 'expiredApprovals'
>;

function readingQueries(db: Kysely<Tables>): Reading {
  const all = () => db.selectFrom('approvals').selectAll();
  const newest = () => all().orderBy('requested_ms', 'desc').orderBy('approval_id', 'desc').limit(1);
  return {
    async approval(approvalId) {
      const row = await all().where('approval_id', '=', approvalId).executeTakeFirst();
      return row && approvalOf(row);
    },
    async approvals({ open: onlyOpen, limit }) {
      const query = all().orderBy('requested_ms', 'desc').orderBy('approval_id', 'desc').limit(limit);
      return (await (onlyOpen ? query.where('state', 'in', open) : query).execute()).map(approvalOf);
    },
    async openApprovals(sessionId) {
      return (await all().where('session_id', '=', sessionId).where('kind', '=', 'call').where('state', 'in', open).execute()).map(approvalOf);
    },
    async countOpenApprovals({ issuer, subject }) {
      const counted = db.selectFrom('approvals').select((of) => of.fn.countAll().as('count'));
      const row = await counted.where('issuer', '=', issuer).where('subject', '=', subject).where('state', 'in', open).executeTakeFirst();
      return Number(row?.count ?? 0);
    },
    async approvalOfCall(sessionId, binding) {
      const row = await newest().where('session_id', '=', sessionId).where('binding', '=', binding).where('kind', '=', 'call').executeTakeFirst();
      return row && approvalOf(row);
    },
    async approvalOfGrant({ issuer, subject }, binding) {
      const row = await newest()
        .where('kind', '=', 'grant')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .where('binding', '=', binding)
        .executeTakeFirst();
      return row && approvalOf(row);
    },
    async expiredApprovals(nowMs) {
      return (await all().where('state', 'in', open).where('expires_ms', '<=', nowMs).execute()).map(approvalOf);
    },
  };
}

function changingQueries({ db, writer, logs, index }: ApprovalParts): Omit<ApprovalStore, keyof Reading> {
  const along = async (sessionId: SessionId | undefined, { entries = [], deliveries = [] }: Along): Promise<Pick<Write, 'append' | 'index' | 'statements'>> => {
    const log = sessionId === undefined || entries.length === 0 ? undefined : await logs.get(sessionId);
    return {
      ...(log && { append: { log, drafts: entries } }),
      ...(sessionId === undefined && entries.length > 0 && { index: { log: await index.log(), drafts: () => entries } }),
      statements: deliveries.map((delivery) => db.insertInto('deliveries').values(deliveryRow(delivery))),
    };
  };
  const update = (approvalId: ApprovalId) => db.updateTable('approvals').where('approval_id', '=', approvalId);
  const claimOf = claimStatement(db);
  const claims = ({ sessionId, claims: exchanges }: Use) => exchanges.map((exchange) => claimOf(sessionId, exchange));
  return {
    async openApproval(approval, what) {
      return writer.commit({
        guards: [
          db
            .insertInto('approvals')
            .values(newRow(approval))
            .onConflict((on) => on.doNothing()),
        ],
        ...(await along(approval.sessionId, what)),
      });
    },
    async vote({ approvalId, sessionId, votes, min }, vote, what) {
      const all: readonly Vote[] = [...votes, vote];
      return writer.commit({
        guards: [
          update(approvalId)
            .set({ votes: JSON.stringify(all), state: all.length >= min ? 'approved' : 'pending' })
            .where('state', '=', 'pending')
            .where('votes', '=', JSON.stringify(votes)),
        ],
        ...(await along(sessionId, what)),
      });
    },
    async note({ sessionId }, entries) {
      await writer.commit(await along(sessionId, { entries }));
    },
    async endApproval({ approvalId, from, to, atMs, by, reason, ...what }) {
      const before = await db.selectFrom('approvals').select('session_id').where('approval_id', '=', approvalId).executeTakeFirst();
      return writer.commit({
        guards: [
          update(approvalId)
            .set({ state: to, ended_ms: atMs, ended_by: by === undefined ? null : JSON.stringify(by), reason: reason ?? null })
            .where('state', '=', from),
        ],
        ...(await along((before?.session_id ?? undefined) as SessionId | undefined, what)),
      });
    },
    async spendApproval(approvalId, use) {
      const used = update(approvalId).set({ state: 'used', ended_ms: use.atMs }).where('state', '=', 'approved').where('expires_ms', '>', use.atMs);
      return writer.commit({ guards: [used, ...claims(use)], ...(await along(use.sessionId, use)) });
    },
    async keepRound(mac, sessionId, expiresMs) {
      await writer.commit({
        statements: [
          db
            .insertInto('rounds')
            .values({ mac, session_id: sessionId, expires_ms: expiresMs })
            .onConflict((on) => on.doNothing()),
        ],
      });
    },
    async spendRound(mac, use) {
      const used = db.deleteFrom('rounds').where('mac', '=', mac).where('session_id', '=', use.sessionId).where('expires_ms', '>', use.atMs);
      return writer.commit({ guards: [used, ...claims(use)], ...(await along(use.sessionId, use)) });
    },
  };
}

/** What ends the open approvals of a session's calls together with the session, and forgets the rounds that it waited for and what it has spent. */
export function endApprovalsOf(db: Kysely<Tables>, sessionId: SessionId, atMs: number) {
  return [
    db
      .updateTable('approvals')
      .set({ state: 'session_ended', ended_ms: atMs })
      .where('session_id', '=', sessionId)
      .where('kind', '=', 'call')
      .where('state', 'in', open),
    db.deleteFrom('rounds').where('session_id', '=', sessionId),
    db.deleteFrom('budgets').where('session_id', '=', sessionId),
    // It was made with the session's key, which is destroyed now; nobody can compare anything with it any more.
    db.updateTable('approvals').set({ binding: new Uint8Array() }).where('session_id', '=', sessionId).where('kind', '=', 'call'),
  ];
}

/** What uses up the approval of a grant in the commit that opens its session. */
export function spendForSession(db: Kysely<Tables>, approvalId: ApprovalId, sessionId: SessionId, atMs: number) {
  return db
    .updateTable('approvals')
    .set({ state: 'used', ended_ms: atMs, session_id: sessionId })
    .where('approval_id', '=', approvalId)
    .where('state', '=', 'approved')
    .where('expires_ms', '>', atMs);
}

function newRow(approval: NewApproval): ApprovalTable {
  const { requester } = approval;
  return {
    approval_id: approval.approvalId,
    kind: approval.kind,
    session_id: approval.sessionId ?? null,
    connection: approval.connection,
    issuer: requester.issuer,
    subject: requester.subject,
    email: requester.email ?? null,
    rule: approval.rule,
    rule_digest: approval.ruleDigest,
    binding: approval.binding,
    approvers: JSON.stringify(approval.approvers),
    min: approval.min,
    shown: approval.shown,
    requested_ms: approval.requestedMs,
    expires_ms: approval.expiresMs,
    state: 'pending',
    votes: '[]',
    ended_ms: null,
    ended_by: null,
    reason: null,
  };
}

function approvalOf(row: Selectable<ApprovalTable>): Approval {
  return {
    approvalId: row.approval_id as ApprovalId,
    kind: row.kind as Approval['kind'],
    connection: row.connection,
    requester: { issuer: row.issuer, subject: row.subject, ...(row.email !== null && { email: row.email }) },
    rule: row.rule,
    ruleDigest: row.rule_digest,
    binding: row.binding,
    approvers: JSON.parse(row.approvers) as string[],
    min: row.min,
    shown: row.shown,
    requestedMs: row.requested_ms,
    expiresMs: row.expires_ms,
    state: row.state as ApprovalState,
    votes: JSON.parse(row.votes) as Vote[],
    ...(row.session_id !== null && { sessionId: row.session_id as SessionId }),
    ...(row.ended_ms !== null && { endedMs: row.ended_ms }),
    ...(row.ended_by !== null && { endedBy: JSON.parse(row.ended_by) as Approval['requester'] }),
    ...(row.reason !== null && { reason: row.reason }),
  };
}

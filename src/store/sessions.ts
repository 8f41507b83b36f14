// Grants, their sessions, tokens and devices in the store.
import type { Kysely, Selectable } from 'kysely';
import { type DeviceId, type GrantId, idBytes, type LogId, type SessionId } from '../base/ids.ts';
import { emptyTail, type LogTail } from '../evidence/tail.ts';
import { endApprovalsOf, spendForSession } from './approvals.ts';
import type { GatewayIndex } from './gateway-index.ts';
import { logOf } from './log-record.ts';
import type { OwnedLogs } from './logs.ts';
import { tailColumns } from './rows.ts';
import type { DeviceTable, SessionTable, Tables } from './schema.ts';
import type {
  Device,
  Session,
  SessionEnding,
  SessionOpening,
  SessionQuery,
  SessionRenewal,
  SessionState,
  SessionStore,
  SessionWithLogs,
  Vantage,
} from './store.ts';
import type { Writer } from './writer.ts';

export interface SessionParts {
  readonly db: Kysely<Tables>;
  readonly writer: Writer;
  readonly logs: OwnedLogs;
  readonly index: GatewayIndex;
}

type SessionBasics = Omit<SessionStore, 'openSession' | 'endSession'>;

/** Everything of the sessions but opening and ending one, which write entries too. */
export function sessionQueries({ db, writer }: Pick<SessionParts, 'db' | 'writer'>): SessionBasics {
  const withLogs = async (rows: readonly Selectable<SessionTable>[]): Promise<SessionWithLogs[]> => {
    if (rows.length === 0) return [];
    const ids = rows.map((row) => row.session_id);
    const logs = await db.selectFrom('logs').selectAll().where('session_id', 'in', ids).execute();
    return rows.map((row) => ({ ...sessionOf(row), logs: logs.filter((log) => log.session_id === row.session_id).map(logOf) }));
  };
  const one = async (column: 'session_id' | 'grant_id', id: string) =>
    (await withLogs(await db.selectFrom('sessions').selectAll().where(column, '=', id).execute()))[0];
  return {
    async findDevice(publicKey) {
      const row = await db.selectFrom('devices').selectAll().where('public_key', '=', publicKey).executeTakeFirst();
      return row && deviceOf(row);
    },
    renewSession: (renewal) => writer.commit(renewalWrite(db, renewal)),
    session: (sessionId) => one('session_id', sessionId),
    sessionOfGrant: (grantId) => one('grant_id', grantId),
    async sessionOfToken(tokenHash, nowMs) {
      const row = await db
        .selectFrom('tokens')
        .select(['session_id', 'expires_ms'])
        .where('token_hash', '=', tokenHash)
        .where('expires_ms', '>', nowMs)
        .executeTakeFirst();
      return row && { sessionId: row.session_id as SessionId, expiresMs: row.expires_ms };
    },
    async sessions(query) {
      return withLogs(await newest(db, query).execute());
    },
    async openSessions() {
      const rows = await db.selectFrom('sessions').select('session_id').where('state', '=', 'open').execute();
      return rows.map((row) => row.session_id as SessionId);
    },
    async expiredSessions(nowMs) {
      const rows = await db.selectFrom('sessions').select('session_id').where('state', '=', 'open').where('expires_ms', '<=', nowMs).execute();
      return rows.map((row) => row.session_id as SessionId);
    },
  };
}

/** Opening and ending: the rows and the entries in one commit. */
export function sessionLifetime({ db, writer, logs, index }: SessionParts): Pick<SessionStore, 'openSession' | 'endSession'> {
  return {
    async openSession(opening) {
      const { session, forwarderLog, approvalId } = opening;
      const listed = await index.log();
      const log = logs.begin(session.sessionId, opening.gatewayLog);
      let opened = false;
      try {
        opened = await writer.commit({
          // First, because its id comes from the client: it must be nobody's yet.
          guards: [
            db
              .insertInto('logs')
              .values(logRow(forwarderLog, session.sessionId, 'forwarder'))
              .onConflict((on) => on.doNothing()),
            ...(approvalId === undefined ? [] : [spendForSession(db, approvalId, session.sessionId, session.openedMs)]),
          ],
          statements: [
            db
              .insertInto('devices')
              .values(deviceRow(opening.device))
              .onConflict((on) => on.column('device_id').doNothing()),
            db.insertInto('sessions').values(sessionRow(session)),
            db.insertInto('tokens').values(tokenRow(session.sessionId, opening.token)),
            db.insertInto('logs').values(logRow(opening.gatewayLog, session.sessionId, 'gateway')),
          ],
          append: { log, drafts: opening.entries },
          index: { log: listed, drafts: () => [forwarderLog, opening.gatewayLog].map((subject) => index.draft({ kind: 'opened', subject })) },
        });
      } finally {
        // One that did not come to be is nobody's to write.
        if (!opened) logs.forget(session.sessionId);
      }
      return opened;
    },
    async endSession(ending: SessionEnding) {
      const [log, listed] = await Promise.all([logs.get(ending.sessionId), index.log()]);
      const ended = await writer.commit({
        guards: [
          db
            .updateTable('sessions')
            .set({ state: ending.state, ended_ms: ending.atMs, end_reason: ending.reason, wrapped_keys: null })
            .where('session_id', '=', ending.sessionId)
            .where('state', '=', 'open'),
        ],
        statements: [
          db.deleteFrom('tokens').where('session_id', '=', ending.sessionId),
          db.deleteFrom('exchanges').where('session_id', '=', ending.sessionId),
          ...endApprovalsOf(db, ending.sessionId, ending.atMs),
        ],
        ...(log && {
          append: { log, drafts: ending.entries },
          index: { log: listed, drafts: (tail) => (tail === undefined ? [] : [index.draft(endedBy(tail))]) },
        }),
      });
      if (ended) logs.forget(ending.sessionId);
      return ended;
    },
  };
}

function endedBy({ logId, frontier }: LogTail) {
  return { kind: 'ended', subject: logId, head: { size: frontier.size, root: frontier.root() } } as const;
}

function renewalWrite(db: Kysely<Tables>, { sessionId, token, expiresMs, groups }: SessionRenewal) {
  return {
    guards: [
      db
        .updateTable('sessions')
        .set({ expires_ms: expiresMs, groups: JSON.stringify(groups) })
        .where('session_id', '=', sessionId)
        .where('state', '=', 'open'),
    ],
    statements: [db.insertInto('tokens').values(tokenRow(sessionId, token))],
  };
}

function newest(db: Kysely<Tables>, { owner, limit, beforeMs }: SessionQuery) {
  let query = db.selectFrom('sessions').selectAll().orderBy('opened_ms', 'desc').orderBy('session_id', 'desc').limit(limit);
  if (owner !== undefined) query = query.where('issuer', '=', owner.issuer).where('subject', '=', owner.subject);
  if (beforeMs !== undefined) query = query.where('opened_ms', '<', beforeMs);
  return query;
}

function logRow(logId: LogId, sessionId: SessionId, vantage: Vantage) {
  return { log: idBytes(logId), session_id: sessionId, vantage, ...tailColumns(emptyTail(logId)) };
}

function tokenRow(sessionId: SessionId, token: SessionOpening['token']) {
  return { token_hash: token.hash, session_id: sessionId, expires_ms: token.expiresMs };
}

function sessionRow(session: SessionOpening['session']) {
  const { identity } = session;
  return {
    session_id: session.sessionId,
    grant_id: session.grantId,
    connection: session.connection,
    issuer: identity.issuer,
    subject: identity.subject,
    email: identity.email ?? null,
    groups: JSON.stringify(identity.groups),
    device_id: session.deviceId,
    reason: session.reason ?? null,
    client: JSON.stringify(session.client),
    opened_ms: session.openedMs,
    expires_ms: session.expiresMs,
    state: 'open',
    wrapped_keys: session.wrappedKeys,
  };
}

function sessionOf(row: Selectable<SessionTable>): Session {
  return {
    sessionId: row.session_id as SessionId,
    grantId: row.grant_id as GrantId,
    connection: row.connection,
    identity: { issuer: row.issuer, subject: row.subject, groups: JSON.parse(row.groups) as string[], ...(row.email !== null && { email: row.email }) },
    deviceId: row.device_id as DeviceId,
    client: JSON.parse(row.client) as Record<string, string | number>,
    openedMs: row.opened_ms,
    expiresMs: row.expires_ms,
    state: row.state as SessionState,
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.ended_ms !== null && { endedMs: row.ended_ms }),
    ...(row.end_reason !== null && { endReason: row.end_reason }),
    ...(row.wrapped_keys !== null && { wrappedKeys: row.wrapped_keys }),
  };
}

function deviceRow(device: Device) {
  return {
    device_id: device.deviceId,
    public_key: device.publicKey,
    issuer: device.issuer,
    subject: device.subject,
    name: device.name,
    proof_thumbprint: device.proofThumbprint,
    enrolled_ms: device.enrolledMs,
  };
}

function deviceOf(row: Selectable<DeviceTable>): Device {
  return {
    deviceId: row.device_id as DeviceId,
    publicKey: row.public_key,
    issuer: row.issuer,
    subject: row.subject,
    name: row.name,
    proofThumbprint: row.proof_thumbprint,
    enrolledMs: row.enrolled_ms,
    ...(row.ended_ms !== null && { endedMs: row.ended_ms }),
  };
}

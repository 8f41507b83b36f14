// Gives, renews and ends grants: who may use which connection, for how long, with which keys (DESIGN §5, RULES R4, R5).
import { createHash } from 'node:crypto';
import { CompactEncrypt, importJWK, type JWK } from 'jose';
import type { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import { type GrantId, newId, parseId, type SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { compileMasker } from '../mask/compile.ts';
import type { Masker } from '../mask/masker.ts';
import { maskValue, statementBytes } from '../mask/value.ts';
import { connectionAccess } from '../policy/access.ts';
import { type Projection, projectPolicy } from '../policy/projection.ts';
import type { grantPendingSchema } from '../protocol/approvals.ts';
import type { GrantRequest, GrantResponse, RenewResponse, SessionEvent } from '../protocol/control.ts';
import type { SessionEnding, SessionToken, SessionWithLogs } from '../store/store.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import { accessOf } from './connection-access.ts';
import { deviceOf } from './devices.ts';
import { endEvent, type SessionEvents } from './events.ts';
import type { GrantApprovals } from './grant-approvals.ts';
import type { SessionKeys } from './keys.ts';
import type { LiveParts, LiveSessions } from './live.ts';
import { ownedBy, refuseEnded, seen } from './ownership.ts';
import type { Caller } from './tokens.ts';

export interface GrantParts extends LiveParts {
  readonly publicUrl: string;
  readonly live: LiveSessions;
  readonly events: SessionEvents;
  readonly desk: ApprovalDesk;
  readonly approvals: GrantApprovals;
}

type Ending = Pick<SessionEnding, 'state' | 'reason'> & { readonly stated?: Readonly<Record<string, unknown>> };

const KEY_BYTES = 32;

export class Grants {
  readonly #parts: GrantParts;
  readonly #masker: Masker;

  constructor(parts: GrantParts) {
    this.#parts = parts;
    this.#masker = compileMasker(parts.config.mask, { pseudonymKey: parts.keys.pseudonymKey });
  }

  /** Opens a session for the caller, or says which approval it waits for. Throws `approval_refused`, `not_found` (naming what the caller may use), `connection_denied`, `device_refused`, `usage`. */
  async create(caller: Caller, request: GrantRequest): Promise<GrantResponse | z.infer<typeof grantPendingSchema>> {
    const { config, keys, ids, store, publicUrl, desk } = this.#parts;
    const { identity } = caller;
    const access = accessOf(config, identity.groups, request.connection, ids.clock.wallMs());
    const ttlMs = Math.min(access.ttlMs, (request.ttlSeconds ?? Number.POSITIVE_INFINITY) * 1000);
    const device = await deviceOf(request.device, { caller, origin: new URL(publicUrl).origin, store, clock: ids.clock });
    const logId = parseId('log', request.logId);
    if (logId === undefined) throw new McprecError('usage', 'the log’s id is malformed');
    const needs = access.approval;
    const verdict = needs && (await this.#parts.approvals.ask({ identity, request, deviceId: device.deviceId, ttlMs, needs }));
    if (verdict?.kind === 'pending') return { approval: verdict.approval };
    const approval = verdict?.approval;
    const openedMs = ids.clock.wallMs();
    const expiresMs = openedMs + ttlMs;
    const sessionId = newId('ses', ids);
    const sessionKeys: SessionKeys = { signing: ids.random(KEY_BYTES), reconcile: ids.random(KEY_BYTES) };
    const sealedKeys = await encryptKeys(sessionKeys, request.ephemeralKey);
    const token = newToken(ids.random);
    const session = {
      sessionId,
      grantId: newId('grt', ids),
      connection: request.connection,
      identity,
      deviceId: device.deviceId,
      openedMs,
      expiresMs,
      wrappedKeys: keys.wrap(sessionId, sessionKeys),
    };
    const projection = projectPolicy(config, identity.groups, request.connection, 'forwarder');
    const { kind, record } = projection.connection;
    const given = { client: request.client, device: request.device.name, ...(request.reason !== undefined && { reason: request.reason }) };
    const masked = maskValue(this.#masker, given).value;
    const stated = { session: sessionId, connection: request.connection, kind, record, identity, device: device.deviceId, forwarderLog: logId, expiresMs };
    const tokenExpiresMs = Math.min(expiresMs, openedMs + limits.grantTokenMsMax);
    const opened = await store.openSession({
      session: { ...session, client: masked.client, ...(masked.reason !== undefined && { reason: masked.reason }) },
      token: { hash: hashOf(token), expiresMs: tokenExpiresMs },
      device: { ...device, name: masked.device },
      forwarderLog: logId,
      gatewayLog: newId('log', ids),
      entries: [
        { ...this.#draft('open', statementBytes(this.#masker, stated, given)), policyHash: Buffer.from(projection.policyHash, 'hex') },
        ...(approval === undefined ? [] : [desk.entry({ ...approval, sessionId }, 'approved-used')]),
      ],
      ...(approval !== undefined && { approvalId: approval.approvalId }),
    });
    // Somebody else was given what this approval was for.
    if (!opened && approval !== undefined && (await store.approval(approval.approvalId))?.state !== 'approved') return this.create(caller, request);
    if (!opened) throw new McprecError('usage', 'the log’s id is in use by another session', { remedy: 'run: mcprec connect' });
    return {
      grantId: session.grantId,
      sessionId,
      token,
      tokenExpiresAtMs: tokenExpiresMs,
      expiresAtMs: expiresMs,
      identity,
      connection: { name: request.connection, kind, record, env: { ...config.connections[request.connection]?.env } },
      keys: sealedKeys,
      ...(await this.#sign(projection)),
      gatewayKey: { ...keys.publicJwk },
    };
  }

  /**
   * A new token and projection. The groups are looked at again: whoever has lost access loses the session. Throws `not_found`,
   * `grant_ended`, `grant_revoked`, `connection_denied`.
   */
  async renew(caller: Caller, grantId: GrantId): Promise<RenewResponse> {
    const { config, ids, store, live, events } = this.#parts;
    const session = ownedBy(caller, await store.sessionOfGrant(grantId), 'grant');
    refuseEnded(session);
    const { groups } = caller.identity;
    try {
      // Hours end calls, not sessions.
      if (connectionAccess(config, groups, session.connection, ids.clock.wallMs()).kind !== 'closed')
        accessOf(config, groups, session.connection, ids.clock.wallMs());
    } catch (error) {
      await this.#end(session, { state: 'revoked', reason: 'access lost' });
      throw error;
    }
    const nowMs = ids.clock.wallMs();
    if (session.expiresMs <= nowMs) throw new McprecError('grant_ended', 'the grant has ended');
    const text = newToken(ids.random);
    const token: SessionToken = { hash: hashOf(text), expiresMs: Math.min(session.expiresMs, nowMs + limits.grantTokenMsMax) };
    const renewed = await store.renewSession({ sessionId: session.sessionId, token, expiresMs: session.expiresMs, groups });
    if (!renewed) throw new McprecError('grant_ended', 'the grant has ended');
    await live.prolong(session.sessionId, token.expiresMs);
    const projection = await this.#sign(projectPolicy(config, groups, session.connection, 'forwarder'));
    if (!sameGroups(session.identity.groups, groups)) {
      await live.regroup(session.sessionId, groups);
      events.publish(session.sessionId, { event: 'policy', ...projection });
    }
    return { token: text, tokenExpiresAtMs: token.expiresMs, expiresAtMs: session.expiresMs, ...projection };
  }

  /** After a change of the policy: it holds at once, followers are told, and whoever has lost the connection loses the session. */
  async repolicy(): Promise<void> {
    const { config, ids, store, live, events } = this.#parts;
    await live.repolicy();
    for (const sessionId of new Set([...live.ids(), ...events.followed()])) {
      const session = await store.session(sessionId);
      if (session?.state !== 'open') continue;
      const { kind } = connectionAccess(config, session.identity.groups, session.connection, ids.clock.wallMs());
      if (kind === 'denied' || kind === 'unknown') await this.#end(session, { state: 'revoked', reason: 'access lost' });
      else events.publish(sessionId, await this.policyOf(session));
    }
  }

  /** The policy that holds for a session now, as an event of it. */
  async policyOf({ identity, connection }: SessionWithLogs): Promise<SessionEvent> {
    return { event: 'policy', ...(await this.#sign(projectPolicy(this.#parts.config, identity.groups, connection, 'forwarder'))) };
  }

  /** Ends a grant and its session at once: the caller's own, or anyone's for an administrator. Throws `not_found`. */
  async revoke(caller: Caller, grantId: GrantId, reason = 'revoked'): Promise<SessionWithLogs> {
    const session = await this.#parts.store.sessionOfGrant(grantId);
    const found = caller.admin ? seen(session, 'grant') : ownedBy(caller, session, 'grant');
    const by = { issuer: caller.identity.issuer, subject: caller.identity.subject };
    return this.#end(found, { state: 'revoked', reason: maskValue(this.#masker, reason).value, stated: { by } });
  }

  /** The laptop says that the session is over and what its log came to. Throws `not_found`. */
  async close(caller: Caller, sessionId: SessionId, laptop: { readonly size: number; readonly root: string }): Promise<SessionWithLogs> {
    const session = ownedBy(caller, await this.#parts.store.session(sessionId), 'session');
    // Both sides see a grant run out, and which of them says so first must not matter.
    const state = session.expiresMs <= this.#parts.ids.clock.wallMs() ? 'expired' : 'closed';
    return this.#end(session, { state, reason: state, stated: { forwarder: laptop } });
  }

  /** Ends the sessions whose grant is over, and cuts off what is in flight without a token. */
  async endExpired(): Promise<void> {
    const { store, ids, live } = this.#parts;
    await live.cutLapsed(ids.clock.wallMs());
    for (const sessionId of await store.expiredSessions(ids.clock.wallMs())) {
      const session = await store.session(sessionId);
      if (session !== undefined) await this.#end(session, { state: 'expired', reason: 'expired' });
    }
  }

  async #end(session: SessionWithLogs, { state, reason, stated }: Ending): Promise<SessionWithLogs> {
    const { store, live, events, ids, desk } = this.#parts;
    const { sessionId } = session;
    const entry = this.#draft('close', statementBytes(this.#masker, { state, ...stated }, { reason }));
    await live.stop(sessionId, state);
    const open = await store.openApprovals(sessionId);
    const entries = [...open.map((approval) => desk.entry(approval, 'session-ended')), entry];
    if (await store.endSession({ sessionId, state, reason, atMs: ids.clock.wallMs(), entries })) {
      desk.sessionEnded(open);
      // Again: a request may have loaded the session between the two.
      await live.stop(sessionId, state);
      live.drop(sessionId);
      events.publish(sessionId, endEvent(state, reason));
    }
    return seen(await store.session(sessionId), 'session');
  }

  #draft(kind: 'open' | 'close', payload: NonNullable<EntryDraft['payload']>): EntryDraft {
    const { clock } = this.#parts.ids;
    return { kind, wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0, payload, maskerVersion: this.#masker.version };
  }

  async #sign(projection: Projection): Promise<{ projection: string; policyHash: string }> {
    return { projection: await this.#parts.keys.sign(projection), policyHash: projection.policyHash };
  }
}

function sameGroups(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && new Set([...a, ...b]).size === a.length;
}

async function encryptKeys({ signing, reconcile }: SessionKeys, ephemeralKey: JWK): Promise<string> {
  const text = JSON.stringify({ signing: Buffer.from(signing).toString('base64url'), reconcile: Buffer.from(reconcile).toString('base64url') });
  try {
    const { kty, crv, x, y } = ephemeralKey;
    const key = await importJWK({ kty, crv, x, y } as JWK, 'ECDH-ES');
    return await new CompactEncrypt(Buffer.from(text)).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' }).encrypt(key);
  } catch (cause) {
    throw new McprecError('usage', 'the ephemeral key is no P-256 public key', { cause });
  }
}

/** The prefix lets scanners of source code and logs find a token that was leaked. */
function newToken(random: RandomBytes): string {
  return `mcprec_${Buffer.from(random(KEY_BYTES)).toString('base64url')}`;
}

function hashOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

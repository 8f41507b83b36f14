// The open sessions as the data path needs them: keys unwrapped, policy and masker compiled. A cache over the store; a restart loses nothing.
import { createSecretKey, type KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { McprecError } from '../base/errors.ts';
import { type IdSource, newId, type SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { mayChange } from '../path/answer.ts';
import { OutputSchemas } from '../path/output-schemas.ts';
import { type PathRules, rulesOf } from '../path/rules.ts';
import type { Policy } from '../policy/call.ts';
import { conditionLanguage } from '../policy/condition.ts';
import type { ConnectionConfig, GatewayConfig } from '../policy/config.ts';
import type { PolicyContext } from '../policy/context.ts';
import { projectPolicy } from '../policy/projection.ts';
import { guardTools } from '../policy/tool-changes.ts';
import type { Identity } from '../protocol/control.ts';
import type { Session, SessionLog, SessionState, Store } from '../store/store.ts';
import { Budgets } from './budgets.ts';
import type { GatewayKeys } from './keys.ts';
import type { ToolForms } from './tool-forms.ts';

export interface LiveSession {
  readonly sessionId: SessionId;
  readonly connection: string;
  readonly config: ConnectionConfig;
  readonly log: SessionLog;
  readonly signingKey: KeyObject;
  readonly reconcileKey: KeyObject;
  readonly expiresMs: number;
  /** As at the last renewal. */
  readonly identity: Identity;
  readonly rules: PathRules;
  /** What conditions of the policy may ask of the session. */
  readonly stated: PolicyContext['session'];
  /** Set once the session has ended, also while exchanges of it are still in flight. */
  readonly ended: Exclude<SessionState, 'open'> | undefined;
  /** Aborted when the session ends, or the last of its tokens, with the word that stands in the last entry of what was in flight. */
  readonly closing: AbortController;
  /** Aborted when streams that belong to no request are to be opened anew. */
  readonly streams: AbortController;
  /** When the newest of the tokens that were seen ends: what is in flight lives no longer without a renewal. */
  readonly tokenEndsMs: number;
  readonly inFlight: Set<Promise<void>>;
}

export interface LiveParts {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly keys: GatewayKeys;
  readonly ids: IdSource;
  readonly tools: ToolForms;
}

type RulesOwner = Pick<LiveSession, 'sessionId' | 'connection' | 'identity' | 'reconcileKey' | 'stated'>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class LiveSessions {
  readonly #parts: LiveParts;
  readonly #budgets: Budgets;
  /** By connection. */
  readonly #outputs = new Map<string, OutputSchemas>();
  readonly #sessions = new Map<SessionId, Promise<Mutable<LiveSession> | undefined>>();

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#budgets = new Budgets(parts.ids.clock, parts.store);
  }

  /** The open session that a token of it opens; undefined where there is none. Throws what the store throws, and `secret_unresolved`. */
  async get(sessionId: SessionId, tokenEndsMs: number): Promise<LiveSession | undefined> {
    const loading = this.#sessions.get(sessionId) ?? this.#load(sessionId);
    this.#sessions.set(sessionId, loading);
    try {
      const session = await loading;
      // Only open sessions are kept: the rest could be asked for without end.
      if (session === undefined) this.#forget(sessionId, loading);
      else session.tokenEndsMs = Math.max(session.tokenEndsMs, tokenEndsMs);
      return session;
    } catch (error) {
      this.#forget(sessionId, loading);
      throw error;
    }
  }

  /** After a renewal: what is in flight may go on as long as the new token. */
  async prolong(sessionId: SessionId, tokenEndsMs: number): Promise<void> {
    const session = await this.#sessions.get(sessionId);
    if (session !== undefined) session.tokenEndsMs = Math.max(session.tokenEndsMs, tokenEndsMs);
  }

  /**
   * Cuts off what is in flight where every token has ended: whoever does not renew, because they may not any more, would keep an open
   * stream otherwise. The session stays open for a renewal.
   */
  async cutLapsed(nowMs: number): Promise<void> {
    for (const loading of [...this.#sessions.values()]) {
      const session = await loading.catch(() => undefined);
      if (session === undefined || session.tokenEndsMs > nowMs || session.inFlight.size === 0) continue;
      session.closing.abort('token_ended');
      session.closing = new AbortController();
    }
  }

  /** Puts a heartbeat into the log of each open session that is recorded, in use or not. */
  async beat(): Promise<void> {
    const { store, ids } = this.#parts;
    const { clock } = ids;
    for (const sessionId of await store.openSessions()) {
      const session = await this.get(sessionId, 0);
      if (session === undefined || session.ended !== undefined || session.rules.record === 'off') continue;
      await session.log.append([{ kind: 'heartbeat', wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0 }]);
    }
  }

  /** After a renewal with other groups, which are another policy. */
  async regroup(sessionId: SessionId, groups: readonly string[]): Promise<void> {
    const session = await this.#sessions.get(sessionId);
    if (session === undefined) return;
    session.identity = { ...session.identity, groups: [...groups] };
    session.rules = this.#rules(session);
  }

  /** After a change of the policy: it holds from the next decision on. A stream that would now have to be read is cut; its client comes back. */
  async repolicy(): Promise<void> {
    for (const loading of [...this.#sessions.values()]) {
      const session = await loading.catch(() => undefined);
      const connection = session && connectionOf(this.#parts.config, session.connection);
      if (session === undefined || connection === undefined) continue;
      const before = session.rules;
      session.config = connection;
      session.rules = this.#rules(session);
      if (!readsStreams(before) && readsStreams(session.rules)) {
        session.streams.abort('policy_changed');
        session.streams = new AbortController();
      }
    }
  }

  /** Those that are kept. */
  ids(): readonly SessionId[] {
    return [...this.#sessions.keys()];
  }

  /**
   * Before the session ends in the store: lets nothing in any more and cuts off what is in flight, so that its last entries
   * come before that of the session. What takes longer than `limits.cutOffMsMax` is left behind.
   */
  async stop(sessionId: SessionId, state: Exclude<SessionState, 'open'>): Promise<void> {
    const session = await this.#sessions.get(sessionId)?.catch(() => undefined);
    if (session === undefined) return;
    session.ended = state;
    session.closing.abort(`grant_${state}`);
    const late = new AbortController();
    await Promise.race([Promise.all(session.inFlight), sleep(limits.cutOffMsMax, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
  }

  /** After the session has ended in the store. */
  drop(sessionId: SessionId): void {
    this.#budgets.forget(sessionId);
    this.#sessions.delete(sessionId);
  }

  #rules({ sessionId, connection, identity, reconcileKey, stated }: RulesOwner): PathRules {
    const { config, keys, ids, tools } = this.#parts;
    const caller = { identity, session: stated };
    const setting = connectionOf(config, connection)?.toolChanges ?? { effect: 'allow' };
    const guard = (policy: Policy) => guardTools(policy, setting, (tool) => tools.changed(connection, tool));
    const ledger = this.#budgets.ledgerOf({ ...identity, connection, sessionId });
    const outputs = this.#outputs.get(connection) ?? new OutputSchemas();
    this.#outputs.set(connection, outputs);
    const projection = projectPolicy(config, identity.groups, connection, 'gateway');
    return rulesOf(projection, {
      reconcileKey,
      ids,
      caller,
      conditions: conditionLanguage,
      ledger,
      guard,
      outputs,
      pseudonymKey: keys.pseudonymKey,
      masksForClient: true,
    });
  }

  #forget(sessionId: SessionId, loading: Promise<unknown>): void {
    if (this.#sessions.get(sessionId) === loading) this.#sessions.delete(sessionId);
  }

  async #load(sessionId: SessionId): Promise<Mutable<LiveSession> | undefined> {
    const { store, ids } = this.#parts;
    const [stored, log] = await Promise.all([store.session(sessionId), store.openLog(sessionId)]);
    if (stored?.state !== 'open' || stored.expiresMs <= ids.clock.wallMs()) return undefined;
    await this.#budgets.recall(sessionId);
    if (log === undefined || stored.wrappedKeys === undefined) throw new McprecError('journal_corrupt', `${sessionId} is open and has no log or no keys`);
    return this.#open(stored, stored.wrappedKeys, log);
  }

  #open(stored: Session, wrapped: Uint8Array, log: SessionLog): Mutable<LiveSession> | undefined {
    const { config, keys } = this.#parts;
    // It may have been taken out of the configuration since.
    const connection = connectionOf(config, stored.connection);
    if (connection === undefined) return undefined;
    const { signing, reconcile } = keys.unwrap(stored.sessionId, wrapped);
    const reconcileKey = createSecretKey(reconcile);
    const stated = { id: stored.sessionId, reason: stored.reason, device: stored.deviceId, openedMs: stored.openedMs };
    return {
      sessionId: stored.sessionId,
      connection: stored.connection,
      config: connection,
      log,
      signingKey: createSecretKey(signing),
      expiresMs: stored.expiresMs,
      identity: stored.identity,
      rules: this.#rules({ sessionId: stored.sessionId, connection: stored.connection, identity: stored.identity, reconcileKey, stated }),
      reconcileKey,
      stated,
      ended: undefined,
      closing: new AbortController(),
      streams: new AbortController(),
      tokenEndsMs: 0,
      inFlight: new Set(),
    };
  }
}

function connectionOf({ connections }: GatewayConfig, name: string): ConnectionConfig | undefined {
  return Object.hasOwn(connections, name) ? connections[name] : undefined;
}

/** True where messages of a stream that belongs to no request may have to be changed. */
function readsStreams(rules: PathRules): boolean {
  return mayChange(rules, { exchange: newId('exc', rules.ids), masking: rules.maskingOf(undefined), requests: [] });
}

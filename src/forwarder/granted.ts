// A session under a grant: keeps the grant alive, follows what the gateway says of it, and ends the session when the grant ends.
import { asMcprecError } from '../base/errors.ts';
import { type IdSource, newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { Secret } from '../base/secret.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Journal } from '../journal/journal.ts';
import { type PathRules, rulesOf } from '../path/rules.ts';
import type { Projection } from '../policy/projection.ts';
import { controlPaths, type SessionEvent } from '../protocol/control.ts';
import type { AnswerVerdict } from '../transport/hop.ts';
import type { UpstreamPool } from '../transport/upstream.ts';
import { backoffMs, pause } from './backoff.ts';
import { conditionsOf } from './conditions.ts';
import { type Edge, gatewayEdge, sessionRefusal } from './edge.ts';
import { Freshness } from './freshness.ts';
import { type GrantWish, type HeldGrant, readProjection, renewGrant } from './grant.ts';
import type { GrantWaiting } from './grant-wait.ts';
import type { ForwarderSession, SessionEnd } from './session.ts';

export interface GrantedOptions {
  readonly identity: GatewayIdentity;
  readonly wish: Omit<GrantWish, 'logId'>;
  /** Where somebody must approve the grant first. */
  readonly waiting: GrantWaiting;
  readonly journal: Journal;
  readonly upstream: UpstreamPool;
  readonly localToken: Secret;
  /** Witnesses that must have co-signed the gateway's tree. */
  readonly witnesses: readonly NoteVerifier[];
  readonly ids: IdSource;
  readonly changed: () => void;
  /** The session ended by itself: its grant expired or was revoked. */
  readonly ended: (session: GrantedSession) => void;
  /** Something became of an approval that a call of the session needs. */
  readonly approval: (session: GrantedSession, event: Extract<SessionEvent, { event: 'approval' }>) => void;
  /** Something went wrong that does not end the session (yet). */
  readonly trouble: (text: string) => void;
}

/** The rules of a session under that grant; `projection` is the policy in force where it is newer than the grant's. */
export async function rulesFor(grant: HeldGrant, ids: IdSource, projection: Projection = grant.projection): Promise<PathRules> {
  const { identity, sessionId } = grant.response;
  const caller = { identity, session: { id: sessionId, openedMs: ids.clock.wallMs() } };
  const conditions = await conditionsOf(projection);
  return rulesOf(projection, { reconcileKey: grant.reconcileKey, ids, caller, conditions, masksForClient: false });
}

export class GrantedSession {
  readonly session: ForwarderSession;
  readonly #options: GrantedOptions;
  readonly #closing = new AbortController();
  #grant: HeldGrant;
  #renewal: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #renewTries = 0;
  readonly #renewals = new Freshness(() => this.#renew());

  constructor(options: GrantedOptions, grant: HeldGrant, open: (edge: Edge) => ForwarderSession) {
    this.#options = options;
    this.#grant = grant;
    const { clock } = options.ids;
    const edge = gatewayEdge(
      () => this.#access(),
      clock,
      (code) => this.#refused(code),
    );
    this.session = open({ ...edge, refresh: () => this.#refresh() });
    this.#schedule();
    void this.#follow();
  }

  get grant(): HeldGrant['response'] {
    return this.#grant.response;
  }

  /** Closes the session here and at the gateway. What the gateway does not hear it finds out when the grant ends. */
  async close(): Promise<void> {
    this.#stop();
    await this.session.close(this.session.ended ?? 'closed');
  }

  /** Tells the gateway that the session is closed; call it once the log is synced. */
  async tellClosed(): Promise<void> {
    const { log } = this.session;
    try {
      await this.#options.identity.request('POST', controlPaths.closeSession(this.session.sessionId), {
        json: { size: log.size, root: Buffer.from(log.root).toString('hex') },
      });
    } catch (error) {
      const { code, message } = asMcprecError(error);
      if (code !== 'grant_ended' && code !== 'grant_revoked') this.#options.trouble(`the gateway was not told that the session is closed: ${message}`);
    }
  }

  #access() {
    const { response, token, signingKey } = this.#grant;
    return { gateway: this.#options.identity.gateway, connection: response.connection.name, sessionId: response.sessionId, token, signingKey };
  }

  #stop(): void {
    this.#closing.abort();
    clearTimeout(this.#renewal);
    clearTimeout(this.#expiry);
  }

  #endBy(reason: SessionEnd): void {
    if (this.session.ended !== undefined) return;
    this.#stop();
    this.session.end(reason);
    this.#options.ended(this);
  }

  #schedule(): void {
    clearTimeout(this.#renewal);
    clearTimeout(this.#expiry);
    const now = this.#options.ids.clock.wallMs();
    const { tokenExpiresAtMs, expiresAtMs } = this.#grant.response;
    this.#expiry = setTimeout(() => this.#endBy('expired'), Math.max(0, Math.min(expiresAtMs - now, limits.timerMsMax)));
    // The last token lasts as long as the grant: there is nothing to renew then.
    if (tokenExpiresAtMs < expiresAtMs) {
      const life = tokenExpiresAtMs - now;
      this.#renewal = setTimeout(() => void this.#renew(), Math.max(0, life - Math.min(limits.renewAheadMs, life / 2)));
    }
  }

  /** Asks the gateway for the policy of now; true where it is another one. */
  async #refresh(): Promise<boolean> {
    const before = this.session.rules.policy.hash;
    await this.#renewals.once(this.#options.ids.clock.wallMs());
    return Buffer.compare(this.session.rules.policy.hash, before) !== 0;
  }

  async #renew(): Promise<void> {
    try {
      this.#grant = await renewGrant(this.#options.identity, this.#grant);
      this.#renewTries = 0;
      this.session.replaceRules(await rulesFor(this.#grant, this.#options.ids));
      this.#schedule();
    } catch (error) {
      const known = asMcprecError(error);
      if (this.#closing.signal.aborted) return;
      if (known.code === 'grant_revoked' || known.code === 'connection_denied') this.#endBy('revoked');
      else if (known.code === 'grant_ended') this.#endBy('expired');
      else {
        this.#options.trouble(`the grant could not be renewed: ${known.message}; ${known.remedy}`);
        this.#renewTries++;
        this.#renewal = setTimeout(() => void this.#renew(), backoffMs(this.#renewTries, this.#options.ids));
      }
    }
  }

  /** Follows the gateway's events on this session, and comes back after a break. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        for await (const event of this.#options.identity.stream(controlPaths.sessionEvents(this.session.sessionId), signal)) {
          tries = 1;
          await this.#take(event);
        }
      } catch (error) {
        const { code } = asMcprecError(error);
        if (code === 'grant_revoked') this.#endBy('revoked');
        else if (code === 'grant_ended' || code === 'not_found') this.#endBy('expired');
      }
      if (!signal.aborted) await pause(backoffMs(tries, this.#options.ids), signal);
    }
  }

  async #take(event: SessionEvent): Promise<void> {
    switch (event.event) {
      case 'revoked':
        return this.#endBy('revoked');
      case 'expired':
        return this.#endBy('expired');
      case 'closed':
        return this.#endBy('closed');
      case 'approval':
        this.#options.approval(this, event);
        return;
      case 'policy': {
        const projection = await readProjection(event.projection, this.#grant.response.gatewayKey);
        this.session.replaceRules(await rulesFor(this.#grant, this.#options.ids, projection));
        return;
      }
      default:
        event satisfies never;
    }
  }

  /** The gateway did not let a request in. Where that ends the session, the client is told so from now on. */
  #refused(code: string): AnswerVerdict {
    if (code === 'grant_revoked') this.#endBy('revoked');
    else if (code === 'grant_ended') this.#endBy('expired');
    const decisionId = newId('dec', this.#options.ids);
    if (this.session.ended !== undefined) return sessionRefusal(code.replace('_', '-'), 'the grant has ended', 'Run: mcprec connect', decisionId);
    return sessionRefusal(code.replace('_', '-'), `the gateway did not let the request in (${code})`, 'Run: mcprec doctor', decisionId);
  }
}

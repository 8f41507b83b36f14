// Counts calls against the budgets of access entries: by one person on one connection in the last minute, and in one session.
// What a session has spent outlasts a restart; what a person has spent in this minute does not.
import type { Clock } from '../base/clock.ts';
import type { SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { Overspent } from '../policy/call.ts';
import type { Ledger } from '../policy/compile.ts';
import type { Budget } from '../policy/granted.ts';
import type { GuardStore } from '../store/guard-store.ts';

export interface Spender {
  readonly issuer: string;
  readonly subject: string;
  readonly connection: string;
  readonly sessionId: SessionId;
}

const MINUTE_MS = 60_000;

export class Budgets {
  readonly #clock: Clock;
  readonly #store: Pick<GuardStore, 'keepBudget' | 'budgets'>;
  /** Person, connection and budget → when its calls of the last minute were made, the oldest first. */
  readonly #minutes = new Map<string, number[]>();
  /** Session → budget → calls. */
  readonly #sessions = new Map<SessionId, Map<string, number>>();

  constructor(clock: Clock, store: Pick<GuardStore, 'keepBudget' | 'budgets'>) {
    this.#clock = clock;
    this.#store = store;
  }

  /** Before the first call of a session that was open when the gateway started: what it had spent then. */
  async recall(sessionId: SessionId): Promise<void> {
    const spent = await this.#store.budgets(sessionId);
    if (spent.size > 0 && !this.#sessions.has(sessionId)) this.#sessions.set(sessionId, new Map(spent));
  }

  /** What counts the calls of one session. */
  ledgerOf({ issuer, subject, connection, sessionId }: Spender): Ledger {
    const who = JSON.stringify([issuer, subject, connection]);
    return { spend: (budgets) => this.#spend(budgets, who, sessionId) };
  }

  /** The session is over. */
  forget(sessionId: SessionId): void {
    this.#sessions.delete(sessionId);
  }

  #spend(budgets: readonly Budget[], who: string, sessionId: SessionId): Overspent | undefined {
    const nowMs = this.#clock.wallMs();
    const over: Overspent[] = [];
    for (const budget of budgets) {
      const taken = this.#take(budget, `${who} ${budget.key}`, { sessionId, nowMs });
      if (taken === undefined) return undefined;
      over.push(taken);
    }
    // Of several, the one that is free again first.
    return over.toSorted((a, b) => (a.retryAfterMs ?? Number.POSITIVE_INFINITY) - (b.retryAfterMs ?? Number.POSITIVE_INFINITY))[0];
  }

  #take({ key, perMinute, perSession }: Budget, minuteKey: string, { sessionId, nowMs }: { sessionId: SessionId; nowMs: number }): Overspent | undefined {
    const session = this.#sessions.get(sessionId) ?? new Map<string, number>();
    const inSession = session.get(key) ?? 0;
    if (perSession !== undefined && inSession >= perSession) {
      return { reason: `the ${perSession} calls of this session are spent`, retryAfterMs: undefined };
    }
    if (perMinute !== undefined) {
      const recent = this.#recent(minuteKey, nowMs);
      const [oldest] = recent;
      if (recent.length >= perMinute && oldest !== undefined) {
        return { reason: `the ${perMinute} calls of this minute are spent`, retryAfterMs: oldest + MINUTE_MS - nowMs };
      }
      recent.push(nowMs);
    }
    session.set(key, inSession + 1);
    this.#sessions.set(sessionId, session);
    // Asked for before the call's own entry, and so durable before it goes on; where the one cannot be written the other cannot either.
    if (perSession !== undefined) this.#store.keepBudget(sessionId, key, inSession + 1).catch(() => undefined);
    return undefined;
  }

  /** Behind the rest, so that those first in the map are the ones that were idle longest. */
  #recent(key: string, nowMs: number): number[] {
    const recent = (this.#minutes.get(key) ?? []).filter((madeMs) => madeMs > nowMs - MINUTE_MS && madeMs <= nowMs);
    this.#minutes.delete(key);
    this.#minutes.set(key, recent);
    const [idle] = this.#minutes.keys();
    if (this.#minutes.size > limits.spendersMax && idle !== undefined) this.#minutes.delete(idle);
    return recent;
  }
}

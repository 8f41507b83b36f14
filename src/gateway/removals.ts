// Erasure by authority, and retention: contents leave the store for good, and the gateway's index log says so in signed entries.
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { GatewayConfig } from '../policy/config.ts';
import type { RemovalStore } from '../store/removal-store.ts';
import type { GatewayNotary } from './notary.ts';

interface RemovalsParts {
  readonly store: RemovalStore;
  readonly notary: Pick<GatewayNotary, 'signed'>;
  readonly config: Pick<GatewayConfig, 'retention'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const dayMs = 24 * 60 * 60_000;

export class Removals {
  readonly #parts: RemovalsParts;

  constructor(parts: RemovalsParts) {
    this.#parts = parts;
  }

  /** Erases an ended session: when this resolves, the entry that says so is signed and nothing is left in the files. Throws `usage`, `journal_locked`. */
  async erase(sessionId: SessionId, { reason, by }: { readonly reason: string; readonly by: string }): Promise<void> {
    const { store, notary } = this.#parts;
    await store.removeContents(sessionId, { kind: 'erasure', reason, by });
    await store.rewrite();
    await notary.signed();
  }

  /** Prunes what `retention` names now, and then every day; returns what stops it. */
  start(): () => Promise<void> {
    const stopping = new AbortController();
    let running = Promise.resolve();
    const run = () => {
      running = running.then(() => this.#prune(stopping.signal)).catch((err: unknown) => this.#parts.logger.error({ err }, 'retention could not be done'));
    };
    run();
    const timer = setInterval(run, limits.retentionEveryMs);
    timer.unref();
    return async () => {
      clearInterval(timer);
      stopping.abort();
      await running;
    };
  }

  async #prune(signal: AbortSignal): Promise<void> {
    const { store, notary, logger } = this.#parts;
    let pruned = 0;
    for (let more = true; more; ) {
      const found = await this.#pruneSome(signal);
      pruned += found;
      more = found === limits.retentionSessionsMax;
    }
    if (pruned === 0) return;
    logger.info({ sessions: pruned }, 'contents of sessions were pruned');
    await store.rewrite();
    await notary.signed();
  }

  /** Returns how many sessions it has pruned. */
  async #pruneSome(signal: AbortSignal): Promise<number> {
    const { store, config, clock } = this.#parts;
    const { keepMs, bytesMax } = config.retention;
    if (keepMs === undefined && bytesMax === undefined) return 0;
    let pruned = 0;
    for (const { sessionId, endedMs } of await store.prunable(limits.retentionSessionsMax)) {
      const isOld = keepMs !== undefined && endedMs < clock.wallMs() - keepMs;
      const isTooMuch = bytesMax !== undefined && store.usedBytes() > bytesMax;
      if (signal.aborted || !(isOld || isTooMuch)) break;
      const reason = isOld ? `older than ${Math.round(keepMs / dayMs)} days` : `the store is larger than ${bytesMax} bytes`;
      await store.removeContents(sessionId, { kind: 'retention', reason });
      pruned++;
    }
    return pruned;
  }
}

// Keeps a journal synced while a forwarder runs: pushes soon after something was written, backs off where the gateway is away.
import type { Clock } from '../base/clock.ts';
import { asMcprecError, type McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Journal } from '../journal/journal.ts';
import { type PushResult, pushPending } from './pusher.ts';

export interface FollowerOptions {
  readonly journal: Journal;
  readonly identity: GatewayIdentity;
  readonly clock: Clock;
  /** Witnesses that must have co-signed the gateway's tree. */
  readonly required: readonly NoteVerifier[];
  readonly random: RandomBytes;
  /** Called after every try, with the error where it failed. */
  readonly tried: (error: McprecError | undefined) => void;
}

/** Syncs in the background until it is stopped. One process at a time does: the others wait for the lease. */
export class SyncFollower {
  readonly #options: FollowerOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<PushResult | undefined> | undefined;
  #failures = 0;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.nudge();
  }

  /** Something was written: sync soon. */
  nudge(): void {
    if (this.#timer !== undefined || this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#run();
    }, this.#delayMs());
    this.#timer.unref();
  }

  /** Syncs what is there now, at once; undefined where another process holds the lease. Throws as `pushPending`. */
  async flush(signal: AbortSignal): Promise<PushResult | undefined> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running?.catch(() => undefined);
    return this.#push(signal);
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    if (this.#running !== undefined) return this.nudge();
    this.#running = this.#push(this.#stopping.signal);
    try {
      const result = await this.#running;
      this.#failures = 0;
      this.#options.tried(result?.refused[0]?.error);
    } catch (error) {
      this.#failures++;
      this.#options.tried(asMcprecError(error));
    } finally {
      this.#running = undefined;
    }
    if (!this.#stopping.signal.aborted && this.#options.journal.syncLag().entries > 0) this.nudge();
  }

  async #push(signal: AbortSignal): Promise<PushResult | undefined> {
    const { journal, identity, clock, required } = this.#options;
    using lease = journal.takeSyncLease();
    return lease === undefined ? undefined : await pushPending(journal, identity, { signal, clock, required });
  }

  /** Between two tries: short while all is well, growing and jittered while the gateway is away. */
  #delayMs(): number {
    if (this.#failures === 0) return limits.syncEveryMs;
    const ceiling = Math.min(limits.syncBackoffMsMax, limits.syncBackoffMsMin * 2 ** Math.min(this.#failures, 10));
    const [high = 0] = this.#options.random(1);
    return ceiling / 2 + (ceiling / 2) * (high / 256);
  }
}

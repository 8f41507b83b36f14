// Signs the checkpoints of the gateway's own logs into its tree: soon after any entry, and after the heartbeat that each open session gets.
import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { Rounds } from '../base/rounds.ts';
import { logSigner, originOf, parseCheckpoint } from '../evidence/checkpoint.ts';
import { endsLog, type LogTail } from '../evidence/tail.ts';
import type { LiveSessions } from './live.ts';
import type { Sequencer } from './sequencer.ts';

export interface GatewayNotaryParts {
  readonly sequencer: Sequencer;
  readonly signingKey: KeyObject;
  readonly live: Pick<LiveSessions, 'beat'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class GatewayNotary {
  readonly #parts: GatewayNotaryParts;
  /** Logs with entries that no checkpoint covers, and the size that one covered last. */
  readonly #dirty = new Map<LogId, LogTail>();
  readonly #signed = new Map<LogId, number>();
  /** Whose last checkpoint could not be kept; it is tried again. */
  readonly #failed = new Set<LogId>();
  readonly #rounds = new Rounds(() => this.#sign());
  readonly #heads = new Rounds(() => this.#witness());
  #timer: NodeJS.Timeout | undefined;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(parts: GatewayNotaryParts) {
    this.#parts = parts;
    this.#heartbeat = setInterval(
      () => void parts.live.beat().catch((err: unknown) => parts.logger.error({ err }, 'a heartbeat could not be recorded')),
      limits.heartbeatMs,
    );
    this.#heartbeat.unref();
  }

  /** A log of the gateway has grown. Runs on the path of every commit: it only notes it. */
  advanced(tail: LogTail): void {
    this.#dirty.set(tail.logId, tail);
    const waiting = tail.frontier.size - (this.#signed.get(tail.logId) ?? 0);
    const isDue = waiting >= limits.checkpointEntries || (tail.last !== undefined && endsLog(tail.last.kind));
    if (isDue) this.#schedule(0);
    else if (this.#timer === undefined) this.#schedule(limits.checkpointMs);
  }

  /**
   * Resolves when the tree holds all that the log holds now, under a head that every required witness has co-signed.
   * Throws `witness_missing` where that takes longer than `limits.witnessMsMax`, `witness_rollback`.
   */
  async witnessed(logId: LogId): Promise<void> {
    const late = new AbortController();
    const tooLate = sleep(limits.witnessMsMax, undefined, { signal: late.signal }).then(() => {
      throw new McprecError('witness_missing', `no co-signature came within ${limits.witnessMsMax / 1000} s`);
    });
    try {
      await Promise.race([this.#heads.join(), tooLate]);
      if (this.#failed.has(logId)) throw new McprecError('witness_missing', 'the gateway could not sign its own record');
    } finally {
      late.abort();
      tooLate.catch(() => undefined);
    }
  }

  /** Resolves when every log of the gateway is signed into the tree as it is now, but for those that could not be: they are tried again. */
  signed(): Promise<void> {
    return this.#rounds.join();
  }

  /** Signs what waits, and stops. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timer);
    await this.#rounds.join();
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#rounds.join();
    }, ms);
    this.#timer.unref();
  }

  async #witness(): Promise<void> {
    await this.#rounds.join();
    await this.#parts.sequencer.head();
  }

  async #sign(): Promise<void> {
    const { sequencer, signingKey, logger } = this.#parts;
    const signer = logSigner(signingKey);
    const logs = [...this.#dirty.values()];
    this.#dirty.clear();
    const accepted = logs.map(async (tail) => {
      const { logId, frontier, last } = tail;
      const note = signer.sign(originOf(logId), { size: frontier.size, root: frontier.root() });
      try {
        await sequencer.accept(logId, parseCheckpoint(note), note);
      } catch (error) {
        this.#failed.add(logId);
        this.#dirty.set(logId, this.#dirty.get(logId) ?? tail);
        throw error;
      }
      this.#failed.delete(logId);
      if (last !== undefined && endsLog(last.kind)) this.#signed.delete(logId);
      else this.#signed.set(logId, frontier.size);
    });
    for (const result of await Promise.allSettled(accepted)) {
      if (result.status === 'rejected') logger.error({ err: result.reason }, 'a checkpoint of the gateway’s own log could not be kept');
    }
    if (this.#failed.size > 0 && this.#timer === undefined) this.#schedule(limits.checkpointMs);
  }
}

// Signs the checkpoints of the gateway's own logs into its tree: soon after any entry, and after the heartbeat that each open session gets.
import type { KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
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
  #timer: NodeJS.Timeout | undefined;
  readonly #heartbeat: NodeJS.Timeout;
  #running: Promise<void> | undefined;

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

  /** Signs what waits, and stops. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timer);
    await this.#running;
    await this.#sign();
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running ??= this.#sign().finally(() => {
        this.#running = undefined;
        if (this.#dirty.size > 0 && this.#timer === undefined) this.#schedule(limits.checkpointMs);
      });
    }, ms);
    this.#timer.unref();
  }

  async #sign(): Promise<void> {
    const { sequencer, signingKey, logger } = this.#parts;
    const signer = logSigner(signingKey);
    const logs = [...this.#dirty.values()];
    this.#dirty.clear();
    const accepted = logs.map(async ({ logId, frontier, last }) => {
      const note = signer.sign(originOf(logId), { size: frontier.size, root: frontier.root() });
      await sequencer.accept(logId, parseCheckpoint(note), note);
      if (last !== undefined && endsLog(last.kind)) this.#signed.delete(logId);
      else this.#signed.set(logId, frontier.size);
    });
    for (const result of await Promise.allSettled(accepted)) {
      if (result.status === 'rejected') logger.error({ err: result.reason }, 'a checkpoint of the gateway’s own log could not be kept');
    }
  }
}

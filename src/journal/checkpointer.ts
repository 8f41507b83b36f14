// Signs the checkpoints of one open session: after so many entries, soon after any entry, at each heartbeat, and at its end.
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { LogSigner, TreeHead } from '../evidence/checkpoint.ts';
import type { Notary } from './notary.ts';
import type { SessionLog } from './session-log.ts';

export interface CheckpointerOptions {
  readonly log: SessionLog;
  readonly notary: Notary;
  readonly signer: LogSigner;
  readonly clock: Clock;
  /** The newest head of the gateway's tree that was seen, for heartbeats. */
  readonly seen: () => TreeHead | undefined;
  /** A checkpoint or heartbeat could not be written; it is tried again with the next one. */
  readonly trouble: (error: unknown) => void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #heartbeat: NodeJS.Timeout;
  #signedSize = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    options.log.watch(() => this.#committed());
    this.#heartbeat = setInterval(() => void this.#beat(), limits.heartbeatMs);
    this.#heartbeat.unref();
    this.#committed();
  }

  /** Stops, and signs what the log has come to. */
  async close(): Promise<void> {
    this.stop();
    await this.#sign();
  }

  /** Stops without another signature. */
  stop(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timer);
    this.#options.log.watch(undefined);
  }

  // Runs on the path of every commit: it only sets a timer.
  #committed(): void {
    const waiting = this.#options.log.size - this.#signedSize;
    if (waiting >= limits.checkpointEntries) void this.#sign();
    else if (waiting > 0 && this.#timer === undefined) {
      this.#timer = setTimeout(() => void this.#sign(), limits.checkpointMs);
      this.#timer.unref();
    }
  }

  async #beat(): Promise<void> {
    const { log, clock, seen, trouble } = this.#options;
    const head = seen();
    try {
      await log.append([{ kind: 'heartbeat', wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0, ...(head && { seen: head }) }]);
    } catch (error) {
      trouble(error);
    }
    await this.#sign();
  }

  async #sign(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { log, notary, signer, trouble } = this.#options;
    const before = this.#signedSize;
    // At once, so that entries which come meanwhile count for the next one.
    this.#signedSize = log.size;
    try {
      await notary.sign(log.logId, signer);
    } catch (error) {
      this.#signedSize = before;
      trouble(error);
    }
  }
}

// The messages of a server behind a pipe that nobody takes: kept for the next stream of its client, and recorded where none came for them.
import { newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { draftProcessNote } from '../path/process.ts';
import type { PathRules } from '../path/rules.ts';
import { decodeUtf8 } from '../protocol/message.ts';

/** Records a message that was delivered to nobody. */
export type RecordUnheard = (message: Buffer) => Promise<void>;

/** Where the messages of a session's server are recorded. */
export interface RecordHome {
  /** The rules in force now. */
  readonly rules: () => PathRules;
  readonly record: (entries: readonly EntryDraft[]) => Promise<void>;
}

/** Records each message as an exchange of its own; one that is too long, or no UTF-8, by its length and MAC alone. */
export function recordUnheard({ rules, record }: RecordHome): RecordUnheard {
  return async (message) => {
    const { ids } = rules();
    const at = { wallMs: ids.clock.wallMs(), monoUs: ids.clock.monoUs() };
    const text = message.length > limits.answerBytesMax ? undefined : decodeUtf8(message);
    await record([draftProcessNote(rules(), newId('exc', ids), at, { kind: 'unheard', text, bytes: message })]);
  };
}

interface Waiting {
  readonly message: Buffer;
  /** Its line, where it came as one. */
  readonly raw: Buffer | undefined;
}

export class Unclaimed {
  readonly #record: RecordUnheard;
  readonly #changed: () => void;
  #waiting: Waiting[] = [];
  #recording = 0;
  #recorded: Promise<void> = Promise.resolve();

  /** `changed` is called where `isBusy` may have changed. */
  constructor(record: RecordUnheard, changed: () => void) {
    this.#record = record;
    this.#changed = changed;
  }

  /** True while messages are being recorded: a server that floods is to wait for that. */
  get isBusy(): boolean {
    return this.#recording > 0;
  }

  /** Keeps a message for whoever comes; of too many the oldest is recorded and let go. */
  keep(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#waiting.length <= limits.pipeQueueMax) return;
    const oldest = this.#waiting.shift();
    if (oldest !== undefined) this.drop(oldest.message);
  }

  /** Gives away what was kept, in order. */
  claim(): readonly Waiting[] {
    return this.#waiting.splice(0);
  }

  /** Nobody will take it. */
  drop(message: Buffer): void {
    this.#recording++;
    // What cannot be recorded is not delivered either.
    this.#recorded = this.#recorded
      .then(() => this.#record(message))
      .catch(() => undefined)
      .then(() => {
        this.#recording--;
        this.#changed();
      });
    this.#changed();
  }

  /** Nobody comes any more; resolves when all that was kept is recorded. */
  async close(): Promise<void> {
    for (const { message } of this.claim()) this.drop(message);
    await this.#recorded;
  }
}

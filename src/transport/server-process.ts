// Opens pipes to a server that is a command, and has recorded what its processes do: started, said on stderr, ended.
import { StringDecoder } from 'node:string_decoder';
import { type ExchangeId, newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { draftProcessNote, type ProcessNote } from '../path/process.ts';
import { type ChildEnd, type ChildNote, ChildPipe, endText, type ServerCommand } from './child.ts';
import type { OpenPipe } from './pipe.ts';
import type { RecordHome } from './unclaimed.ts';

/** Where a server's processes belong. */
export interface ProcessHome extends RecordHome {
  readonly command: ServerCommand;
  /** Passes on what a process says on stderr, after it was recorded: as it came, and masked as the record has it. */
  readonly said: (bytes: Buffer, masked: string) => void;
}

/** The processes of one session's server. */
export class ServerProcesses {
  readonly #home: ProcessHome;
  readonly #running = new Set<ChildPipe>();
  #lastEnd: ChildEnd | undefined;

  constructor(home: ProcessHome) {
    this.#home = home;
  }

  /** How the last process that ended did; undefined where none did. */
  get lastEnd(): ChildEnd | undefined {
    return this.#lastEnd;
  }

  readonly open: OpenPipe = (_request, events) => {
    const exchange = newId('exc', this.#home.rules().ids);
    const stderr = new StderrText();
    const pipe: ChildPipe = new ChildPipe(this.#home.command, events, async (note) => {
      if (note.kind === 'ended') {
        this.#lastEnd = note.end;
        this.#running.delete(pipe);
      }
      await this.#take(exchange, note, stderr);
    });
    this.#running.add(pipe);
    return pipe;
  };

  /** Passes a signal on to every process. */
  signal(signal: NodeJS.Signals): void {
    for (const pipe of this.#running) pipe.signal(signal);
  }

  async #take(exchange: ExchangeId, note: ChildNote, stderr: StderrText): Promise<void> {
    switch (note.kind) {
      case 'started':
        return this.#record(exchange, { kind: 'started', what: `${this.#home.command.command.join(' ')} (pid ${note.pid})` });
      case 'stderr':
        return this.#say(exchange, stderr.take(note.bytes));
      case 'ended': {
        await this.#say(exchange, stderr.rest());
        const failed = note.end.kind !== 'exit' || note.end.code !== 0;
        return this.#record(exchange, { kind: 'ended', how: endText(note.end), failed });
      }
      default:
        note satisfies never;
    }
  }

  async #say(exchange: ExchangeId, text: string): Promise<void> {
    if (text === '') return;
    const bytes = Buffer.from(text, 'utf8');
    try {
      await this.#record(exchange, { kind: 'stderr', text, bytes });
    } finally {
      const { masker } = this.#home.rules();
      this.#home.said(bytes, masker.mask(text, { form: 'text', scope: 'free', target: 'record' }).text);
    }
  }

  async #record(exchange: ExchangeId, note: ProcessNote): Promise<void> {
    const rules = this.#home.rules();
    const { clock } = rules.ids;
    await this.#home.record([draftProcessNote(rules, exchange, { wallMs: clock.wallMs(), monoUs: clock.monoUs() }, note)]);
  }
}

/** Holds back the line that is being written, so that a secret is not split between two entries and missed. */
class StderrText {
  readonly #decoder = new StringDecoder('utf8');
  #held = '';

  /** What can be recorded now. */
  take(bytes: Buffer): string {
    const text = this.#held + this.#decoder.write(bytes);
    const end = text.length > limits.stderrLineUnitsMax ? text.length : text.lastIndexOf('\n') + 1;
    this.#held = text.slice(end);
    return text.slice(0, end);
  }

  rest(): string {
    const text = this.#held + this.#decoder.end();
    this.#held = '';
    return text;
  }
}

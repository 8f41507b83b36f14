// A server that is a command: its process, with one JSON message a line on stdin and stdout. Knows nothing of what the messages say.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../base/limits.ts';
import { asLine, LineSplitter } from '../protocol/lines.ts';
import { type Pipe, type PipeEvents, PipeFault } from './pipe.ts';

/** What is started for a connection whose server is a command. */
export interface ServerCommand {
  /** Program and arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string | undefined;
}

/** How a process ended, or why it did not start. */
export type ChildEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'not_started'; readonly reason: string };

/** What is told of the process besides its messages, in order; it waits until each was taken. */
export type ChildNote =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'stderr'; readonly bytes: Buffer }
  | { readonly kind: 'ended'; readonly end: ChildEnd };

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export class ChildPipe implements Pipe {
  readonly #child: Child;
  readonly #events: PipeEvents;
  readonly #note: (note: ChildNote) => Promise<void>;
  readonly #splitter = new LineSplitter(limits.lineBytesMax);
  /** Resolves when the process is gone and everything it said is told. */
  readonly #gone: Promise<void>;
  #over = false;
  #notStarted: string | undefined;
  #overlong = false;

  /** Starts the process. One that cannot be started ends the pipe. */
  constructor({ command, env, cwd }: ServerCommand, events: PipeEvents, note: (note: ChildNote) => Promise<void>) {
    const [program, ...args] = command;
    this.#events = events;
    this.#note = note;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env, ...(cwd !== undefined && { cwd }) });
    this.#child.once('error', (error: NodeJS.ErrnoException) => {
      if (this.#child.pid === undefined) this.#notStarted = error.code === 'ENOENT' ? `there is no program ${program}` : error.message;
    });
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#gone = this.#run();
    // Whoever reads or says no more can answer nothing: it is ended, so that another may be started. What it leaves unanswered is told when it is gone.
    const close = (): void => void this.close();
    this.#child.stdin.on('error', close);
    this.#child.stdout.once('end', close);
  }

  async write(message: Uint8Array): Promise<void> {
    const { stdin } = this.#child;
    // Why it could not be started is known a moment later.
    if (this.#child.pid === undefined) await this.#gone;
    if (this.#over || stdin.destroyed || stdin.writableEnded) {
      throw new PipeFault(this.#notStarted ?? 'the server has ended', true);
    }
    if (stdin.write(asLine(message))) return;
    await new Promise<void>((resolve, reject) => {
      const done = (settle: () => void) => () => {
        stdin.off('drain', drained).off('close', closed);
        settle();
      };
      const drained = done(resolve);
      const closed = done(() => reject(new PipeFault('the server ended while it was written to', false)));
      stdin.once('drain', drained).once('close', closed);
    });
  }

  pause(): void {
    this.#child.stdout.pause();
  }

  resume(): void {
    this.#child.stdout.resume();
  }

  /** Passes a signal on to the process. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#over) this.#child.kill(signal);
  }

  /** Closes its stdin and waits; a process that stays is told to end, and at last killed (MCP transports, stdio, shutdown). */
  async close(): Promise<void> {
    this.#child.stdin.end();
    this.#child.stdout.resume();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (await this.#goneWithin(limits.childEndMsMax)) return;
      this.#child.kill(signal);
    }
    // Its streams may be held open by a child of its own.
    if (await this.#goneWithin(limits.childEndMsMax)) return;
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.destroy();
  }

  async #goneWithin(ms: number): Promise<boolean> {
    const late = new AbortController();
    const inTime = await Promise.race([this.#gone.then(() => true), sleep(ms, false, { signal: late.signal }).catch(() => false)]);
    late.abort();
    return inTime;
  }

  #take(chunk: Buffer): void {
    if (this.#overlong) return;
    for (const piece of this.#splitter.push(chunk)) {
      if (piece.kind === 'part') {
        this.#overlong = true;
        this.#child.kill('SIGKILL');
        return;
      }
      if (piece.message.length > 0) this.#events.message(piece.message, piece.raw);
    }
  }

  async #run(): Promise<void> {
    const ended = new Promise<ChildEnd>((resolve) => {
      this.#child.once('close', (code, signal) =>
        resolve(
          this.#notStarted !== undefined
            ? { kind: 'not_started', reason: this.#notStarted }
            : signal !== null
              ? { kind: 'signal', signal }
              : { kind: 'exit', code: code ?? 0 },
        ),
      );
    });
    const { pid } = this.#child;
    if (pid !== undefined) await this.#note({ kind: 'started', pid }).catch(() => undefined);
    const said = this.#readStderr();
    const end = await ended;
    await said;
    const rest = this.#splitter.end();
    // Not as it was written: a line without an end would run into the next server's first, and nobody would read it before.
    if (rest?.kind === 'line' && rest.message.length > 0) this.#events.message(rest.message, undefined);
    this.#over = true;
    await this.#note({ kind: 'ended', end }).catch(() => undefined);
    this.#events.ended({
      reason: this.#overlong ? `a line of the server is longer than ${limits.lineBytesMax} bytes` : endText(end),
      neverOpened: end.kind === 'not_started',
    });
  }

  /** What is said there waits until what was said before is recorded: a server that floods it is slowed down, not lost. */
  async #readStderr(): Promise<void> {
    try {
      for await (const bytes of this.#child.stderr as AsyncIterable<Buffer>) await this.#note({ kind: 'stderr', bytes }).catch(() => undefined);
    } catch {
      // The stream broke with the process.
    }
  }
}

/** How a process ended, as part of a sentence. */
export function endText(end: ChildEnd): string {
  switch (end.kind) {
    case 'exit':
      return `the server ended with exit code ${end.code}`;
    case 'signal':
      return `the server was ended by ${end.signal}`;
    case 'not_started':
      return `the server cannot be started: ${end.reason}`;
  }
}

// What a command gets from the world: streams, environment, clock. Commands never reach for `process` themselves.
import type { Clock } from '../base/clock.ts';
import { escapeHostileJson } from '../base/hostile.ts';
import type { RandomBytes } from '../base/random.ts';

export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** The directory of all of the laptop's state: MCPREC_HOME, else by the XDG rules. Not created yet. */
  readonly home: string;
  /** Aborted by Ctrl-C and SIGTERM; a command that waits must listen. */
  readonly signal: AbortSignal;
  /** From now on SIGHUP calls `heard` and no longer aborts `signal`, until the returned function is called. Left out where signals are not caught. */
  readonly onHangup?: (heard: () => void) => () => void;
}

/** Writes one line of answer to stdout. */
export function say(io: Io, line: string): void {
  io.stdout.write(`${line}\n`);
}

/** Writes one line of commentary to stderr. */
export function note(io: Io, line: string): void {
  io.stderr.write(`mcprec: ${line}\n`);
}

/** Writes one JSON value as a line to stdout; what could move a cursor stands escaped in it (RULES R12). */
export function sayJson(io: Io, value: unknown): void {
  say(io, escapeHostileJson(JSON.stringify(value)));
}

// A two-way stream of MCP messages to one server, whatever carries it: the stdio of a child, or HTTP+SSE of 2024-11-05. Does no IO.
import type { UpstreamFailure, UpstreamRequest } from './upstream.ts';

/** What a pipe tells of itself. After `ended` nothing follows. */
export interface PipeEvents {
  /** One message of the server; `raw` is its line where the pipe has lines, its end included. */
  message(message: Buffer, raw?: Buffer): void;
  ended(end: PipeEnd): void;
}

export interface PipeEnd {
  /** As a sentence's part: `the server ended with exit code 3`. */
  readonly reason: string;
  /** True where it never came up, so that nothing can have reached the server. */
  readonly neverOpened: boolean;
}

export interface Pipe {
  /**
   * Writes one message; resolves once the other side's buffers have taken it. Rejects where it cannot be written; then `ended`
   * comes as well. `notSent` of a PipeFault is true where nothing of it can have left.
   */
  write(message: Uint8Array): Promise<void>;
  /** The server is to wait: nobody takes its messages for the moment. */
  pause(): void;
  resume(): void;
  /** Ends it in order; resolves when the other side is gone. */
  close(): Promise<void>;
}

/** Opens a pipe for whoever sent `request`, whose headers may matter for it. Never throws: what goes wrong ends the pipe. */
export type OpenPipe = (request: UpstreamRequest, events: PipeEvents) => Pipe;

/** A message that did not reach the server. */
export class PipeFault extends Error {
  readonly notSent: boolean;

  constructor(message: string, notSent: boolean) {
    super(message);
    this.notSent = notSent;
  }
}

/** What a message that could not be written means for its call. */
export function failureOf(error: unknown): UpstreamFailure {
  const notSent = error instanceof PipeFault && error.notSent;
  return { kind: notSent ? 'unreachable' : 'lost', notSent, reason: error instanceof Error ? error.message : String(error) };
}

// The servers behind pipes (commands, HTTP+SSE of 2024-11-05) of the sessions that are open: each session has its own, ended with it, so
// that no two people ever share one (RULES R2).
import type { Logger } from 'pino';
import type { RandomBytes } from '../base/random.ts';
import type { ServerCommand } from '../transport/child.ts';
import { PipeUpstream } from '../transport/pipe-upstream.ts';
import { ServerProcesses } from '../transport/server-process.ts';
import { ssePipes } from '../transport/sse-pipe.ts';
import { type RecordHome, recordUnheard } from '../transport/unclaimed.ts';
import type { Upstream } from '../transport/upstream.ts';
import type { LiveSession } from './live.ts';

export interface SessionPipesParts {
  readonly commands: ReadonlyMap<string, ServerCommand>;
  /** What streams of 2024-11-05 are opened over. */
  readonly http: Upstream;
  readonly random: RandomBytes;
  readonly logger: Logger;
}

export class SessionPipes {
  readonly #parts: SessionPipesParts;
  readonly #open = new Map<LiveSession, PipeUpstream>();
  /** Signals that are listened to: a session gets a new one when its tokens lapse. */
  readonly #watched = new WeakSet<AbortSignal>();

  constructor(parts: SessionPipesParts) {
    this.#parts = parts;
  }

  /** Where the calls of a session go; undefined where its server is behind no pipe. */
  of(session: LiveSession): Upstream | undefined {
    const command = this.#parts.commands.get(session.connection);
    if (command === undefined && session.config.transport !== 'sse') return undefined;
    const known = this.#open.get(session);
    const pipes = known ?? this.#make(session, command);
    if (known === undefined) this.#open.set(session, pipes);
    this.#watch(session, pipes);
    return pipes;
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map((pipes) => pipes.close()));
  }

  #watch(session: LiveSession, pipes: PipeUpstream): void {
    const { signal } = session.closing;
    if (this.#watched.has(signal)) return;
    this.#watched.add(signal);
    const ended = (): void => {
      if (session.ended === undefined) return;
      this.#open.delete(session);
      // Waited for with what is in flight, so that its last entry comes before that of the session.
      session.inFlight.add(pipes.close());
    };
    signal.addEventListener('abort', ended);
    if (signal.aborted) ended();
  }

  #make(session: LiveSession, command: ServerCommand | undefined): PipeUpstream {
    const open = command === undefined ? ssePipes(this.#parts.http) : this.#processes(session, command).open;
    return new PipeUpstream(open, recordUnheard(homeOf(session)), this.#parts.random);
  }

  #processes(session: LiveSession, command: ServerCommand): ServerProcesses {
    const { connection, sessionId } = session;
    return new ServerProcesses({
      ...homeOf(session),
      command,
      said: (_bytes, masked) => this.#parts.logger.info({ connection, sessionId, stderr: masked }, 'the server of a session said'),
    });
  }
}

function homeOf(session: LiveSession): RecordHome {
  return { rules: () => session.rules, record: (entries) => (session.rules.record === 'off' ? Promise.resolve() : session.log.append(entries)) };
}

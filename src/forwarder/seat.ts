// A connection's seat at the listener: its local token stays while sessions come and go behind it (a grant that is extended).
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Secret } from '../base/secret.ts';
import type { GrantedSession } from './granted.ts';
import type { Lodger } from './listener.ts';
import type { ForwarderSession } from './session.ts';

export class Seat implements Lodger {
  readonly localToken: Secret;
  #session: ForwarderSession;
  #granted: GrantedSession | undefined;

  constructor(session: ForwarderSession, granted?: GrantedSession) {
    this.localToken = session.localToken;
    this.#session = session;
    this.#granted = granted;
  }

  get session(): ForwarderSession {
    return this.#session;
  }

  /** Undefined in a solo session. */
  get granted(): GrantedSession | undefined {
    return this.#granted;
  }

  /** Seats a new session under a new grant; the old one is the caller's to close. */
  reseat(granted: GrantedSession): void {
    this.#granted = granted;
    this.#session = granted.session;
  }

  serve(request: IncomingMessage, response: ServerResponse, target: string, body: Buffer | undefined): Promise<void> {
    return this.#session.serve(request, response, target, body);
  }
}

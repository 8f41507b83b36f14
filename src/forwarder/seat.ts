// A connection's seat at the listener: its local token stays while sessions come and go behind it (a grant that is extended).
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Secret } from '../base/secret.ts';
import type { GrantedSession } from './granted.ts';
import type { Lodger } from './listener.ts';
import type { ForwarderSession } from './session.ts';
import { SseDoor } from './sse-door.ts';

export class Seat implements Lodger {
  readonly localToken: Secret;
  #session: ForwarderSession;
  #granted: GrantedSession | undefined;
  readonly #sseDoor = new SseDoor(this);

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
    const [path = ''] = target.split('?', 1);
    if (this.#session.kind === 'mcp' && (path === '/sse' || (path === '/mcp' && this.#isOfOldTransport(request, target)))) {
      return this.#sseDoor.serve(request, response, { target, path: `/${this.localToken.reveal()}${path}`, body });
    }
    return this.#session.serve(request, response, target, body);
  }

  /** A client of 2024-11-05 begins with a GET; behind a server of that transport it may do so at the endpoint of the newer one. */
  #isOfOldTransport(request: IncomingMessage, target: string): boolean {
    if (!this.#session.servesOldTransport || request.headers['mcp-session-id'] !== undefined) return false;
    return request.method === 'GET' || target.includes('?session=');
  }
}

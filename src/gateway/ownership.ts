// Whose a session is, and whether it may still be used.
import { McprecError } from '../base/errors.ts';
import type { SessionWithLogs } from '../store/store.ts';
import type { Caller } from './tokens.ts';

/** The session where it is the caller's. Another's is as unknown as one that never was. */
export function ownedBy(caller: Caller, session: SessionWithLogs | undefined, what: 'grant' | 'session'): SessionWithLogs {
  const { issuer, subject } = caller.identity;
  return seen(session?.identity.issuer === issuer && session.identity.subject === subject ? session : undefined, what);
}

/** Throws `not_found` where there is none. */
export function seen(session: SessionWithLogs | undefined, what: 'grant' | 'session'): SessionWithLogs {
  if (session === undefined) throw new McprecError('not_found', `there is no such ${what}`);
  return session;
}

/** Throws `grant_revoked` or `grant_ended` where the session is not open. */
export function refuseEnded({ state }: SessionWithLogs): void {
  if (state === 'revoked') throw new McprecError('grant_revoked', 'the grant was revoked');
  if (state !== 'open') throw new McprecError('grant_ended', `the grant has ended: its session is ${state}`);
}

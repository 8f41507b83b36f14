// `mcprec logout`: says what could be revoked and what is gone.
import { type LogoutOutcome, logout } from '../identity/logout.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions } from './login.ts';

export interface LogoutOptions extends SecretFlags {
  readonly gateway?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Logs out. Throws what `logout` throws. */
export async function runLogout(options: LogoutOptions, io: Io): Promise<void> {
  const outcome = await logout({ ...secretOptions(options, io), gateway: options.gateway, clock: io.clock });
  if (options.json) return sayJson(io, { event: 'logged_out', ...outcome });
  note(io, revocationText(outcome));
  if (outcome.alsoLost.length > 0) note(io, `the logins at ${outcome.alsoLost.join(', ')} were in the same file and are gone too`);
  say(io, `logged out of ${outcome.gateway}`);
}

function revocationText({ revocation }: LogoutOutcome): string {
  switch (revocation.kind) {
    case 'revoked':
      return 'the identity provider has revoked the login';
    case 'none':
      return 'there was no token to revoke';
    case 'not_offered':
      return 'the identity provider offers no revocation; the login ends there by itself';
    case 'failed':
      return `the login could not be revoked and ends at the provider by itself: ${revocation.reason}`;
  }
}

// `mcprec sync`: brings the gateway what it lacks, now; `--status` says how much that is.
import { McprecError } from '../base/errors.ts';
import { openIdentity } from '../identity/gateway-identity.ts';
import { openJournal } from '../journal/journal.ts';
import { lagSeconds, type SyncLag } from '../journal/outbox.ts';
import { pushPending } from '../sync/pusher.ts';
import { requiredWitnesses } from '../sync/receipts.ts';
import { ensureHome, journalPath } from './home.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions } from './login.ts';

export interface SyncOptions extends SecretFlags {
  readonly gateway?: string | undefined;
  readonly status?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Pushes, or reports the lag. Throws what stops a sync, and `journal_forked` where the gateway refused a log. */
export async function runSync(options: SyncOptions, io: Io): Promise<void> {
  ensureHome(io.home);
  using journal = openJournal({ path: journalPath(io.home), clock: io.clock, random: io.random });
  if (options.status) return reportLag(journal.syncLag(), options, io);
  await using identity = await openIdentity({ ...secretOptions(options, io), gateway: options.gateway, clock: io.clock, random: io.random });
  using lease = journal.takeSyncLease();
  if (lease === undefined) {
    note(io, 'another mcprec is syncing this journal now');
    return reportLag(journal.syncLag(), options, io);
  }
  const { entries, logs, refused } = await pushPending(journal, identity, { signal: io.signal, clock: io.clock, required: requiredWitnesses(io.env) });
  if (options.json)
    sayJson(io, { gateway: identity.gateway, entries, logs, refused: refused.map(({ log, error }) => ({ sessionId: log.sessionId, code: error.code })) });
  else say(io, entries === 0 && refused.length === 0 ? `${identity.gateway} has everything` : `${entries} entries of ${logs} logs sent to ${identity.gateway}`);
  const [first] = refused;
  if (first !== undefined)
    throw new McprecError(
      first.error.code,
      `${first.log.sessionId === undefined ? 'the index log' : `session ${first.log.sessionId}`}: ${first.error.message}`,
      { cause: first.error },
    );
}

function reportLag(lag: SyncLag, options: SyncOptions, io: Io): void {
  const seconds = lagSeconds(lag, io.clock.wallMs());
  if (options.json) sayJson(io, { entries: lag.entries, sessions: lag.logs, seconds });
  else
    say(
      io,
      lag.entries === 0 ? 'the gateway has everything' : `${lag.entries} entries of ${lag.logs} sessions are not at the gateway, the oldest for ${seconds} s`,
    );
}

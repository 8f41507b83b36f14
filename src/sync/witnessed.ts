// Brings a log to the gateway and waits for its receipt, for a call that may go on only then.
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { asMcprecError, McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Journal } from '../journal/journal.ts';
import { type PushResult, pushPending } from './pusher.ts';

export interface WitnessedOptions {
  readonly journal: Journal;
  readonly identity: GatewayIdentity;
  readonly clock: Clock;
  /** Witnesses that must have co-signed the gateway's tree. */
  readonly required: readonly NoteVerifier[];
}

/** Resolves once the gateway has receipted the first `size` entries of the log. Throws `witness_missing` where it has not within `limits.witnessMsMax`. */
export async function receipted(log: { readonly logId: LogId; readonly size: number }, options: WitnessedOptions): Promise<void> {
  const { journal, identity, clock, required } = options;
  const signal = AbortSignal.timeout(limits.witnessMsMax);
  let why = 'another process syncs';
  while (journal.notary.receiptedOf(log.logId) < log.size) {
    if (signal.aborted) throw missing(why);
    const result = await pushOnce(journal, identity, { signal, clock, required });
    const refused = result?.refused.find((one) => one.log.logId === log.logId);
    if (refused !== undefined) throw missing(refused.error.message, refused.error);
    if (result !== undefined) why = 'it took the entries and gave no receipt';
    if (journal.notary.receiptedOf(log.logId) < log.size) await pause(limits.leasePauseMs);
  }
}

/** Undefined where somebody else syncs at the moment. */
async function pushOnce(journal: Journal, identity: GatewayIdentity, options: Parameters<typeof pushPending>[2]): Promise<PushResult | undefined> {
  using lease = journal.takeSyncLease();
  if (lease === undefined) return undefined;
  try {
    return await pushPending(journal, identity, options);
  } catch (error) {
    throw missing(asMcprecError(error).message, error);
  }
}

function missing(why: string, cause?: unknown): McprecError {
  return new McprecError('witness_missing', `the gateway has not co-signed it: ${why}`, { cause });
}

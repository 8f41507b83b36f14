// What `connect`, `connect --stdio` and `exec` tell the forwarder alike, from their flags.
import type { ForwarderOptions, Target } from '../forwarder/options.ts';
import { requiredWitnesses, witnessPlaces } from '../sync/receipts.ts';
import { approvalWait, type WaitOption } from './approval-notes.ts';
import { journalPath } from './home.ts';
import type { Io } from './io.ts';
import { retentionOf } from './retention.ts';
import { journalBytesMax, synchronousMode, ttlSeconds } from './targets.ts';

/** Flags of every command that opens a forwarder. */
export interface ForwarderFlags extends WaitOption {
  readonly reason?: string | undefined;
  readonly ttl?: string | undefined;
  readonly synchronous?: string | undefined;
  readonly journalMax?: string | undefined;
}

type Common = Omit<ForwarderOptions, 'port' | 'ephemeral' | 'rotate' | 'report' | 'askHold'>;

/** The options that do not depend on the command. Throws `usage` for a flag that cannot be read. */
export function forwarderOptions(targets: readonly Target[], flags: ForwarderFlags, io: Io, version: string): Common {
  return {
    home: io.home,
    journal: journalPath(io.home),
    synchronous: synchronousMode(flags.synchronous),
    journalBytesMax: journalBytesMax(flags.journalMax),
    version,
    targets,
    witnesses: requiredWitnesses(io.env),
    soloWitnesses: witnessPlaces(io.env),
    retention: retentionOf(io.env),
    reason: flags.reason,
    ttlSeconds: ttlSeconds(flags.ttl),
    approvalWait: approvalWait(flags, io),
    ids: { clock: io.clock, random: io.random },
  };
}

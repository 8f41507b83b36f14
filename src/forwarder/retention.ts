// Retention at the start of a forwarder, where it is asked for: before anything else waits for the journal.
import { asMcprecError } from '../base/errors.ts';
import { soloSigner } from '../identity/solo-key.ts';
import type { Journal } from '../journal/journal.ts';
import { prune } from '../journal/pruner.ts';
import type { ForwarderOptions } from './options.ts';

/** Prunes what `retention` says of solo sessions and of those of the gateway that is connected to. What keeps it from that is reported; recording goes on. */
export async function pruneAtStart(journal: Journal, { home, targets, retention, ids, report, approvalWait }: ForwarderOptions): Promise<void> {
  if (retention === undefined) return;
  const signers = new Map([
    [undefined, () => soloSigner(home)] as const,
    ...targets.flatMap((target) => (target.kind === 'gateway' ? [[target.identity.gateway, () => target.identity.logSigner] as const] : [])),
  ]);
  try {
    await prune(journal, retention, {
      nowMs: ids.clock.wallMs(),
      signal: approvalWait.signal,
      withSigner: async (gateway, work) => {
        const signer = signers.get(gateway);
        if (signer !== undefined) await work(signer());
        return signer !== undefined;
      },
    });
  } catch (error) {
    report({ event: 'trouble', message: `old sessions could not be pruned: ${asMcprecError(error).message}` });
  }
}

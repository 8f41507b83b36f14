// Counts the messages that one exchange brings to the client, as they are recorded.
import type { EntryDraft } from '../evidence/entry.ts';
import type { Hop } from './hop.ts';

/**
 * The same hop for one exchange: messages to the client are recorded with their number, from 0. Both hops count the same messages, so
 * that one which was left out or put in shows between the two records.
 */
export function numbered(hop: Hop): Hop {
  let delivered = 0;
  const numberAt = (of: Hop): Hop => ({
    ...of,
    record: async (entries) => {
      let next = delivered;
      await of.record(entries.map((entry) => (isMessageDown(entry) ? { ...entry, messageNumber: next++ } : entry)));
      // What could not be recorded is not delivered either, and has no number.
      delivered = Math.max(delivered, next);
    },
    ...(of.refreshed !== undefined && {
      refreshed: async () => {
        const newer = await of.refreshed?.();
        return newer && numberAt(newer);
      },
    }),
  });
  return numberAt(hop);
}

function isMessageDown({ kind, direction, message, mac }: EntryDraft): boolean {
  return kind === 'message' && direction === 'down' && message !== 'end' && mac !== undefined;
}

// Before a call goes on: its entry must be co-signed, where the connection says `witness: before-forward`.
import { asMcprecError, McprecError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { NoAnswer } from './delivery.ts';
import type { Hop } from './hop.ts';

/** Waits for the witness; resolves to why the call may not go on, or to undefined where it may. Never rejects. */
export async function awaitWitness(hop: Hop): Promise<NoAnswer | undefined> {
  if (hop.rules.witness === 'later') return undefined;
  try {
    if (hop.witnessed === undefined) throw new McprecError('witness_missing', 'there is no gateway that could', { remedy: 'connect through a gateway' });
    await hop.witnessed();
    return undefined;
  } catch (error) {
    const { message, remedy } = asMcprecError(error);
    const refusal = {
      rule: 'witness',
      reason: `the record of the call was not co-signed, which this connection asks for (${message}); it was not executed`,
      remedy: `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}`,
      decisionId: newId('dec', hop.rules.ids),
      hidden: false,
    };
    return { kind: 'refused', refusal };
  }
}

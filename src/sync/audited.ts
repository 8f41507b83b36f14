// What an auditor reads beside the entries of a gateway's log: checkpoints, and the opening that the list of sessions must agree with.
import { asMcprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { openCheckpoint, originOf } from '../evidence/checkpoint.ts';
import type { EntryToVerify, StatedHead } from '../evidence/claims.ts';
import { leafHash } from '../evidence/merkle.ts';
import { readOpening } from '../evidence/opening.ts';
import { treeLeaf } from '../evidence/receipt.ts';
import type { LogVerifier } from '../evidence/verify.ts';
import type { AuditedLog } from '../protocol/audit.ts';
import type { SessionSummary } from '../protocol/control.ts';
import type { GatewayTree } from './gateway-tree.ts';

interface Stating {
  readonly logId: LogId;
  readonly key: Uint8Array;
  readonly tree: GatewayTree;
  readonly faults: string[];
}

/** The head that a checkpoint states; none, and a fault in words, where its signature does not hold. */
export function stated({ index, note }: AuditedLog['checkpoints'][number], { logId, key, tree, faults }: Stating): StatedHead[] {
  try {
    const checkpoint = openCheckpoint(note, originOf(logId), key);
    if (!tree.has(index, leafHash(treeLeaf(checkpoint))))
      faults.push(`the checkpoint for ${checkpoint.size} entries is not leaf ${index} of the gateway’s tree`);
    return [{ size: checkpoint.size, root: checkpoint.root, by: `leaf ${index} of the gateway’s tree` }];
  } catch (error) {
    faults.push(`leaf ${index} of the gateway’s tree: ${asMcprecError(error).message}`);
    return [];
  }
}

/** Compares what the gateway lists of a session with its opening. */
export function checkOpening(verifier: LogVerifier, { index, payload }: EntryToVerify, { sessionId, connection, identity }: SessionSummary): void {
  if (payload === undefined || payload === 'unreadable') return;
  try {
    const opening = readOpening(payload.bytes);
    const same =
      opening.session === sessionId &&
      opening.connection === connection &&
      opening.identity?.issuer === identity.issuer &&
      opening.identity.subject === identity.subject;
    if (!same) verifier.report('column_differs', index, 'the gateway lists the session with another person or connection than its opening says');
  } catch (error) {
    verifier.report('column_differs', index, asMcprecError(error).message);
  }
}

/** Entries of the log that its largest checkpoint covers. */
export function signedSize({ checkpoints }: AuditedLog): number {
  return Math.max(0, ...checkpoints.map(({ note }) => Number(note.split('\n')[1] ?? 0)));
}

/** Bytes from base64. */
export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

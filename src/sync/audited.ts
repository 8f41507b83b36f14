// What an auditor reads beside the entries of a gateway's log: checkpoints, and the opening that the list of sessions must agree with.
import { fromBase64 } from '../base/base64.ts';
import { asMcprecError, McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { type Checkpoint, openCheckpoint, originOf } from '../evidence/checkpoint.ts';
import type { EntryToVerify, Removed, StatedHead } from '../evidence/claims.ts';
import { commitment } from '../evidence/commitment.ts';
import { decodeLeaf } from '../evidence/leaf.ts';
import { leafHash } from '../evidence/merkle.ts';
import { readOpening } from '../evidence/opening.ts';
import { verifyInclusion } from '../evidence/proof.ts';
import { treeLeaf } from '../evidence/receipt.ts';
import { readRemoval } from '../evidence/statements.ts';
import type { LogVerifier } from '../evidence/verify.ts';
import type { AuditedLog, ProvenRemoval } from '../protocol/audit.ts';
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

/** The range that a removal takes out; none, and a fault in words, where its proof does not hold. */
export function removedBy(removal: ProvenRemoval, { logId, key, tree, faults }: Stating): Removed[] {
  const origin = originOf(removal.log as LogId);
  try {
    const byGateway = opens(removal.note, origin, tree.key.publicKey);
    const checkpoint = byGateway ?? openCheckpoint(removal.note, origin, key);
    const bytes = fromBase64(removal.leaf);
    const leaf = decodeLeaf(bytes);
    const payload = fromBase64(removal.payload.bytes);
    const holds =
      (leaf.kind === 'erasure' || leaf.kind === 'retention') &&
      leaf.subject === logId &&
      leaf.logId === removal.log &&
      tree.has(removal.treeIndex, leafHash(treeLeaf(checkpoint))) &&
      verifyInclusion(leafHash(bytes), leaf.index, checkpoint.size, removal.proof.map(fromBase64), checkpoint.root) &&
      leaf.payloadCommitment !== undefined &&
      Buffer.compare(commitment('payload', fromBase64(removal.payload.salt), payload), leaf.payloadCommitment) === 0;
    if (!holds) throw new McprecError('note_invalid', 'its proof does not hold');
    const { from, to } = readRemoval(payload);
    return [{ kind: leaf.kind === 'erasure' ? 'erasure' : 'retention', from, to, mayStay: byGateway === undefined }];
  } catch (error) {
    faults.push(`what is said to be removed of it by entry ${removal.index} of ${removal.log}: ${asMcprecError(error).message}`);
    return [];
  }
}

function opens(note: string, origin: string, key: Uint8Array): Checkpoint | undefined {
  try {
    return openCheckpoint(note, origin, key);
  } catch {
    return undefined;
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

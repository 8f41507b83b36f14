// Independent witnesses of solo use: they co-sign the solo index log, which lists each session and how it ended, as gateways have their trees co-signed.
import { McprecError } from '../base/errors.ts';
import { type Checkpoint, type LogSigner, originOf, parseCheckpoint } from '../evidence/checkpoint.ts';
import type { Finding } from '../evidence/findings.ts';
import { leafHash } from '../evidence/merkle.ts';
import { formatVerifier, noteVerifier } from '../evidence/note.ts';
import { proveConsistency } from '../evidence/proof.ts';
import { TreeNodes } from '../evidence/tree.ts';
import type { Journal } from '../journal/journal.ts';
import { cosignBy, type WitnessPlace } from './witness-client.ts';

/**
 * Has the newest head of the solo index log co-signed by each witness, and keeps it so. Throws `witness_missing` where one does not answer or does not
 * know the log, `witness_rollback` where it has seen more of it, or another history.
 */
export async function witnessSolo(journal: Journal, signer: LogSigner, places: readonly WitnessPlace[]): Promise<void> {
  await journal.notary.signAll(undefined, signer);
  const newest = journal.notary.newestIndex(undefined);
  if (newest === undefined) return;
  let { note } = newest;
  for (const place of places) note = await ask(journal, { ...newest, note }, place, signer.publicKey);
  await journal.notary.keepSignatures(newest.logId, newest.size, note);
}

/** What the witnesses know of the solo index log that this journal does not show; none where there is no such log. `publicKey` is that of solo sessions. */
export async function auditSolo(journal: Journal, publicKey: Uint8Array, places: readonly WitnessPlace[]): Promise<Finding[]> {
  const newest = journal.notary.newestIndex(undefined);
  const findings: Finding[] = [];
  if (newest === undefined) return findings;
  // Its own signature alone: with the others the witness would not be asked.
  const unwitnessed = { ...newest, note: ownPart(newest.note) };
  for (const place of places) {
    try {
      await ask(journal, unwitnessed, place, publicKey);
    } catch (error) {
      if (!(error instanceof McprecError)) throw error;
      const isOther = error.code === 'witness_rollback';
      const meaning = isOther ? 'an older copy of this journal was put back, or its solo sessions were written anew' : error.remedy;
      findings.push({ code: isOther ? 'head_differs' : 'signature_invalid', message: `solo sessions: ${error.message}: ${meaning}` });
    }
  }
  return findings;
}

type NewestIndex = NonNullable<ReturnType<Journal['notary']['newestIndex']>>;

/** The note with the cosignature of that witness. Throws as `witnessSolo` does. */
async function ask(journal: Journal, { logId, note }: NewestIndex, place: WitnessPlace, publicKey: Uint8Array): Promise<string> {
  const head: Checkpoint = parseCheckpoint(note);
  const nodes = new TreeNodes();
  for (const { leafBytes } of journal.walk(logId)) {
    if (nodes.size === head.size) break;
    nodes.append(leafHash(leafBytes));
  }
  try {
    return await cosignBy(place, { head, note, prove: async (old) => proveConsistency(nodes.read, old, head.size) });
  } catch (error) {
    if (!(error instanceof McprecError) || error.code !== 'witness_missing') throw error;
    const key = formatVerifier(noteVerifier(originOf(logId), 'ed25519', publicKey));
    throw new McprecError('witness_missing', error.message, { cause: error, remedy: `check that the witness runs, with --log ${key}` });
  }
}

/** A checkpoint with the first of its signatures, which is its log's own. */
function ownPart(note: string): string {
  const signatures = note.indexOf('\n\n') + 2;
  return note.slice(0, note.indexOf('\n', signatures) + 1);
}

// Asks independent witnesses (c2sp.org/tlog-witness) to co-sign the head of a tree.
import { type Dispatcher, request } from 'undici';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { TreeHead } from '../evidence/checkpoint.ts';
import { type NoteVerifier, parseNote, verifyNote } from '../evidence/note.ts';
import { formatAddCheckpoint } from '../evidence/witness.ts';

export interface WitnessPlace {
  /** Its submission prefix. */
  readonly url: string;
  readonly verifier: NoteVerifier;
}

export interface HeadToSign {
  readonly head: TreeHead;
  readonly note: string;
  readonly prove: (old: number) => Promise<readonly Uint8Array[]>;
}

/**
 * The note with the cosignature of the witness; as it is where it has one already. Throws `witness_missing` where the witness does not
 * answer or refuses, `witness_rollback` where it has seen a larger tree, or another one.
 */
export async function cosignBy({ url, verifier }: WitnessPlace, { head, note, prove }: HeadToSign, dispatcher?: Dispatcher): Promise<string> {
  if (verifyNote(parseNote(note), [verifier]).length > 0) return note;
  let old = 0;
  for (let tries = 0; tries < 2; tries++) {
    const { status, text } = await post(url, formatAddCheckpoint(old, await prove(old), note), verifier.name, dispatcher);
    if (status === 200) {
      const signed = note + text;
      if (verifyNote(parseNote(signed), [verifier]).length === 0)
        throw new McprecError('witness_missing', `what the witness ${verifier.name} answered is no cosignature of its key`);
      return signed;
    }
    if (status === 422)
      throw new McprecError('witness_rollback', `the witness ${verifier.name} has co-signed ${old} entries of another tree: this one does not go on from it`);
    if (status !== 409)
      throw new McprecError('witness_missing', `the witness ${verifier.name} refused the tree’s head with HTTP ${status}: ${text.trim().slice(0, 200)}`);
    const known = Number(text);
    if (!Number.isSafeInteger(known) || known > head.size || (known === head.size && tries > 0)) {
      throw new McprecError('witness_rollback', `the witness ${verifier.name} has co-signed ${text.trim()} entries of the tree, which has ${head.size}`);
    }
    old = known;
  }
  throw new McprecError('witness_rollback', `the witness ${verifier.name} has co-signed another tree of this size`);
}

async function post(url: string, body: string, name: string, dispatcher: Dispatcher | undefined): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const signal = AbortSignal.timeout(limits.witnessMsMax);
    const answer = await request(`${url}/add-checkpoint`, { method: 'POST', body, signal, ...(dispatcher && { dispatcher }) });
    return { status: answer.statusCode, text: await answer.body.text() };
  } catch (cause) {
    throw new McprecError('witness_missing', `the witness ${name} cannot be reached`, { cause });
  }
}

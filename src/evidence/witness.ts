// The witness protocol (c2sp.org/tlog-witness): what is asked of a witness, and what it must answer. Stores and signs nothing.
import { McprecError } from '../base/errors.ts';
import { type Checkpoint, parseCheckpoint, type TreeHead } from './checkpoint.ts';
import { hashBytes } from './merkle.ts';
import { type NoteVerifier, verifyNote } from './note.ts';
import { verifyConsistency } from './proof.ts';

/** The body of `add-checkpoint`. */
export interface AddCheckpoint {
  /** The size that the client believes the witness to know. */
  readonly old: number;
  readonly proof: readonly Uint8Array[];
  readonly checkpoint: Checkpoint;
  /** The signed note as it came. */
  readonly note: string;
}

/** What a witness makes of a request; each but `accepted` is an HTTP status. */
export type Judgement =
  | { readonly kind: 'accepted'; readonly isNew: boolean }
  | { readonly kind: 'refused'; readonly status: 400 | 403 | 422; readonly reason: string }
  /** `rollback`: the log signed less than it signed before, or something else of the same size. */
  | { readonly kind: 'conflict'; readonly size: number; readonly rollback: boolean };

const PROOF_LINES_MAX = 63;

/** Reads the body of a request. Throws `note_invalid`. */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const blank = body.indexOf('\n\n');
  const [first = '', ...lines] = body.slice(0, Math.max(blank, 0)).split('\n');
  const [, size] = /^old (0|[1-9][0-9]{0,15})$/.exec(first) ?? [];
  if (size === undefined || !Number.isSafeInteger(Number(size))) return fail('it does not begin with the old size');
  if (lines.length > PROOF_LINES_MAX) return fail(`its proof has more than ${PROOF_LINES_MAX} hashes`);
  const proof = lines.map((line) => {
    const hash = Buffer.from(line, 'base64');
    return hash.length === hashBytes && hash.toString('base64') === line ? new Uint8Array(hash) : fail('a line of its proof is no hash');
  });
  const note = body.slice(blank + 2);
  return { old: Number(size), proof, checkpoint: parseCheckpoint(note), note };
}

/** The body of a request. */
export function formatAddCheckpoint(old: number, proof: readonly Uint8Array[], note: string): string {
  return `old ${old}\n${proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('')}\n${note}`;
}

/** Judges a request for a log whose keys are `keys`, of which the witness has co-signed `known` last (size 0 where nothing yet). */
export function judge({ old, proof, checkpoint }: AddCheckpoint, keys: readonly NoteVerifier[], known: TreeHead): Judgement {
  const { size, root } = checkpoint;
  let signatures: readonly unknown[];
  try {
    signatures = verifyNote(checkpoint.note, keys);
  } catch {
    signatures = [];
  }
  if (signatures.length === 0) return { kind: 'refused', status: 403, reason: 'no key of this log has signed the checkpoint' };
  if (old > size) return { kind: 'refused', status: 400, reason: `the old size ${old} is larger than that of the checkpoint, ${size}` };
  const sameSize = size === known.size && Buffer.compare(root, known.root) !== 0;
  if (size < known.size || (known.size > 0 && sameSize)) return { kind: 'conflict', size: known.size, rollback: true };
  if (old !== known.size) return { kind: 'conflict', size: known.size, rollback: false };
  if (!verifyConsistency(known, checkpoint, proof))
    return { kind: 'refused', status: 422, reason: `the proof does not show that ${size} entries go on from ${old}` };
  return { kind: 'accepted', isNew: size > known.size };
}

function fail(what: string): never {
  throw new McprecError('note_invalid', `the request to a witness is not in the form that the specification asks for: ${what}`);
}

// Receipts: the proof that a witness has a log up to some size, and that its own tree holds the checkpoint that says so.
import { McprecError } from '../base/errors.ts';
import { type Checkpoint, checkpointText, openCheckpoint, parseCheckpoint, witnessesOf } from './checkpoint.ts';
import { leafHash } from './merkle.ts';
import { type NoteVerifier, noteVerifier, verifyNote } from './note.ts';
import { verifyInclusion } from './proof.ts';

export interface Receipt {
  /** Entries of the log that it covers. */
  readonly size: number;
  /** The log's checkpoint with the witness's cosignature on it. */
  readonly note: string;
  /** The leaf of the witness's tree that holds the checkpoint's text, and the signed head of the tree that the proof leads to. */
  readonly treeIndex: number;
  readonly treeNote: string;
  readonly proof: readonly Uint8Array[];
}

/** What a receipt is checked against. */
export interface ReceiptKeys {
  readonly origin: string;
  /** Of the log's device, 32 bytes. */
  readonly device: Uint8Array;
  /** The gateway's key under the tree's origin. */
  readonly tree: NoteVerifier;
  /** Independent witnesses that must have co-signed the tree. */
  readonly required?: readonly NoteVerifier[];
}

/** The leaf of a witness's tree for an accepted checkpoint: its text, without signatures. */
export function treeLeaf({ origin, size, root }: Checkpoint): Uint8Array {
  return Buffer.from(checkpointText(origin, { size, root }));
}

/** The verifier of the cosignatures of a gateway, whose one key signs its tree and co-signs, each under its own type. */
export function cosignerOf(tree: NoteVerifier): NoteVerifier {
  return noteVerifier(tree.name, 'cosignature', tree.publicKey);
}

/** What a receipt proves: the log's checkpoint and the head of the tree. Throws `note_invalid` where anything in it does not hold. */
export function openReceipt(receipt: Receipt, keys: ReceiptKeys): { readonly checkpoint: Checkpoint; readonly tree: Checkpoint } {
  const checkpoint = openCheckpoint(receipt.note, keys.origin, keys.device);
  if (checkpoint.size !== receipt.size) return fail(`it is for ${receipt.size} entries, its checkpoint for ${checkpoint.size}`);
  if (verifyNote(checkpoint.note, [cosignerOf(keys.tree)]).length === 0) return fail('the gateway has not co-signed the checkpoint');
  const tree = openTree(receipt.treeNote, keys.tree, keys.required);
  if (!verifyInclusion(leafHash(treeLeaf(checkpoint)), receipt.treeIndex, tree.size, receipt.proof, tree.root)) {
    return fail('its proof does not lead to the gateway’s tree');
  }
  return { checkpoint, tree };
}

/** The head of a gateway's tree. Throws `note_invalid` where it is not signed as it must be, `witness_missing` where a required witness has not co-signed it. */
export function openTree(note: string, key: NoteVerifier, required: readonly NoteVerifier[] = []): Checkpoint {
  const tree = parseCheckpoint(note);
  if (tree.origin !== key.name || verifyNote(tree.note, [key]).length === 0) return fail('the head of the tree is not signed by the gateway’s key');
  const found = witnessesOf(tree, required);
  const missing = required.find(({ name }) => !found.includes(name));
  if (missing !== undefined) throw new McprecError('witness_missing', `the witness ${missing.name} has not co-signed the gateway’s tree`);
  return tree;
}

function fail(what: string): never {
  throw new McprecError('note_invalid', `the receipt does not hold: ${what}`);
}

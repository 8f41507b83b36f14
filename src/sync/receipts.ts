// What a gateway's receipt is worth: checked against the log, the tree that the gateway showed before, and the witnesses that are required.
import { fromBase64 } from '../base/base64.ts';
import { asMcprecError, McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { openCheckpoint, originOf, type TreeHead } from '../evidence/checkpoint.ts';
import { type NoteVerifier, parseVerifier } from '../evidence/note.ts';
import { verifyConsistency } from '../evidence/proof.ts';
import { openReceipt, type Receipt } from '../evidence/receipt.ts';
import type { Journal } from '../journal/journal.ts';
import type { ReceiptAnswer } from '../protocol/control.ts';
import type { WitnessPlace } from './witness-client.ts';

export interface ReceiptContext {
  readonly journal: Journal;
  readonly gateway: string;
  /** The device's key, 32 bytes. */
  readonly device: Uint8Array;
  /** Witnesses that must have co-signed the gateway's tree. */
  readonly required: readonly NoteVerifier[];
  readonly nowMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The witnesses that `MCPREC_WITNESS` requires, separated by blanks: a verifier key each, behind its URL and a comma where it is to be asked. Throws `usage`. */
export function requiredWitnesses(env: Environment): NoteVerifier[] {
  return namedIn(env).map(({ verifier }) => verifier);
}

/** Those of them that can be asked. Throws `usage`. */
export function witnessPlaces(env: Environment): WitnessPlace[] {
  return namedIn(env).flatMap(({ url, verifier }) => (url === undefined ? [] : [{ url, verifier }]));
}

function namedIn(env: Environment): { readonly url: string | undefined; readonly verifier: NoteVerifier }[] {
  const named = (env.MCPREC_WITNESS ?? '').split(/\s+/).filter((one) => one !== '');
  return named.map((one) => {
    const comma = one.lastIndexOf(',');
    return { url: comma < 0 ? undefined : one.slice(0, comma).replace(/\/+$/, ''), verifier: verifierIn(one.slice(comma + 1)) };
  });
}

function verifierIn(key: string): NoteVerifier {
  try {
    return parseVerifier(key);
  } catch (cause) {
    throw new McprecError('usage', `MCPREC_WITNESS: ${asMcprecError(cause).message}: ${key}`, {
      cause,
      remedy: 'set it to KEY or to URL,KEY, with the key that mcprec witness prints',
    });
  }
}

/** The head of the gateway's tree that this journal has seen last; undefined where there is none. */
export function seenTree(journal: Journal, gateway: string): TreeHead | undefined {
  const kept = journal.notary.treeOf(gateway);
  if (kept === undefined) return undefined;
  const verifier = parseVerifier(kept.verifier);
  return openCheckpoint(kept.note, verifier.name, verifier.publicKey);
}

/**
 * Keeps a receipt that holds. Throws `note_invalid` where it does not, `witness_missing`; and `witness_rollback` where the gateway shows
 * another tree than before: both signed heads are kept then.
 */
export async function takeReceipt(logId: LogId, answer: ReceiptAnswer, context: ReceiptContext): Promise<void> {
  const { journal, gateway, device, required } = context;
  const kept = journal.notary.treeOf(gateway);
  const tree = parseVerifier(kept?.verifier ?? answer.treeKey);
  if (kept !== undefined && kept.verifier !== answer.treeKey)
    return split(context, kept.note, answer, 'the gateway signs its tree with another key than before');
  const receipt: Receipt = { ...answer, proof: answer.proof.map(fromBase64) };
  const opened = openReceipt(receipt, { origin: originOf(logId), device, tree, required });
  const before = seenTree(journal, gateway);
  if (before !== undefined && !verifyConsistency(before, opened.tree, answer.consistency.map(fromBase64))) {
    return split(
      context,
      kept?.note ?? '',
      answer,
      `the gateway’s tree of ${opened.tree.size} does not go on from the one of ${before.size} that it showed before`,
    );
  }
  await journal.notary.keepReceipt(logId, receipt);
  await journal.notary.keepTree(gateway, answer.treeNote, answer.treeKey);
}

async function split({ journal, gateway, nowMs }: ReceiptContext, known: string, answer: ReceiptAnswer, what: string): Promise<never> {
  await journal.notary.keepSplit({ gateway, foundMs: nowMs, what, known, shown: answer.treeNote });
  throw new McprecError('witness_rollback', `${what}: both signed heads are kept in the journal`);
}

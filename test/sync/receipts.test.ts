// What a laptop makes of receipts: kept where they hold; a gateway that shows it another tree than before is found out, and both heads kept.
import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { logSigner, originOf, parseCheckpoint, signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { leafHash } from '../../src/evidence/merkle.ts';
import { formatVerifier, noteVerifier, rawPublicKey, signNote } from '../../src/evidence/note.ts';
import { proveConsistency, proveInclusion, rootOf } from '../../src/evidence/proof.ts';
import { cosignerOf, treeLeaf } from '../../src/evidence/receipt.ts';
import { TreeNodes } from '../../src/evidence/tree.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { type ReceiptContext, requiredWitnesses, takeReceipt, witnessPlaces } from '../../src/sync/receipts.ts';
import { findingsOf, journalPath, open, recordSession, tamper } from '../journal/support.ts';

const gateway = 'https://mcprec.example.com';
const gatewayKey = generateKeyPairSync('ed25519').privateKey;
const signer = logSigner(generateKeyPairSync('ed25519').privateKey);
const base64 = (hash: Uint8Array) => Buffer.from(hash).toString('base64');

/** A gateway's tree: made-up leaves, then the checkpoint, then more. */
function receiptOf(note: string, { salt = '', front = 4, behind = 3, known = 0, key = gatewayKey } = {}) {
  const checkpoint = parseCheckpoint(note);
  const nodes = new TreeNodes();
  for (let i = 0; i < front; i++) nodes.append(leafHash(Buffer.from(`leaf ${i}${salt}`)));
  nodes.append(leafHash(treeLeaf(checkpoint)));
  for (let i = 0; i < behind; i++) nodes.append(leafHash(Buffer.from(`more ${i}${salt}`)));
  const { size } = nodes;
  const verifier = noteVerifier('mcprec.example.com', 'ed25519', rawPublicKey(key));
  return {
    size: checkpoint.size,
    note: note + signNote(checkpoint.note.text, cosignerOf(verifier), key, 1_763_800_000),
    treeIndex: front,
    treeNote: signCheckpoint('mcprec.example.com', { size, root: rootOf(nodes.read, size) }, key),
    proof: proveInclusion(nodes.read, front, size).map(base64),
    consistency: proveConsistency(nodes.read, known, size).map(base64),
    treeKey: formatVerifier(verifier),
  };
}

async function laptop(
  path: string,
  work: (at: { journal: Journal; context: ReceiptContext; note: string; logId: Awaited<ReturnType<typeof recordSession>>['logId'] }) => Promise<void>,
) {
  using journal = open(path);
  const { logId, root, size } = await recordSession(journal, 3, { gateway });
  await journal.notary.signAll(gateway, signer);
  const note = signer.sign(originOf(logId), { size, root });
  await work({ journal, logId, note, context: { journal, gateway, device: signer.publicKey, required: [], nowMs: 1 } });
}

test('a receipt that holds is kept, and the log is held against it', async () => {
  const path = journalPath();
  await laptop(path, async ({ journal, context, note, logId }) => {
    await takeReceipt(logId, receiptOf(note), context);
    await takeReceipt(logId, receiptOf(note, { behind: 5, known: 8 }), context);
    expect(journal.verifier().verifySession(journal.sessions({ limit: 1 })[0]?.sessionId as never)).toMatchObject({ receipted: 8, findings: [] });
  });
  // Written anew with the device's key, checkpoints and all: the file alone would verify, the receipt shows it.
  tamper(path, (db) => db.exec('DELETE FROM entries WHERE entry_id % 4294967296 = 7 AND entry_id > 2 * 4294967296; DELETE FROM checkpoints WHERE log_no = 2'));
  expect(findingsOf(path).map(({ code, message }) => `${code} ${message}`)).toContainEqual(
    expect.stringMatching(/^end_missing the gateway’s receipt for 8 entries/),
  );
});

test.each([
  ['another history of the tree (split view)', { salt: '!', behind: 6, known: 8 }],
  ['an older tree put back', { behind: 0, known: 0 }],
  ['a tree signed with another key', { behind: 6, known: 8, key: generateKeyPairSync('ed25519').privateKey }],
])('%s is found, and both heads are kept', async (_what, shown) => {
  await laptop(journalPath(), async ({ journal, context, note, logId }) => {
    const first = receiptOf(note);
    await takeReceipt(logId, first, context);
    const second = receiptOf(note, shown);
    await expect(takeReceipt(logId, second, context)).rejects.toMatchObject({ code: 'witness_rollback' });
    expect(journal.notary.splits()).toMatchObject([{ gateway, known: first.treeNote, shown: second.treeNote }]);
  });
});

test('a receipt that does not hold is not kept', async () => {
  await laptop(journalPath(), async ({ journal, context, note, logId }) => {
    const good = receiptOf(note);
    const required = [noteVerifier('witness.example/w1', 'cosignature', signer.publicKey)];
    for (const bad of [
      { ...good, proof: good.proof.slice(1) },
      { ...good, note },
      { ...good, treeIndex: 5 },
      { ...good, size: 7 },
    ]) {
      await expect(takeReceipt(logId, bad, context)).rejects.toMatchObject({ code: 'note_invalid' });
    }
    await expect(takeReceipt(logId, good, { ...context, required })).rejects.toMatchObject({ code: 'witness_missing' });
    expect(journal.notary.treeOf(gateway)).toBeUndefined();
  });
});

test('MCPREC_WITNESS names keys, and where to ask; anything else is said so', () => {
  const key = formatVerifier(noteVerifier('witness.example.com/w1', 'cosignature', rawPublicKey(gatewayKey)));
  expect(requiredWitnesses({})).toEqual([]);
  expect(requiredWitnesses({ MCPREC_WITNESS: `${key} http://127.0.0.1:7480/,${key}` })).toHaveLength(2);
  expect(witnessPlaces({ MCPREC_WITNESS: `${key} http://127.0.0.1:7480/,${key}` })).toMatchObject([{ url: 'http://127.0.0.1:7480' }]);
  for (const wrong of ['http://127.0.0.1:7480', `${key.slice(0, -4)}AAA=`])
    expect(() => requiredWitnesses({ MCPREC_WITNESS: wrong })).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(/^MCPREC_WITNESS: /) }),
    );
});

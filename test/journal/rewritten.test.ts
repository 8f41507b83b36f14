// Tampering by somebody who knows the format: entries edited, put in or cut off with every hash and head recomputed. The signed checkpoint shows it.
import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { logSigner } from '../../src/evidence/checkpoint.ts';
import type { Leaf } from '../../src/evidence/leaf.ts';
import { bytes } from '../evidence/samples.ts';
import { findingsOf, journalPath, open, recordSession, rewrite, tamper } from './support.ts';

const signer = logSigner(generateKeyPairSync('ed25519').privateKey);
const LOG = 2;

test.each<[string, (leaves: Leaf[]) => Leaf[], string]>([
  ['an entry edited with all hashes recomputed', (leaves) => leaves.with(3, { ...(leaves[3] as Leaf), status: 500 }), 'head_differs'],
  ['the policy hash changed', (leaves) => leaves.with(3, { ...(leaves[3] as Leaf), policyHash: bytes(32, 0x77) }), 'head_differs'],
  ['an entry deleted in the middle', (leaves) => leaves.toSpliced(4, 1), 'end_missing'],
  ['an entry inserted', (leaves) => leaves.toSpliced(4, 0, leaves[3] as Leaf), 'head_differs'],
  ['two entries reordered', (leaves) => leaves.with(3, leaves[4] as Leaf).with(4, leaves[3] as Leaf), 'head_differs'],
  ['the end cut off', (leaves) => leaves.slice(0, -2), 'end_missing'],
])('%s: the checkpoint shows it', async (_what, change, code) => {
  const path = journalPath();
  {
    using journal = open(path);
    await recordSession(journal, 4);
    await journal.notary.signAll(undefined, signer);
  }
  expect(findingsOf(path)).toEqual([]);
  tamper(path, (db) => rewrite(db, LOG, change));
  const found = findingsOf(path).filter((finding) => finding.code === code);
  expect(found.map(({ message }) => message)).toContainEqual(expect.stringContaining('this device signed'));
});

// The independent witness: what it co-signs, what it remembers, and how a gateway's tree gets its signature.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { parseCheckpoint, signCheckpoint, witnessesOf } from '../../src/evidence/checkpoint.ts';
import { leafHash } from '../../src/evidence/merkle.ts';
import { noteVerifier, rawPublicKey } from '../../src/evidence/note.ts';
import { proveConsistency, rootOf } from '../../src/evidence/proof.ts';
import { TreeNodes } from '../../src/evidence/tree.ts';
import { cosignBy } from '../../src/sync/witness-client.ts';
import { startWitness } from '../../src/witness/server.ts';
import { temporaryDirectory } from '../journal/support.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const origin = 'mcprec.example.com';
const logs = [noteVerifier(origin, 'ed25519', rawPublicKey(privateKey))];

function headOf(size: number, salt = '') {
  const tree = new TreeNodes();
  for (let i = 0; i < size; i++) tree.append(leafHash(Buffer.from(`${i}${salt}`)));
  const head = { size, root: rootOf(tree.read, size) };
  return { head, note: signCheckpoint(origin, head, privateKey), prove: async (old: number) => proveConsistency(tree.read, old, size) };
}

test('it co-signs a tree that grows, over a restart, and no other history', async () => {
  const directory = temporaryDirectory();
  const alarms: string[] = [];
  const start = () =>
    startWitness({
      name: 'witness.example/w1',
      keyFile: join(directory, 'key.pem'),
      stateFile: join(directory, 'state.json'),
      logs,
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      alarm: (_origin, what) => alarms.push(what),
    });
  let key = '';
  {
    await using witness = await start();
    key = witness.verifier.keyId;
    for (const size of [3, 8, 8]) {
      const signed = await cosignBy(witness, headOf(size));
      expect(witnessesOf(parseCheckpoint(signed), [witness.verifier])).toEqual(['witness.example/w1']);
      expect(await cosignBy(witness, { ...headOf(size), note: signed })).toBe(signed);
    }
  }
  expect(JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8'))).toMatchObject({ [origin]: { size: 8 } });
  await using again = await start();
  expect(again.verifier.keyId).toBe(key);
  // An old backup, two histories of the same size, a history that does not go on, a log that it does not know.
  await expect(cosignBy(again, headOf(5))).rejects.toMatchObject({ code: 'witness_rollback' });
  await expect(cosignBy(again, headOf(8, '!'))).rejects.toMatchObject({ code: 'witness_rollback' });
  await expect(cosignBy(again, headOf(9, '!'))).rejects.toMatchObject({ code: 'witness_rollback', message: expect.stringContaining('another tree') });
  const stranger = { ...headOf(3), note: signCheckpoint('other.example', headOf(3).head, privateKey) };
  await expect(cosignBy(again, stranger)).rejects.toMatchObject({ code: 'witness_missing', message: expect.stringContaining('404') });
  expect(alarms.length).toBeGreaterThanOrEqual(3);
  await expect(cosignBy({ ...again, url: 'http://127.0.0.1:9' }, headOf(9))).rejects.toMatchObject({ code: 'witness_missing' });
});

import { createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkpointText, logOfOrigin, openCheckpoint, originOf, parseCheckpoint, signCheckpoint, witnessesOf } from '../../src/evidence/checkpoint.ts';
import { formatNote, formatVerifier, noteVerifier, parseNote, parseVerifier, rawPublicKey, signNote, verifyNote } from '../../src/evidence/note.ts';
import { bytes, logId } from './samples.ts';

/** The key whose seed is 32 times that byte. */
const keyOf = (fill: number) =>
  createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytes(32, fill)]), format: 'der', type: 'pkcs8' });
const key = keyOf(7);
const witnessKey = keyOf(9);
const witness = noteVerifier('witness.example/w1', 'cosignature', rawPublicKey(witnessKey));
const head = { size: 8, root: bytes(32, 0x44) };
const invalid = expect.objectContaining({ code: 'note_invalid' });

test('a checkpoint comes back from its note, signed by the log and a witness', () => {
  const origin = originOf(logId);
  expect(logOfOrigin(origin)).toBe(logId);
  expect(logOfOrigin('example.com/log')).toBeUndefined();
  const signed = signCheckpoint(origin, head, key);
  const both = signed + signNote(checkpointText(origin, head), witness, witnessKey, 1_763_800_000);
  const checkpoint = openCheckpoint(both, origin, rawPublicKey(key));
  expect(checkpoint).toMatchObject({ origin, size: 8, root: head.root });
  expect(witnessesOf(checkpoint, [witness])).toEqual(['witness.example/w1']);
  expect(verifyNote(checkpoint.note, [witness])).toEqual([{ by: witness, atSeconds: 1_763_800_000 }]);
});

test('a signature holds for its text, its key and its time only', () => {
  const origin = originOf(logId);
  const signed = signCheckpoint(origin, head, key) + signNote(checkpointText(origin, head), witness, witnessKey, 1_763_800_000);
  expect(() => openCheckpoint(signed.replace('\n8\n', '\n9\n'), origin, rawPublicKey(key))).toThrow(invalid);
  expect(() => openCheckpoint(signed, origin, rawPublicKey(keyOf(8)))).toThrow(invalid);
  expect(() => openCheckpoint(signed, 'mcprec/log/other', rawPublicKey(key))).toThrow(invalid);
  // Under the right name and id, over another text.
  const forged = signed.replace(/\n\u2014 witness.*\n$/u, `\n${signNote('other\n1\nx\n', witness, witnessKey, 1_763_800_000)}`);
  expect(() => witnessesOf(parseCheckpoint(forged), [witness])).toThrow(invalid);
  // A key that is not known is no matter.
  expect(verifyNote(parseNote(signed), [noteVerifier('someone', 'ed25519', bytes(32, 1))])).toEqual([]);
});

test('a verifier key is handed on as text, and a changed one is refused', () => {
  const text = formatVerifier(witness);
  expect(parseVerifier(text)).toEqual(witness);
  for (const wrong of ['', text.replace('w1', 'w2'), `${text}A`, text.replace(/\+[0-9a-f]{8}/, '+00000000'), 'a b+00000000+AAAA']) {
    expect(() => parseVerifier(wrong), wrong).toThrow(invalid);
  }
  expect(() => noteVerifier('has blank', 'ed25519', bytes(32, 1))).toThrow(invalid);
});

test('what is no checkpoint is refused', () => {
  const good = signCheckpoint('a/b', head, key);
  for (const wrong of [
    good.slice(0, -1),
    good.replace('\n\n', '\n'),
    good.replace('\n8\n', '\n08\n'),
    good.replace('\n8\n', '\n8\nmore\n'),
    good.replace('\n8\n', '\n-8\n'),
    good.replace('\n8\n', '\n99999999999999999\n'),
    good.replace('\u2014', '-'),
    good.replace('a/b', 'a\u0007b'),
    `${good}\n`,
    '',
    'x'.repeat(40_000),
  ]) {
    expect(() => parseCheckpoint(wrong), JSON.stringify(wrong)).toThrow(invalid);
  }
});

test('no text makes the parser fail in another way, and what it reads it writes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, signed) => {
      const body = `${text}\n`;
      const note = signed ? formatNote(body, [signNote(body, noteVerifier('n', 'ed25519', rawPublicKey(key)), key)]) : text;
      let read: ReturnType<typeof parseNote> | undefined;
      try {
        read = parseNote(note);
      } catch (error) {
        expect(error).toMatchObject({ code: 'note_invalid' });
      }
      if (signed && read !== undefined) expect(verifyNote(read, [noteVerifier('n', 'ed25519', rawPublicKey(key))])).toHaveLength(1);
    }),
  );
});

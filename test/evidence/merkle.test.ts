import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';

const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

/** RFC 6962 §2.1 word for word: split at the largest power of two below n. */
function rootByDefinition(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256();
  const [only] = leaves;
  if (leaves.length === 1 && only) return sha256(Buffer.of(0), only);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Buffer.of(1), rootByDefinition(leaves.slice(0, k)), rootByDefinition(leaves.slice(k)));
}

const hex = (b: Uint8Array) => Buffer.from(b).toString('hex');

test('the roots of the RFC 6962 test leaves', () => {
  // Leaves and roots of the reference log's Merkle tree test (certificate-transparency, merkle_tree_test.cc).
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((h) => Buffer.from(h, 'hex'));
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  const frontier = new Frontier();
  expect(hex(frontier.root())).toBe(roots[0]);
  leaves.forEach((leaf, i) => {
    frontier.append(leafHash(leaf));
    expect(hex(frontier.root())).toBe(roots[i + 1]);
  });
});

test('the root is that of the definition, through every size', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 80 }), (leaves) => {
      const frontier = new Frontier();
      for (const leaf of leaves) frontier.append(leafHash(leaf));
      expect(frontier.size).toBe(leaves.length);
      expect(hex(frontier.root())).toBe(hex(rootByDefinition(leaves)));
    }),
  );
});

test('a frontier goes on from its bytes and from a copy', () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(40), (first, more) => {
      const one = new Frontier();
      for (let i = 0; i < first; i++) one.append(leafHash(Buffer.from(`${i}`)));
      const two = Frontier.decode(one.encode());
      const three = one.copy();
      for (const frontier of [one, two]) for (let i = 0; i < more; i++) frontier.append(leafHash(Buffer.from(`more ${i}`)));
      expect(hex(two.encode())).toBe(hex(one.encode()));
      expect(three.size).toBe(first);
      for (let i = 0; i < more; i++) three.append(leafHash(Buffer.from(`more ${i}`)));
      expect(hex(three.root())).toBe(hex(one.root()));
    }),
  );
});

test('what is no frontier is refused', () => {
  const frontier = new Frontier();
  for (let i = 0; i < 5; i++) frontier.append(leafHash(Buffer.of(i)));
  const encoded = frontier.encode();
  const tooLarge = Buffer.alloc(8, 0xff);
  for (const wrong of [encoded.subarray(0, -1), Buffer.concat([encoded, Buffer.alloc(32)]), encoded.subarray(0, 7), tooLarge, new Uint8Array()]) {
    expect(() => Frontier.decode(wrong)).toThrow(expect.objectContaining({ code: 'leaf_invalid' }));
  }
});

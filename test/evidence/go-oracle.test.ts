// Go's golang.org/x/mod/sumdb/{tlog,note} as an outside oracle: what it made is stored in test/vector/tlog-go.json; where Go and the
// module are on this machine, it is asked again, and opens a note of ours.
import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { formatVerifier, noteVerifier, parseNote, parseVerifier, rawPublicKey, verifyNote } from '../../src/evidence/note.ts';
import { proveConsistency, proveInclusion, verifyConsistency, verifyInclusion } from '../../src/evidence/proof.ts';
import { TreeNodes } from '../../src/evidence/tree.ts';

interface Oracle {
  readonly roots: readonly string[];
  readonly inclusion: readonly { readonly size: number; readonly index: number; readonly path: readonly string[] }[];
  readonly consistency: readonly { readonly old: number; readonly size: number; readonly path: readonly string[] }[];
  readonly tiles: readonly string[];
  readonly seed: string;
  readonly verifier: string;
  readonly checkpoint: string;
}

const oracle = JSON.parse(readFileSync(new URL('../vector/tlog-go.json', import.meta.url), 'utf8')) as Oracle;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (list: readonly string[]) => list.map((item) => new Uint8Array(Buffer.from(item, 'hex')));
const key = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(oracle.seed, 'hex')]),
  format: 'der',
  type: 'pkcs8',
});

const hashes = oracle.roots.map((_, i) => leafHash(Buffer.from(`leaf ${i}`)));
const tree = new TreeNodes();
for (const hash of hashes) tree.append(hash);

test('roots are those of Go', () => {
  const frontier = new Frontier();
  expect(
    hashes.map((hash) => {
      frontier.append(hash);
      return hex(frontier.root());
    }),
  ).toEqual(oracle.roots);
});

test('proofs are those of Go, and Go’s hold here', () => {
  const rootAt = (size: number) => new Uint8Array(Buffer.from(oracle.roots[size - 1] ?? '', 'hex'));
  expect(oracle.inclusion.length).toBeGreaterThan(20);
  for (const { size, index, path } of oracle.inclusion) {
    expect(proveInclusion(tree.read, index, size).map(hex)).toEqual(path);
    expect(verifyInclusion(hashes[index] as Uint8Array, index, size, bytesOf(path), rootAt(size))).toBe(true);
  }
  for (const { old, size, path } of oracle.consistency) {
    expect(proveConsistency(tree.read, old, size).map(hex)).toEqual(path);
    expect(verifyConsistency({ size: old, root: rootAt(old) }, { size, root: rootAt(size) }, bytesOf(path))).toBe(true);
  }
});

test('notes are those of Go, byte for byte', () => {
  const verifier = noteVerifier('mcprec.example.com', 'ed25519', rawPublicKey(key));
  expect(formatVerifier(verifier)).toBe(oracle.verifier);
  expect(parseVerifier(oracle.verifier)).toEqual(verifier);
  expect(verifyNote(parseNote(oracle.checkpoint), [verifier])).toEqual([{ by: verifier }]);
  const size = oracle.roots.length;
  expect(signCheckpoint('mcprec.example.com', { size, root: Buffer.from(oracle.roots.at(-1) ?? '', 'hex') }, key)).toBe(oracle.checkpoint);
});

const folder = new URL('../vector/go-oracle/', import.meta.url).pathname;
/** Without the network: from the cache of modules, or from Debian's packages. */
const worlds = [
  { GOFLAGS: '-mod=mod -buildvcs=false', GOPROXY: 'off' },
  { GO111MODULE: 'off', GOPATH: '/usr/share/gocode' },
];
const runGo = (...args: string[]) => {
  for (const world of worlds) {
    const run = spawnSync('go', ['run', '.', ...args], { cwd: folder, env: { ...process.env, ...world }, encoding: 'utf8' });
    if (run.status === 0 || run.stderr?.includes('signature')) return run;
  }
  return undefined;
};

test('Go, asked again, says the same and opens our notes', { timeout: 120_000 }, (context) => {
  const note = signCheckpoint('mcprec.example.com', { size: 3, root: hashes[0] as Uint8Array }, key);
  const run = runGo(note, oracle.verifier);
  if (run === undefined) return context.skip('Go or golang.org/x/mod is not on this machine: only the stored vectors were compared');
  expect(JSON.parse(run.stdout)).toEqual(oracle);
  expect(runGo(note.replace('\n3\n', '\n4\n'), oracle.verifier)?.status).not.toBe(0);
});

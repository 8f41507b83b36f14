// Golden bytes of format version 1: once by the format document alone (node:crypto and a general CBOR library), once by our code.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { decode } from 'cborg';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { LogId } from '../../src/base/ids.ts';
import { decodeLeaf, encodeLeaf, type Leaf } from '../../src/evidence/leaf.ts';
import { Frontier } from '../../src/evidence/merkle.ts';
import { emptyTail, extend } from '../../src/evidence/tail.ts';
import { bytes, countingRandom, logId, requestDraft } from '../evidence/samples.ts';
import { findingsOf, journalPath, open, openSession } from '../journal/support.ts';
import { vectorDrafts } from './drafts.ts';

interface Vector {
  readonly entries: readonly {
    readonly leaf: string;
    readonly leafHash: string;
    readonly payload?: { readonly salt: string; readonly text: string };
    readonly names?: { readonly salt: string; readonly text: string };
    readonly root: string;
  }[];
  readonly frontier: string;
}

const file = (name: string) => readFileSync(new URL(name, import.meta.url));
const vector = JSON.parse(file('log-v1.json').toString()) as Vector;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const sha256 = (...parts: (string | Uint8Array)[]) =>
  createHash('sha256')
    .update(Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))))
    .digest();

/** The Merkle tree hash of RFC 6962 §2.1 over leaf hashes, by its definition. */
function rootOf(hashes: readonly Buffer[]): Buffer {
  const [only] = hashes;
  if (only && hashes.length === 1) return only;
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return sha256(Buffer.of(1), rootOf(hashes.slice(0, k)), rootOf(hashes.slice(k)));
}

test('the golden log holds by the words of the format document', () => {
  const hashes: Buffer[] = [];
  vector.entries.forEach(({ leaf, leafHash, payload, names, root }, index) => {
    const bytes = Buffer.from(leaf, 'hex');
    const fields = decode(bytes, { useMaps: true, strict: true }) as Map<number, unknown>;
    expect(fields.get(0)).toBe(1);
    expect(hex(fields.get(1) as Uint8Array)).toBe(logId.slice('log_'.length));
    expect(fields.get(2)).toBe(index);
    hashes.push(sha256(Buffer.of(0), bytes));
    expect(leafHash).toBe(hashes.at(-1)?.toString('hex'));
    expect(root).toBe(rootOf(hashes).toString('hex'));
    if (payload) expect(hex(fields.get(20) as Uint8Array)).toBe(hex(sha256('mcprec/v1/payload\0', Buffer.from(payload.salt, 'hex'), payload.text)));
    if (names) expect(hex(fields.get(21) as Uint8Array)).toBe(hex(sha256('mcprec/v1/names\0', Buffer.from(names.salt, 'hex'), names.text)));
    expect(fields.get(19)).toBe(payload === undefined ? undefined : Buffer.byteLength(payload.text));
  });
  // Eight entries are one full subtree: the frontier is the size and that root.
  expect(vector.frontier).toBe(`0000000000000008${vector.entries.at(-1)?.root}`);
});

test('our code writes the golden log byte for byte', () => {
  const { entries, tail } = extend(emptyTail(logId), vectorDrafts(), countingRandom());
  expect(entries.map((entry) => hex(entry.leaf))).toEqual(vector.entries.map((entry) => entry.leaf));
  expect(entries.map((entry) => hex(entry.leafHash))).toEqual(vector.entries.map((entry) => entry.leafHash));
  expect(hex(tail.frontier.encode())).toBe(vector.frontier);
  expect(hex(Frontier.decode(Buffer.from(vector.frontier, 'hex')).root())).toBe(vector.entries.at(-1)?.root);
  for (const { leaf } of vector.entries) expect(hex(encodeLeaf(decodeLeaf(Buffer.from(leaf, 'hex'))))).toBe(leaf);
});

test('every field of a leaf stands in the golden log', () => {
  const keys = new Set(vector.entries.flatMap(({ leaf }) => [...(decode(Buffer.from(leaf, 'hex'), { useMaps: true }) as Map<number, unknown>).keys()]));
  expect([...keys].sort((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, key) => key));
});

test('a journal file of version 1 is read, verified and written on', async () => {
  const path = journalPath();
  writeFileSync(path, zstdDecompressSync(file('journal-v1.db.zst')));
  expect(findingsOf(path)).toEqual([]);
  using journal = open(path);
  const [session] = journal.sessions({ limit: 2 });
  expect(session).toMatchObject({
    connection: 'datadog',
    gateway: 'https://mcprec.example.com',
    state: 'closed',
    size: 8,
    calls: 3,
    denied: 1,
    masked: 1,
    identity: { groups: ['sre'] },
  });
  const entries = journal.entries(session?.logId ?? logId, 0, 10);
  const drafts = vectorDrafts().filter((draft) => draft.payload !== undefined);
  expect(entries.flatMap((entry) => (entry.payload ? [Buffer.from(entry.payload).toString()] : []))).toEqual(
    drafts.map((draft) => Buffer.from(draft.payload ?? []).toString()),
  );
  expect(journal.whoSent('metric', 'checkout.latency', 10)).toMatchObject([{ count: 12, identity: { subject: 'u-1' } }]);
  const log = await openSession(journal);
  await log.append([requestDraft(systemClock, 1)]);
  expect(findingsOf(path)).toEqual([]);
});

/** Keys 25 to 27 stand in index logs and heartbeats, of which the golden log has none. */
test.each<[string, Partial<Leaf>, string]>([
  [
    'an opened session',
    { kind: 'opened', subject: `log_${'22'.repeat(16)}` as LogId },
    'a8000101501111111111111111111111111111111102010311041b0000019aaaac2600051a002625a006506666666666666666666666666666666618195022222222222222222222222222222222',
  ],
  [
    'how it ended',
    { kind: 'ended', subject: `log_${'22'.repeat(16)}` as LogId, head: { size: 8, root: bytes(32, 0x44) } },
    'a9000101501111111111111111111111111111111102010312041b0000019aaaac2600051a002625a006506666666666666666666666666666666618195022222222222222222222222222222222181a820858204444444444444444444444444444444444444444444444444444444444444444',
  ],
  [
    'a heartbeat that has seen the gateway’s tree',
    { kind: 'heartbeat', seen: { size: 300, root: bytes(32, 0x55) } },
    'a8000101501111111111111111111111111111111102010309041b0000019aaaac2600051a002625a0065066666666666666666666666666666666181b8219012c58205555555555555555555555555555555555555555555555555555555555555555',
  ],
])('the golden bytes of %s', (_what, more, golden) => {
  const leaf: Leaf = {
    logId,
    index: 1,
    kind: 'opened',
    wallMs: 1_763_800_000_000,
    monoUs: 2_500_000,
    nonce: bytes(16, 0x66),
    final: false,
    failed: false,
    maskedCount: 0,
    wireBytes: 0,
    storedBytes: 0,
    ...more,
  };
  expect(hex(encodeLeaf(leaf))).toBe(golden);
  expect(decodeLeaf(Buffer.from(golden, 'hex'))).toMatchObject(more);
});

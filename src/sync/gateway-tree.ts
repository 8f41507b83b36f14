// The gateway's tree as an auditor fetches it: all of its hashes, checked against the head that it signed and the one that was seen before.
import { type Checkpoint, openCheckpoint, type TreeHead } from '../evidence/checkpoint.ts';
import type { Finding } from '../evidence/findings.ts';
import { Frontier, hashBytes, leafHash } from '../evidence/merkle.ts';
import { type NoteVerifier, parseVerifier } from '../evidence/note.ts';
import { openTree } from '../evidence/receipt.ts';
import { formatTilePath, readEntryBundle, tileWidth } from '../evidence/tiles.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';

export type GatewayReader = Pick<GatewayIdentity, 'request'>;

/** A head of the tree that was seen before, and the key that signs it. */
export interface SeenTree {
  readonly note: string;
  readonly verifier: string;
}

export interface GatewayTree {
  readonly size: number;
  readonly key: NoteVerifier;
  readonly findings: readonly Finding[];
  /** True where leaf `index` of the tree has that hash. */
  has(index: number, hash: Uint8Array): boolean;
}

interface TreeToFetch {
  /** The key that the gateway names, where none was seen before. */
  readonly key: NoteVerifier;
  readonly seen: SeenTree | undefined;
  readonly required: readonly NoteVerifier[];
  readonly signal: AbortSignal;
}

/** Fetches and checks the tree. Throws what the gateway says, `note_invalid` where its head is not signed, `witness_missing` where a required signature is not on it. */
export async function fetchTree(gateway: GatewayReader, { key: named, seen, required, signal }: TreeToFetch): Promise<GatewayTree> {
  const key = seen === undefined ? named : parseVerifier(seen.verifier);
  const note = (await gateway.request('GET', '/checkpoint', { signal })).body.toString();
  const head = openTree(note, key, required);
  const hashes = await fetchTiles(gateway, head.size, 0, signal);
  return { size: head.size, key, findings: compare(hashes, head, seen && openCheckpoint(seen.note, key.name, key.publicKey)), has };

  function has(index: number, hash: Uint8Array): boolean {
    return Buffer.compare(hashes.subarray(index * hashBytes, (index + 1) * hashBytes), hash) === 0;
  }
}

/** The leaves of the tree; only an administrator gets them. What does not have the hash that stands in the tree is a finding. */
export async function fetchTreeLeaves(gateway: GatewayReader, tree: GatewayTree, signal: AbortSignal): Promise<{ leaves: Uint8Array[]; findings: Finding[] }> {
  const leaves = readEntryBundle(await fetchTiles(gateway, tree.size, 'entries', signal));
  const findings: Finding[] = [];
  for (let i = 0; i < tree.size; i++) {
    const leaf = leaves[i];
    if (leaf !== undefined && tree.has(i, leafHash(leaf))) continue;
    findings.push({
      code: 'tree_differs',
      message: `leaf ${i} of the gateway’s tree is ${leaf === undefined ? 'gone' : 'another than its hash says'}: a checkpoint that it accepted was changed or removed`,
    });
  }
  return { leaves, findings };
}

async function fetchTiles(gateway: GatewayReader, size: number, level: 0 | 'entries', signal: AbortSignal): Promise<Buffer> {
  const tiles: Buffer[] = [];
  for (let n = 0; n * tileWidth < size; n++) {
    const width = Math.min(tileWidth, size - n * tileWidth);
    tiles.push((await gateway.request('GET', `/tile/${formatTilePath({ level, n, width })}`, { signal })).body);
  }
  return Buffer.concat(tiles);
}

function compare(hashes: Buffer, head: Checkpoint, seen: TreeHead | undefined): Finding[] {
  const findings: Finding[] = [];
  if (hashes.length !== head.size * hashBytes || !isRoot(hashes, head)) {
    findings.push({
      code: 'tree_differs',
      message: `the hashes of the gateway’s tree do not give the head of ${head.size} leaves that it signed: the tree was changed after that`,
    });
  }
  if (seen === undefined) return findings;
  if (head.size < seen.size) {
    findings.push({
      code: 'tree_differs',
      message: `the gateway’s tree has ${head.size} leaves, and ${seen.size} were seen before: an older copy of its data was put back`,
    });
  } else if (!isRoot(hashes, seen)) {
    findings.push({
      code: 'tree_differs',
      message: `the gateway’s tree does not go on from the head of ${seen.size} leaves that was seen before: two histories are shown, or it was written anew`,
    });
  }
  return findings;
}

function isRoot(hashes: Buffer, { size, root }: TreeHead): boolean {
  const frontier = new Frontier();
  for (let i = 0; i < size; i++) frontier.append(hashes.subarray(i * hashBytes, (i + 1) * hashBytes));
  return Buffer.compare(frontier.root(), root) === 0;
}

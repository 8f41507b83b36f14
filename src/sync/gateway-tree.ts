// The gateway's tree as an auditor fetches it: all of its hashes, checked against the head that it signed and the one that was seen before.
import { asMcprecError, McprecError } from '../base/errors.ts';
import { type Checkpoint, openCheckpoint, parseCheckpoint, type TreeHead } from '../evidence/checkpoint.ts';
import type { Finding } from '../evidence/findings.ts';
import { Frontier, hashBytes, leafHash } from '../evidence/merkle.ts';
import { type NoteVerifier, parseVerifier } from '../evidence/note.ts';
import { proveConsistency } from '../evidence/proof.ts';
import { openTree } from '../evidence/receipt.ts';
import { formatTilePath, readEntryBundle, tileWidth } from '../evidence/tiles.ts';
import { TreeNodes } from '../evidence/tree.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { cosignBy, type WitnessPlace } from './witness-client.ts';

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
  /** True where leaf `index` of the tree has that hash; always, where the gateway shows no head that it signed: that is a finding of its own. */
  has(index: number, hash: Uint8Array): boolean;
  /** Reads on where leaf `index` is not in it yet: the gateway may have accepted more meanwhile. What does not go on from here is a finding. */
  reach(index: number): Promise<void>;
}

interface TreeToFetch {
  /** The key that the gateway names, where none was seen before. */
  readonly key: NoteVerifier;
  readonly seen: SeenTree | undefined;
  readonly required: readonly NoteVerifier[];
  /** Witnesses that are asked what they have seen. */
  readonly places: readonly WitnessPlace[];
  readonly signal: AbortSignal;
}

/** Fetches and checks the tree, and shows its head to the witnesses. Throws what the gateway says, and `witness_missing` where a witness cannot be asked. */
export async function fetchTree(gateway: GatewayReader, { key: named, seen, required, places, signal }: TreeToFetch): Promise<GatewayTree> {
  const key = seen === undefined ? named : parseVerifier(seen.verifier);
  const note = (await gateway.request('GET', '/checkpoint', { signal })).body.toString();
  const { head, findings } = readHead(note, key, required);
  if (head === undefined) return { size: 0, key, findings, has: () => true, reach: async () => undefined };
  const hashes = await fetchHashes(gateway, head.size, signal);
  findings.push(...compare(hashes, head, seen && openCheckpoint(seen.note, key.name, key.publicKey)));
  if (places.length > 0 && hashes.length === head.size * hashBytes) findings.push(...(await askWitnesses(places, { head, note, hashes })));
  return new FetchedTree(gateway, { key, head, hashes, findings, signal });
}

interface TreeParts {
  readonly key: NoteVerifier;
  readonly head: TreeHead;
  readonly hashes: Buffer;
  readonly findings: Finding[];
  readonly signal: AbortSignal;
}

class FetchedTree implements GatewayTree {
  readonly #gateway: GatewayReader;
  #parts: TreeParts;

  constructor(gateway: GatewayReader, parts: TreeParts) {
    this.#gateway = gateway;
    this.#parts = parts;
  }

  get size(): number {
    return this.#parts.head.size;
  }

  get key(): NoteVerifier {
    return this.#parts.key;
  }

  get findings(): readonly Finding[] {
    return this.#parts.findings;
  }

  has(index: number, hash: Uint8Array): boolean {
    return Buffer.compare(this.#parts.hashes.subarray(index * hashBytes, (index + 1) * hashBytes), hash) === 0;
  }

  async reach(index: number): Promise<void> {
    const { key, head, hashes, findings, signal } = this.#parts;
    if (index < head.size) return;
    // The witnesses have spoken of the tree as it was, and this one goes on from it.
    const later = readHead((await this.#gateway.request('GET', '/checkpoint', { signal })).body.toString(), key, []).head;
    if (later === undefined || index >= later.size) return;
    const grown = await fetchHashes(this.#gateway, later.size, signal, hashes);
    this.#parts = { key, head: later, hashes: grown, findings: [...findings, ...compare(grown, later, head)], signal };
  }
}

/** Reads the leaves of the tree, a tile after the other; only an administrator gets them. What does not have the hash that stands in the tree is a finding. */
export async function readTreeLeaves(gateway: GatewayReader, tree: GatewayTree, seen: (leaf: Uint8Array) => void, signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [];
  let at = 0;
  for await (const tile of fetchTiles(gateway, tree.size, 'entries', signal)) {
    for (const leaf of readEntryBundle(tile)) {
      seen(leaf);
      if (!tree.has(at, leafHash(leaf))) findings.push(changed(`leaf ${at} of the gateway’s tree is another than its hash says`));
      at++;
    }
  }
  if (at < tree.size) findings.push(changed(`leaves ${at} to ${tree.size - 1} of the gateway’s tree are gone`));
  return findings;
}

function changed(what: string): Finding {
  return { code: 'tree_differs', message: `${what}: a checkpoint that it accepted was changed or removed` };
}

/** The head of the tree, undefined where the key did not sign it; and what is wrong with its signatures. */
function readHead(note: string, key: NoteVerifier, required: readonly NoteVerifier[]): { readonly head: Checkpoint | undefined; readonly findings: Finding[] } {
  try {
    return { head: openTree(note, key, required), findings: [] };
  } catch (error) {
    const { code, message: why } = asMcprecError(error);
    if (code === 'witness_missing') {
      const names = required.map(({ name }) => name).join(', ');
      const message = `the head of the gateway’s tree lacks the signature of a required witness (${names})`;
      return { head: parseCheckpoint(note), findings: [{ code: 'signature_invalid', message }] };
    }
    const message = `the head that the gateway shows of its tree is not one that the key ${key.name} signed (${why}): whatever it covers is unproven`;
    return { head: undefined, findings: [{ code: 'signature_invalid', message }] };
  }
}

/** Whoever shows two histories cannot have both co-signed. */
async function askWitnesses(
  places: readonly WitnessPlace[],
  { head, note, hashes }: { readonly head: Checkpoint; readonly note: string; readonly hashes: Buffer },
): Promise<Finding[]> {
  const nodes = new TreeNodes();
  for (let i = 0; i < head.size; i++) nodes.append(hashes.subarray(i * hashBytes, (i + 1) * hashBytes));
  const findings: Finding[] = [];
  for (const place of places) {
    try {
      await cosignBy(place, { head, note, prove: async (old) => proveConsistency(nodes.read, old, head.size) });
    } catch (error) {
      const { code, message } = asMcprecError(error);
      if (code !== 'witness_rollback') throw error;
      findings.push({ code: 'tree_differs', message: `${message}: others were shown another history, or an older copy of the gateway’s data was put back` });
    }
  }
  return findings;
}

/** 32 bytes for each checkpoint: all that an audit keeps in memory of a tree. The whole tiles of `known` are not fetched again. */
async function fetchHashes(gateway: GatewayReader, size: number, signal: AbortSignal, known: Buffer = Buffer.alloc(0)): Promise<Buffer> {
  const whole = Math.floor(known.length / (tileWidth * hashBytes));
  const tiles: Buffer[] = [known.subarray(0, whole * tileWidth * hashBytes)];
  for await (const tile of fetchTiles(gateway, size, 0, signal, whole)) tiles.push(tile);
  return Buffer.concat(tiles);
}

async function* fetchTiles(gateway: GatewayReader, size: number, level: 0 | 'entries', signal: AbortSignal, first = 0): AsyncGenerator<Buffer> {
  for (let n = first; n * tileWidth < size; n++) {
    const width = Math.min(tileWidth, size - n * tileWidth);
    try {
      yield (await gateway.request('GET', `/tile/${formatTilePath({ level, n, width })}`, { signal })).body;
    } catch (error) {
      // A part that is gone is missed where the hashes are compared with the head.
      if (!(error instanceof McprecError) || error.code !== 'not_found') throw error;
      return;
    }
  }
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

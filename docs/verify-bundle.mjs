// Verifies a bundle of mcprec by docs/journal-format.md alone: one file, nothing but Node's own crypto. node verify-bundle.mjs FILE
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const faults = [];
const fault = (where, what) => faults.push(`${where}: ${what}`);
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest();
const b64 = (text) => Buffer.from(text, 'base64');

// Section 2: deterministic CBOR, only what leaves are made of.
function readLeaf(bytes) {
  let at = 0;
  const head = () => {
    const first = bytes[at++];
    const info = first & 31;
    if (info < 24) return [first >> 5, info, first];
    const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[info];
    if (size === undefined || at + size > bytes.length) throw new Error('a head that is not deterministic');
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + bytes[at++];
    const least = { 24: 24, 25: 256, 26: 65_536, 27: 2 ** 32 }[info];
    // 0xf5 is handled below; every other number must be in its shortest form.
    if (value < least || !Number.isSafeInteger(value)) throw new Error('a number that is not in its shortest form');
    return [first >> 5, value, first];
  };
  const value = () => {
    const [major, n, first] = head();
    if (major === 0) return n;
    if (major === 2 || major === 3) {
      if (at + n > bytes.length) throw new Error('it ends too early');
      const part = bytes.subarray(at, at + n);
      at += n;
      return major === 2 ? part : part.toString('utf8');
    }
    if (major === 4) return Array.from({ length: n }, value);
    if (first === 0xf5) return true;
    throw new Error(`CBOR of type ${major}`);
  };
  const [major, pairs] = head();
  if (major !== 5) throw new Error('it is no map');
  const leaf = new Map();
  let before = -1;
  for (let i = 0; i < pairs; i++) {
    const key = value();
    if (!(key > before)) throw new Error(`key ${key} after key ${before}`);
    before = key;
    leaf.set(key, value());
  }
  if (at !== bytes.length) throw new Error('bytes after its end');
  if (leaf.get(0) !== 1) throw new Error(`version ${leaf.get(0)}`);
  return leaf;
}

// Section 4: RFC 6962.
const node = (left, right) => sha256([1], left, right);
function roots(hashes) {
  const stack = [];
  const found = [sha256()];
  hashes.forEach((hash, i) => {
    let top = hash;
    for (let n = i; n % 2 === 1; n = Math.floor(n / 2)) top = node(stack.pop(), top);
    stack.push(top);
    found.push(stack.reduceRight((right, left) => node(left, right)));
  });
  return found;
}

function included(leafHash, index, size, proof, root) {
  let [hash, at, last] = [leafHash, index, size - 1];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = node(sibling, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else hash = node(hash, sibling);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && hash.equals(root);
}

// Section 10: signed notes.
const publicKey = (raw) => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') }, format: 'jwk' });
function openNote(note, name, type, raw) {
  const cut = note.lastIndexOf('\n\n');
  const text = note.slice(0, cut + 1);
  const id = sha256(`${name}\n`, [type], raw).subarray(0, 4);
  for (const line of note.slice(cut + 2).split('\n')) {
    const [dash, by, coded] = line.split(' ');
    if (dash !== '\u2014' || by !== name || coded === undefined) continue;
    const bytes = b64(coded);
    if (!bytes.subarray(0, 4).equals(id)) continue;
    const signature = bytes.subarray(4);
    const signed = type === 1 ? text : `cosignature/v1\ntime ${signature.readBigUInt64BE(0)}\n${text}`;
    if (!verify(null, Buffer.from(signed), publicKey(raw), type === 1 ? signature : signature.subarray(8))) return undefined;
    const [origin, size, root] = text.split('\n');
    return { text, origin, size: Number(size), root: b64(root) };
  }
  return undefined;
}

function checkLog(log, keys, tree, label) {
  const origin = `mcprec/log/${log.log.slice(4)}`;
  const leaves = log.entries.map((entry, i) => {
    try {
      const leaf = readLeaf(b64(entry.leaf));
      if (leaf.get(1).toString('hex') !== log.log.slice(4)) fault(`${label} ${i}`, 'it belongs to another log');
      if (leaf.get(2) !== i) fault(`${label} ${i}`, `it says that it is number ${leaf.get(2)}: entries were moved, removed or put in`);
      return leaf;
    } catch (error) {
      fault(`${label} ${i}`, `no leaf: ${error.message}`);
      return new Map();
    }
  });
  const at = roots(log.entries.map((entry) => sha256([0], b64(entry.leaf))));
  const compare = (size, root, by) => {
    if (size > log.entries.length) fault(label, `${by} covers ${size} entries, only ${log.entries.length} are here: the end was cut off`);
    else if (!at[size].equals(root)) fault(label, `${by} states another root for ${size} entries: one of them was changed`);
  };
  let signed = 0;
  for (const note of log.checkpoints) {
    const opened = keys.map((key) => openNote(note, origin, 1, key)).find((found) => found !== undefined);
    if (opened === undefined || opened.origin !== origin) fault(label, 'a checkpoint is not signed by the device');
    else {
      signed = Math.max(signed, opened.size);
      compare(opened.size, opened.root, 'a checkpoint');
    }
  }
  let receipted = 0;
  if (log.receipt !== undefined) {
    // Base64 has a + of its own: only the first two part the name, the key's number and the key.
    const [, name, coded] = /^([^+]+)\+[^+]+\+(.+)$/.exec(tree);
    const gateway = b64(coded).subarray(1);
    const own = keys.map((key) => openNote(log.receipt.note, origin, 1, key)).find((found) => found !== undefined);
    const head = openNote(log.receipt.treeNote, name, 1, gateway);
    const cosigned = openNote(log.receipt.note, name, 4, gateway);
    if (own === undefined || head === undefined || cosigned === undefined) fault(label, 'the receipt is not signed as it must be');
    else if (!included(sha256([0], own.text), log.receipt.treeIndex, head.size, log.receipt.proof.map(b64), head.root)) fault(label, 'the receipt’s proof does not lead to the gateway’s tree');
    else {
      receipted = own.size;
      compare(own.size, own.root, 'the receipt');
    }
  }
  return { leaves, signed, receipted, size: log.entries.length, root: at.at(-1), compare };
}

// Section 3: commitments.
function checkContents(entry, leaf, where, removed) {
  for (const [part, key] of [['payload', 20], ['names', 21]]) {
    const stored = entry[part];
    const expected = leaf.get(key);
    if (stored === undefined) {
      if (expected !== undefined && removed === undefined) fault(where, `the ${part} is gone, and no signed entry says so`);
    } else if (removed === 'erasure') fault(where, `the ${part} was erased and stands here again`);
    else if (expected === undefined || !sha256(`mcprec/v1/${part}\0`, b64(stored.salt), b64(stored.bytes)).equals(expected)) fault(where, `the ${part} is not the one that was recorded`);
  }
}

const bundle = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const keys = bundle.index_logs.flatMap((log) => log.entries.flatMap((entry) => {
  if (entry.payload === undefined || readLeaf(b64(entry.leaf)).get(3) !== 19) return [];
  return [b64(JSON.parse(b64(entry.payload.bytes).toString()).key)];
}));
const removed = [];
const listed = new Set();
const ended = new Map();
for (const log of bundle.index_logs) {
  const { leaves, signed } = checkLog(log, keys, bundle.tree, 'index entry');
  leaves.forEach((leaf, i) => {
    checkContents(log.entries[i], leaf, `index entry ${i}`, undefined);
    const subject = leaf.get(25)?.toString('hex');
    if (leaf.get(3) === 17) listed.add(subject);
    if (leaf.get(3) === 18) ended.set(subject, leaf.get(26));
    if ((leaf.get(3) === 20 || leaf.get(3) === 21) && i < signed && log.entries[i].payload !== undefined) {
      const { from, to } = JSON.parse(b64(log.entries[i].payload.bytes).toString());
      removed.push({ subject, from, to, kind: leaf.get(3) === 20 ? 'erasure' : 'retention' });
    }
  });
}
const own = checkLog(bundle.session_log, keys, bundle.tree, 'entry');
const subject = bundle.session_log.log.slice(4);
if (!listed.has(subject)) fault('session', 'no index log lists it');
const end = ended.get(subject);
if (end !== undefined) own.compare(end[0], end[1], 'the index log');
// Section 5: the rules of a log.
let [calls, denied, masked, over] = [0, 0, 0, false];
let before;
own.leaves.forEach((leaf, i) => {
  const kind = leaf.get(3);
  const removal = removed.find((one) => one.subject === subject && i >= one.from && i < one.to);
  checkContents(bundle.session_log.entries[i], leaf, `entry ${i}`, removal?.kind);
  if ((i === 0) !== (kind === 1)) fault(`entry ${i}`, 'a log begins with one opening');
  if (over) fault(`entry ${i}`, 'it stands behind the end');
  if (leaf.get(9) === 1 && [1, 4, 5, 6].includes(leaf.get(10))) calls++;
  if (leaf.get(14)?.[0] === 2) denied++;
  masked += leaf.get(17) ?? 0;
  if (before !== undefined && ![5, 6, 10].includes(kind) && leaf.get(5) < before.get(5)) fault(`entry ${i}`, 'monotonic time went back');
  if (before !== undefined && ![5, 6, 7, 10].includes(kind) && leaf.get(4) - before.get(4) < (leaf.get(5) - before.get(5)) / 1000 - 1000) fault(`entry ${i}`, 'the clock was set back, and no entry says so');
  before = leaf;
  if (kind === 4 || kind === 5) {
    over = true;
    if (JSON.stringify(leaf.get(24)) !== JSON.stringify([i + 1, calls, denied, masked])) fault(`entry ${i}`, 'its totals are not those of the log');
  }
});
for (const line of faults) console.log(line);
console.log(`${bundle.session}: ${own.size} entries, ${own.signed} signed, ${own.receipted} receipted: ${faults.length === 0 ? 'verified' : `${faults.length} faults`}`);
process.exitCode = faults.length === 0 ? 0 : 7;

// The gateway as a witness: add-checkpoint as c2sp.org/tlog-witness says, receipts of uploads, its own tree with head and tiles.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { encode } from 'cborg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LogId, newId } from '../../src/base/ids.ts';
import { markMasked } from '../../src/base/masked.ts';
import { openCheckpoint, originOf, signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { parseNote, parseVerifier, verifyNote } from '../../src/evidence/note.ts';
import { proveConsistency, rootOf, verifyConsistency } from '../../src/evidence/proof.ts';
import { cosignerOf, openReceipt } from '../../src/evidence/receipt.ts';
import { TreeNodes } from '../../src/evidence/tree.ts';
import { formatAddCheckpoint } from '../../src/evidence/witness.ts';
import { type LogUpload, logStateSchema } from '../../src/protocol/control.ts';
import { draft, Laptop, request } from '../contract/fixtures.ts';
import type { Caller } from './caller.ts';
import type { HeldGrant } from './held-grant.ts';
import { TestWorld } from './support.ts';

let world: TestWorld;
let sre: Caller;
beforeAll(async () => {
  world = await TestWorld.start();
  sre = await world.caller('sre');
});
afterAll(() => world[Symbol.asyncDispose]());

const packed = { 'content-type': 'application/cbor', 'content-encoding': 'zstd' };
const upload = (logId: string, what: LogUpload) => sre.call('POST', `/v1/logs/${logId}/entries`, { body: zstdCompressSync(encode(what)), headers: packed });
const deviceKey = (): KeyObject => sre.device.privateKey;
const rawDevice = () => new Uint8Array(Buffer.from(String(sre.device.publicJwk.x), 'base64url'));
const add = async (body: string) => {
  const answer = await fetch(`${world.gateway.url}/v1/logs/add-checkpoint`, { method: 'POST', body });
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
};

/** A tree of made-up entries, to show to the witness. */
function treeOf(size: number, salt = '') {
  const tree = new TreeNodes();
  for (let i = 0; i < size; i++) tree.append(leafHash(Buffer.from(`entry ${i}${salt}`)));
  return { tree, head: { size, root: size === 0 ? new Frontier().root() : rootOf(tree.read, size) } };
}

function asked(grant: HeldGrant, old: number, size: number, { salt = '', key = deviceKey() } = {}): string {
  const { tree, head } = treeOf(size, salt);
  return formatAddCheckpoint(old, old > size ? [] : proveConsistency(tree.read, old, size), signCheckpoint(originOf(grant.logId), head, key));
}

const treeKey = async () => {
  const grant = await sre.grant('datadog');
  const laptop = new Laptop(grant.logId).add(draft('open'));
  const { body } = await upload(grant.logId, {
    ...laptop.upload(0),
    checkpoint: signCheckpoint(originOf(grant.logId), { size: 1, root: laptop.tail.frontier.root() }, deviceKey()),
  });
  return parseVerifier(logStateSchema.parse(body).receipt?.treeKey ?? '');
};

it('co-signs what goes on from what it knows, and only that', async () => {
  const grant = await sre.grant('datadog');
  const first = await add(asked(grant, 0, 3));
  expect(first.status).toBe(200);
  const { head } = treeOf(3);
  const signed = signCheckpoint(originOf(grant.logId), head, deviceKey());
  expect(verifyNote(parseNote(signed + first.text), [cosignerOf(await treeKey())])).toHaveLength(1);
  // The size that it knows, for whoever does not.
  expect(await add(asked(grant, 0, 7))).toEqual({ status: 409, type: 'text/x.tlog.size', text: '3\n' });
  expect(await add(asked(grant, 3, 7, { salt: '!' }))).toMatchObject({ status: 422 });
  expect(await add(asked(grant, 3, 7))).toMatchObject({ status: 200 });
  // Again, and with other contents.
  expect(await add(asked(grant, 7, 7))).toMatchObject({ status: 200 });
  expect(await add(asked(grant, 7, 7, { salt: '!' }))).toMatchObject({ status: 409, text: '7\n' });
  expect(await add(asked(grant, 8, 7))).toMatchObject({ status: 400 });
  expect(await add(asked(grant, 7, 9, { key: generateKeyPairSync('ed25519').privateKey }))).toMatchObject({ status: 403 });
  expect(await add('old 0\n\nnonsense')).toMatchObject({ status: 400 });
  const stranger = signCheckpoint(originOf(newId('log', world.ids)), head, deviceKey());
  expect(await add(formatAddCheckpoint(0, [], stranger))).toMatchObject({ status: 404 });
});

it('reports a rollback, and keeps both signed notes', async () => {
  const grant = await sre.grant('datadog');
  await add(asked(grant, 0, 5));
  await world.restartGateway();
  expect(await add(asked(grant, 0, 2))).toMatchObject({ status: 409, text: '5\n' });
  expect((await sre.call('GET', '/v1/logs/alarms')).status).toBe(404);
  const { body } = await (await world.caller('admin')).call('GET', '/v1/logs/alarms');
  const [alarm] = (body as unknown as { alarms: { logId: string; what: string; known: string; shown: string }[] }).alarms;
  expect(alarm).toMatchObject({ logId: grant.logId, what: expect.stringContaining('rollback') });
  expect(openCheckpoint(alarm?.known ?? '', originOf(grant.logId), rawDevice()).size).toBe(5);
  expect(openCheckpoint(alarm?.shown ?? '', originOf(grant.logId), rawDevice()).size).toBe(2);
});

it('lets only one of two histories in that come at the same moment', async () => {
  const grant = await sre.grant('datadog');
  const statuses = (await Promise.all([add(asked(grant, 0, 4)), add(asked(grant, 0, 4, { salt: '!' })), add(asked(grant, 0, 4))])).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(2);
  expect(statuses).toContain(409);
});

it('receipts an upload: co-signed, in its tree, and the tree goes on from what the client knew', async () => {
  const grant = await sre.grant('datadog');
  const laptop = new Laptop(grant.logId).add(draft('open'), request(grant.newExchange()));
  const note = (size: number) => signCheckpoint(originOf(grant.logId), { size, root: laptop.upload(0, size).root }, deviceKey());
  const one = logStateSchema.parse((await upload(grant.logId, { ...laptop.upload(0), checkpoint: note(2) })).body).receipt;
  laptop.add(draft('close'));
  const known = openReceiptOf(one, grant);
  const two = logStateSchema.parse((await upload(grant.logId, { ...laptop.upload(2), checkpoint: note(3), treeSize: known.tree.size })).body).receipt;
  const next = openReceiptOf(two, grant);
  expect(next.checkpoint.size).toBe(3);
  expect(
    verifyConsistency(
      known.tree,
      next.tree,
      (two?.consistency ?? []).map((hash) => Buffer.from(hash, 'base64')),
    ),
  ).toBe(true);
  // A lost answer: asked again, without entries.
  const again = logStateSchema.parse(
    (await upload(grant.logId, { from: 3, entries: [], root: laptop.tail.frontier.root(), checkpoint: note(3) })).body,
  ).receipt;
  expect(again?.treeIndex).toBe(two?.treeIndex);
  expect((await upload(grant.logId, { from: 3, entries: [], root: laptop.tail.frontier.root(), checkpoint: note(2) })).body).toMatchObject({
    error: { code: 'witness_rollback' },
  });
});

function openReceiptOf(receipt: ReturnType<typeof logStateSchema.parse>['receipt'], grant: HeldGrant) {
  if (receipt === undefined) throw new Error('there is no receipt');
  const proof = receipt.proof.map((hash) => new Uint8Array(Buffer.from(hash, 'base64')));
  return openReceipt({ ...receipt, proof }, { origin: originOf(grant.logId), device: rawDevice(), tree: parseVerifier(receipt.treeKey) });
}

it('refuses the checkpoint of another history than that of the entries', async () => {
  const grant = await sre.grant('datadog');
  const laptop = new Laptop(grant.logId).add(draft('open'), request(grant.newExchange()));
  await add(asked(grant, 0, 1));
  expect(await upload(grant.logId, laptop.upload(0))).toMatchObject({ status: 422, body: { error: { code: 'journal_forked' } } });
  const other = await sre.grant('datadog');
  const held = new Laptop(other.logId).add(draft('open'));
  const wrong = signCheckpoint(originOf(other.logId), { size: 1, root: new Uint8Array(32) }, deviceKey());
  expect(await upload(other.logId, { ...held.upload(0), checkpoint: wrong })).toMatchObject({ status: 422, body: { error: { code: 'verify_failed' } } });
});

it('serves head and tiles of its tree to anyone, entries to auditors', async () => {
  const key = await treeKey();
  const note = await (await fetch(`${world.gateway.url}/checkpoint`)).text();
  const head = openCheckpoint(note, key.name, key.publicKey);
  expect(head.size).toBeGreaterThan(3);
  const tile = await fetch(`${world.gateway.url}/tile/0/000.p/${head.size}`);
  expect(tile.headers.get('content-type')).toBe('application/octet-stream');
  const hashes = Buffer.from(await tile.arrayBuffer());
  const frontier = new Frontier();
  for (let at = 0; at < hashes.length; at += 32) frontier.append(hashes.subarray(at, at + 32));
  expect([frontier.size, Buffer.from(frontier.root()).toString('hex')]).toEqual([head.size, Buffer.from(head.root).toString('hex')]);
  for (const path of ['/tile/0/000', `/tile/0/000.p/${head.size + 1}`, '/tile/1/000.p/1', '/tile/00/000', '/tile/x']) {
    expect((await fetch(`${world.gateway.url}${path}`)).status, path).toBe(404);
  }
  const entries = `/tile/entries/000.p/${head.size}`;
  expect((await fetch(`${world.gateway.url}${entries}`)).status).toBe(401);
  expect((await sre.call('GET', entries)).status).toBe(404);
  const admin = await world.caller('admin');
  const bundle = Buffer.from(await (await admin.send('GET', entries)).arrayBuffer());
  const length = bundle.readUInt16BE(0);
  expect(Buffer.from(leafHash(bundle.subarray(2, 2 + length))).toString('hex')).toBe(hashes.toString('hex', 0, 32));
});

it('makes an index log of one’s own device known, and of no other', async () => {
  const logId = newId('log', world.ids);
  const { x } = sre.device.publicJwk;
  await sre.grant('datadog');
  const put = (caller: Caller, id = logId) => caller.call('PUT', `/v1/logs/${id}`, { json: { publicKey: { kty: 'OKP', crv: 'Ed25519', x } } });
  expect(await put(sre)).toMatchObject({ status: 200, body: { logId, size: 0 } });
  expect(await put(sre)).toMatchObject({ status: 200 });
  expect((await put(await world.caller('dev'))).body).toMatchObject({ error: { code: 'device_refused' } });
  const laptop = new Laptop(logId).add(draft('index', { payload: markMasked(Buffer.from('{}')) }));
  expect(await upload(logId, laptop.upload(0))).toMatchObject({ status: 200, body: { size: 1 } });
});

it('has checkpoints of its own logs in the tree, the last one with their end', async () => {
  const grant = await sre.grant('datadog');
  await grant.send();
  await sre.call('DELETE', `/v1/grants/${grant.response.grantId}`);
  const { body } = await sre.call('GET', `/v1/sessions/${grant.response.sessionId}`);
  const own = (body as { logs: { logId: LogId; vantage: string; size: number; root: string }[] }).logs.find(({ vantage }) => vantage === 'gateway');
  const admin = await world.caller('admin');
  const wanted = `${originOf(own?.logId as LogId)}\n${own?.size}\n${Buffer.from(own?.root ?? '', 'hex').toString('base64')}\n`;
  await expect
    .poll(async () => {
      const { size } = openCheckpoint(await (await fetch(`${world.gateway.url}/checkpoint`)).text(), (await treeKey()).name, (await treeKey()).publicKey);
      const bundle = Buffer.from(await (await admin.send('GET', `/tile/entries/000.p/${size}`)).arrayBuffer());
      return bundle.toString();
    })
    .toContain(wanted);
});

it('lists what came of the laptop’s record, and reconciles both', async () => {
  const grant = await sre.grant('datadog');
  const summary = async () => (await sre.call('GET', `/v1/sessions/${grant.response.sessionId}`)).body.laptop;
  expect(await summary()).toBe('pending');
  await grant.send();
  const reconciled = async () => (await sre.call('GET', `/v1/sessions/${grant.response.sessionId}/reconcile`)).body.counts;
  expect(await reconciled()).toMatchObject({ laptop_pending: 1, differs: 0 });
  await sre.call('DELETE', `/v1/grants/${grant.response.grantId}`);
  expect(await summary()).toBe('missing');
  const laptop = new Laptop(grant.logId).add(draft('open'));
  await upload(grant.logId, laptop.upload(0));
  expect(await summary()).toBe('partial');
  await upload(grant.logId, laptop.add(draft('close')).upload(1));
  expect(await summary()).toBe('complete');
  expect(await reconciled()).toMatchObject({ missing: 1 });
});

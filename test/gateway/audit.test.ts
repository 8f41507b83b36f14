// Tampering with the gateway's own store file: what an auditor finds, and what only somebody who saw the tree before can show.
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { type ErrorCode, McprecError } from '../../src/base/errors.ts';
import { idFromBytes } from '../../src/base/ids.ts';
import { originOf, parseCheckpoint, signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { decodeLeaf, encodeLeaf, type Leaf } from '../../src/evidence/leaf.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { formatVerifier, noteVerifier, parseVerifier, rawPublicKey } from '../../src/evidence/note.ts';
import { loadKeys } from '../../src/gateway/keys.ts';
import { type AuditOptions, auditGateway } from '../../src/sync/gateway-audit.ts';
import type { SeenTree } from '../../src/sync/gateway-tree.ts';
import { startWitness } from '../../src/witness/server.ts';
import type { Caller } from './caller.ts';
import { TestWorld } from './support.ts';

let world: TestWorld;
let sre: Caller;
let admin: Caller;
/** Of the session that is tampered with. */
let log: Buffer;
let sessionId: string;
let seen: SeenTree;
const file = (name: string) => join(world.directory, name);
const gatewayKey = () => loadKeys({ kind: 'file', path: file('keys.json') }, {}, world.ids.random).signingKey;

const audit = (caller: Caller, over: Partial<AuditOptions> = {}, asked: (path: string) => Promise<string> = async (path) => path) =>
  auditGateway(
    {
      async request(method, path) {
        const answer = await caller.send(method, await asked(path));
        const body = Buffer.from(await answer.arrayBuffer());
        const json = (): unknown => JSON.parse(body.toString());
        if (!answer.ok) throw new McprecError((json() as { error: { code: ErrorCode } }).error.code, path);
        return { status: answer.status, headers: {}, body, json };
      },
    },
    { seen: undefined, required: [], known: [], own: () => undefined, signal: AbortSignal.timeout(60_000), ...over },
  );
const found = ({ findings, sessions }: Awaited<ReturnType<typeof audit>>) =>
  [...findings, ...sessions.flatMap(({ logs }) => logs.flatMap((one) => one.findings))].map(({ code, index, message }) => `${code} ${index ?? '-'} ${message}`);

async function record(): Promise<string> {
  const grant = await sre.grant('datadog');
  for (const name of ['search_logs', 'delete_monitor', 'get_metric']) {
    await grant.send({ body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":{"query":"service:checkout"}}}` });
  }
  await sre.call('DELETE', `/v1/grants/${grant.response.grantId}`);
  return grant.response.sessionId;
}

async function headNow(): Promise<SeenTree> {
  const note = await (await fetch(`${world.gateway.url}/checkpoint`)).text();
  return { note, verifier: formatVerifier(noteVerifier(new URL(world.gateway.publicUrl).host, 'ed25519', rawPublicKey(gatewayKey()))) };
}

beforeAll(async () => {
  world = await TestWorld.start();
  [sre, admin] = await Promise.all([world.caller('sre'), world.caller('admin')]);
  await record();
  await world.gateway.close();
  copyFileSync(file('gateway.db'), file('older.db'));
  await world.startGateway();
  sessionId = await record();
  await world.restartGateway();
  seen = await headNow();
  await world.gateway.close();
  copyFileSync(file('gateway.db'), file('kept.db'));
  await world.startGateway();
  using db = opened();
  log = db.value.prepare("SELECT log FROM logs WHERE session_id = ? AND vantage = 'gateway'").pluck().get(sessionId) as Buffer;
});
afterAll(() => world[Symbol.asyncDispose]());

function opened() {
  const value = new Database(file('gateway.db'));
  return { value, [Symbol.dispose]: () => void value.close() };
}

/** Puts a copy of the file in place, changes it, and starts the gateway on it. */
async function tamper(change: (db: Database.Database) => void, from = 'kept.db'): Promise<void> {
  await world.gateway.close();
  for (const end of ['', '-wal', '-shm']) rmSync(file(`gateway.db${end}`), { force: true });
  copyFileSync(file(from), file('gateway.db'));
  {
    using db = opened();
    db.value.pragma('foreign_keys = OFF');
    change(db.value);
  }
  await world.startGateway();
}

/** Whoever can write the file also recomputes its hashes. */
function rehash(db: Database.Database): void {
  const rows = db.prepare('SELECT leaf FROM entries WHERE log = ? ORDER BY idx').pluck().all(log) as Buffer[];
  const frontier = new Frontier();
  for (const leaf of rows) frontier.append(leafHash(leaf));
  db.prepare('UPDATE logs SET size = ?, root = ?, frontier = ? WHERE log = ?').run(frontier.size, frontier.root(), frontier.encode(), log);
}

function edit(db: Database.Database, index: number, change: (leaf: Leaf) => Leaf): void {
  const leaf = encodeLeaf(change(decodeLeaf(db.prepare('SELECT leaf FROM entries WHERE log = ? AND idx = ?').pluck().get(log, index) as Buffer)));
  db.prepare('UPDATE entries SET leaf = ?, leaf_hash = ? WHERE log = ? AND idx = ?').run(leaf, leafHash(leaf), log, index);
  rehash(db);
}

it('an untouched store verifies, for its owner, for an administrator, and against the tree that was seen', async () => {
  await tamper(() => undefined);
  const own = await audit(sre, { seen, known: [sessionId] });
  expect([found(own), own.whole, own.sessions.length]).toEqual([[], false, 2]);
  const whole = await audit(admin, { seen });
  expect([found(whole), whole.whole]).toEqual([[], true]);
  expect(whole.sessions.every(({ logs }) => logs.some(({ entries }) => entries > 6))).toBe(true);
});

it('a gateway that records meanwhile verifies, too', async () => {
  await tamper(() => undefined);
  const grant = await sre.grant('datadog');
  const work = async (path: string) => {
    await grant.send({ body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_logs","arguments":{}}}' });
    return path;
  };
  for (const caller of [sre, admin]) expect(found(await audit(caller, { seen, known: [sessionId] }, work))).toEqual([]);
  await sre.call('DELETE', `/v1/grants/${grant.response.grantId}`);
});

it('a gateway that gives the same pages for ever is not read for ever', async () => {
  await tamper(() => undefined);
  const repeated = await audit(sre, { seen, known: [sessionId] }, async (path) => path.replace(/\?.*/, ''));
  expect([repeated.sessions.length, found(repeated).length > 0]).toEqual([2, true]);
});

/** The file alone shows these: whoever reads it back finds them, the owner of the session as well as an administrator. */
test.each<readonly [string, (db: Database.Database) => void, RegExp]>([
  ['a payload byte flipped', (db) => flip(db, 3), /^payload_(differs|unreadable) 3 /],
  [
    'an entry edited, all hashes recomputed',
    (db) => edit(db, 2, (leaf) => ({ ...leaf, wireBytes: 1 })),
    /^head_differs - the first \d+ entries do not have the root that leaf \d+ of/,
  ],
  ['an entry deleted in the middle', (db) => void db.prepare('DELETE FROM entries WHERE log = ? AND idx = 2').run(log), /^entry_missing 2 /],
  [
    'the end cut off, the head rewritten',
    (db) => {
      db.prepare('DELETE FROM entries WHERE log = ? AND idx > 4').run(log);
      rehash(db);
    },
    /^end_missing 5 leaf \d+ of the gateway’s tree covers/,
  ],
  ['two entries exchanged', (db) => swap(db, 2, 3), /^index_differs 2 /],
  [
    'an entry inserted',
    (db) =>
      void db
        .prepare(
          'INSERT INTO entries SELECT log, 100, leaf, leaf_hash, received_ms, exchange, direction, NULL, NULL, NULL, NULL, NULL FROM entries WHERE log = ? AND idx = 2',
        )
        .run(log),
    /^entry_surplus /,
  ],
  ['a payload exchanged for another’s', swapPayloads, /^payload_differs 1 /],
  ['the clock set back', (db) => edit(db, 3, (leaf) => ({ ...leaf, wallMs: leaf.wallMs - 3_600_000 })), /^clock_unmarked 3 /],
  ['the policy’s hash changed', (db) => edit(db, 1, (leaf) => ({ ...leaf, policyHash: new Uint8Array(32) })), /^head_differs /],
  [
    'a checkpoint signed again with another key',
    (db) => {
      const note = parseCheckpoint(db.prepare('SELECT note FROM tree_leaves WHERE log = ? ORDER BY idx LIMIT 1').pluck().get(log) as string);
      const forged = signCheckpoint(originOf(idFromBytes('log', log)), note, generateKeyPairSync('ed25519').privateKey);
      db.prepare('UPDATE tree_leaves SET note = ? WHERE idx = (SELECT min(idx) FROM tree_leaves WHERE log = ?)').run(forged, log);
    },
    /^signature_invalid - .*has not signed it/,
  ],
  [
    'the connection in the list changed',
    (db) => void db.prepare('UPDATE sessions SET connection = ? WHERE session_id = ?').run('quiet', sessionId),
    /^column_differs 0 the gateway lists/,
  ],
])('%s is found', async (_what, change, expected) => {
  await tamper(change);
  for (const caller of [sre, admin]) expect(found(await audit(caller))).toContainEqual(expect.stringMatching(expected));
});

it('a session removed whole is found: by the index log and the tree, and by the laptop that had it', async () => {
  await tamper((db) => {
    for (const table of ['entries', 'witnessed']) db.prepare(`DELETE FROM ${table} WHERE log IN (SELECT log FROM logs WHERE session_id = ?)`).run(sessionId);
    for (const table of ['logs', 'sessions']) db.prepare(`DELETE FROM ${table} WHERE session_id = ?`).run(sessionId);
  });
  const missing = found(await audit(admin)).filter((text) => text.startsWith('session_missing'));
  expect(missing).toHaveLength(2);
  expect(missing[0]).toMatch(/its index log lists|its tree has checkpoints of/);
  expect(found(await audit(sre))).toEqual([]);
  expect(found(await audit(sre, { known: [sessionId] }))).toEqual([expect.stringMatching(/^session_missing .*of which this laptop has a record/)]);
});

it('what is cut out of the index log as well shows in its own checkpoints', async () => {
  await tamper((db) => {
    const index = db.prepare("SELECT log FROM logs WHERE vantage = 'gateway-index'").pluck().get() as Buffer;
    db.prepare('DELETE FROM entries WHERE log = ? AND idx >= 4').run(index);
  });
  expect(found(await audit(admin))).toContainEqual(expect.stringMatching(/^entry_missing 4 the gateway’s index log/));
});

it('an older copy put back verifies by itself, and not against the tree that was seen', async () => {
  await tamper(() => undefined, 'older.db');
  expect(found(await audit(admin))).toEqual([]);
  expect(found(await audit(sre, { seen }))).toEqual([expect.stringMatching(/^tree_differs - .*an older copy/)]);
});

it('another history with the same signature is found by whoever saw the first one (split view)', async () => {
  await tamper(() => undefined);
  const { origin, size } = parseCheckpoint(seen.note);
  const shown = { ...seen, note: signCheckpoint(origin, { size, root: new Uint8Array(32).fill(7) }, gatewayKey()) };
  expect(found(await audit(sre, { seen: shown }))).toEqual([expect.stringMatching(/^tree_differs - .*two histories/)]);
});

it('a head that the gateway has not signed, and a tree of which a part is gone, are findings', async () => {
  await tamper((db) => {
    const { size } = parseCheckpoint(seen.note);
    const note = signCheckpoint(parseCheckpoint(seen.note).origin, { size, root: new Uint8Array(32) }, generateKeyPairSync('ed25519').privateKey);
    db.prepare('UPDATE tree_heads SET note = ? WHERE size = ?').run(note, size);
  });
  expect(found(await audit(sre))).toEqual([expect.stringMatching(/^signature_invalid - the head that the gateway shows of its tree is not one that the key/)]);
  await tamper((db) => db.exec('DELETE FROM tree_nodes WHERE level = 0'));
  expect(found(await audit(sre))).toContainEqual(expect.stringMatching(/^tree_differs - the hashes of the gateway’s tree do not give the head/));
  const stranger = noteVerifier('witness.example/w1', 'cosignature', rawPublicKey(generateKeyPairSync('ed25519').privateKey));
  await tamper(() => undefined);
  expect(found(await audit(sre, { required: [stranger] }))).toEqual([
    expect.stringMatching(/^signature_invalid - .*lacks the signature of a required witness/),
  ]);
});

it('a witness tells two histories apart that two parties were shown', async () => {
  await using witness = await startWitness({
    name: 'witness.example/w1',
    keyFile: file('witness.pem'),
    stateFile: file('witness.json'),
    logs: [parseVerifier(seen.verifier)],
    host: '127.0.0.1',
    port: 0,
    clock: world.clock,
    alarm: () => undefined,
  });
  await tamper(() => undefined, 'older.db');
  await record();
  expect(found(await audit(admin, { places: [witness] }))).toEqual([]);
  await tamper(() => undefined);
  expect(found(await audit(sre))).toEqual([]);
  expect(found(await audit(sre, { places: [witness] }))).toEqual([
    expect.stringMatching(/^tree_differs - the witness witness.example\/w1 has co-signed .*others were shown another history/),
  ]);
});

const erase = (caller: Caller, id = sessionId) => caller.call('POST', `/v1/sessions/${id}/erase`, { json: { reason: 'right to be forgotten' } });
/** Salts of the contents of a session, as they were before, that stand anywhere in the file. */
function leftOf(id: string): number {
  using kept = { value: new Database(file('kept.db')), [Symbol.dispose]: () => void kept.value.close() };
  const rows = ['payload_salt', 'names_salt'].flatMap(
    (salt) =>
      kept.value
        .prepare(`SELECT ${salt} FROM entries WHERE ${salt} IS NOT NULL AND idx > 0 AND log IN (SELECT log FROM logs WHERE session_id = ?)`)
        .pluck()
        .all(id) as Buffer[],
  );
  expect(rows.length).toBeGreaterThan(3);
  const ends = ['', '-wal'].map((end) => file(`gateway.db${end}`)).filter(existsSync);
  const bytes = Buffer.concat(ends.map((path) => readFileSync(path)));
  return rows.filter((salt) => bytes.includes(salt)).length;
}
const goneIn = ({ sessions }: Awaited<ReturnType<typeof audit>>, kind: 'erased' | 'pruned', id = sessionId) =>
  sessions.find((one) => one.sessionId === id)?.logs.find(({ vantage }) => vantage === 'gateway')?.[kind];

it('an erasure leaves no copy in the file and verifies as authorised, for its owner too; put back, it is found', async () => {
  await tamper(() => undefined);
  expect((await erase(sre)).body).toMatchObject({ error: { code: 'connection_denied' } });
  expect((await erase(await world.caller('dev'))).status).toBe(404);
  expect(await erase(admin)).toMatchObject({ status: 200, body: { sessionId, removed: 'erasure' } });
  expect(leftOf(sessionId)).toBe(0);
  for (const caller of [sre, admin]) {
    const audited = await audit(caller, { seen });
    expect(found(audited)).toEqual([]);
    expect(goneIn(audited, 'erased')).toBeGreaterThan(3);
  }
  await world.gateway.close();
  {
    using db = opened();
    db.value.prepare('ATTACH ? AS kept').run(file('kept.db'));
    const columns = 'payload_salt, payload_coding, payload';
    const kept = `(SELECT ${columns} FROM kept.entries AS k WHERE k.log = entries.log AND k.idx = entries.idx)`;
    db.value.prepare(`UPDATE entries SET (${columns}) = ${kept} WHERE log = ? AND idx = 2`).run(log);
  }
  await world.startGateway();
  for (const caller of [sre, admin]) expect(found(await audit(caller))).toContainEqual(expect.stringMatching(/^erased_restored 2 /));
});

it('contents that go without an erasure, or with one that the gateway made up for its owner, are found', async () => {
  await tamper((db) => {
    db.prepare('UPDATE entries SET payload_salt = NULL, payload_coding = NULL, payload = NULL WHERE log = ? AND idx = 2').run(log);
    // The entry of the index log that it names is another one.
    db.prepare("INSERT INTO removals SELECT ?, log, 1 FROM logs WHERE vantage = 'gateway-index'").run(log);
  });
  expect(found(await audit(sre))).toContainEqual(expect.stringMatching(/^payload_missing 2 /));
});

it('an owner may erase where the policy says so; what their laptop uploads later is kept without contents', async () => {
  await tamper(() => undefined);
  await world.changeConfig((yaml) => `${yaml}retention: { owners_erase: true }\n`);
  expect((await erase(sre)).status).toBe(200);
  expect(leftOf(sessionId)).toBe(0);
  expect(found(await audit(sre))).toEqual([]);
});

it('retention prunes at the start what has ended long enough ago, with a signed entry, and nothing else', async () => {
  await tamper(() => undefined);
  using db = opened();
  const [first, last] = db.value.prepare('SELECT session_id AS id, ended_ms AS at FROM sessions ORDER BY ended_ms').all() as { id: string; at: number }[];
  if (first === undefined || last === undefined) throw new Error('there are two');
  world.clock.aheadMs = first.at + 86_400_000 + Math.ceil((last.at - first.at) / 2) - Date.now();
  await world.changeConfig((yaml) => yaml.replace('owners_erase: true', 'keep: 1d'));
  await expect.poll(() => world.log.some((line) => line.includes('contents of sessions were pruned')), { timeout: 10_000 }).toBe(true);
  await world.gateway.close();
  world.clock.aheadMs = 0;
  await world.startGateway();
  const audited = await audit(sre);
  expect([found(audited), goneIn(audited, 'pruned', last.id)]).toEqual([[], 0]);
  expect(goneIn(audited, 'pruned', first.id)).toBeGreaterThan(3);
  expect(leftOf(first.id)).toBe(0);
  expect(leftOf(last.id)).toBeGreaterThan(3);
});

function flip(db: Database.Database, index: number): void {
  const bytes = db.prepare('SELECT payload FROM entries WHERE log = ? AND idx = ?').pluck().get(log, index) as Buffer;
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  db.prepare('UPDATE entries SET payload = ? WHERE log = ? AND idx = ?').run(bytes, log, index);
}

function swapPayloads(db: Database.Database): void {
  const columns = 'payload_salt, payload_coding, payload';
  const read = db.prepare(`SELECT ${columns} FROM entries WHERE log = ? AND idx = ?`).raw();
  const write = db.prepare(`UPDATE entries SET (${columns}) = (?, ?, ?) WHERE log = ? AND idx = ?`);
  const [one, other] = [read.get(log, 1), read.get(log, 3)] as unknown[][];
  write.run(...(other ?? []), log, 1);
  write.run(...(one ?? []), log, 3);
}

function swap(db: Database.Database, a: number, b: number): void {
  const move = db.prepare('UPDATE entries SET idx = ? WHERE log = ? AND idx = ?');
  for (const [to, from] of [
    [1_000, a],
    [a, b],
    [b, 1_000],
  ])
    move.run(to, log, from);
}

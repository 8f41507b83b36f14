import { randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { encode } from 'cborg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/base/ids.ts';
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
const upload = (grant: HeldGrant, what: LogUpload, caller = sre) =>
  caller.call('POST', `/v1/logs/${grant.logId}/entries`, { body: zstdCompressSync(encode(what)), headers: packed });

async function laptopOf(grant: HeldGrant): Promise<Laptop> {
  return new Laptop(grant.logId).add(draft('open'), request(grant.newExchange()), request(grant.newExchange()), draft('close'));
}

describe('a laptop’s log', () => {
  it('comes in parts, repeats included, and its state is what was sent', async () => {
    const grant = await sre.grant('datadog');
    const laptop = await laptopOf(grant);
    expect(await upload(grant, laptop.upload(0, 2))).toMatchObject({ status: 200, body: { logId: grant.logId, size: 2 } });
    expect(await upload(grant, laptop.upload(0, 2))).toMatchObject({ status: 200, body: { size: 2 } });
    expect(await upload(grant, laptop.upload(3))).toMatchObject({ status: 409, body: { size: 2 } });
    const { status, body } = await upload(grant, laptop.upload(2));
    const state = { logId: grant.logId, size: 4, root: Buffer.from(laptop.tail.frontier.root()).toString('hex') };
    expect([status, logStateSchema.parse(body)]).toEqual([200, state]);
    expect((await sre.call('GET', `/v1/logs/${grant.logId}`)).body).toEqual(state);
  });

  it('is taken without compression, and after the session has ended', async () => {
    const grant = await sre.grant('datadog');
    await sre.call('DELETE', `/v1/grants/${grant.response.grantId}`);
    const body = encode((await laptopOf(grant)).upload(0));
    expect(await sre.call('POST', `/v1/logs/${grant.logId}/entries`, { body, headers: { 'content-type': 'application/cbor' } })).toMatchObject({
      status: 200,
      body: { size: 4 },
    });
  });

  it('is quarantined where it contradicts itself', async () => {
    const grant = await sre.grant('datadog');
    await upload(grant, (await laptopOf(grant)).upload(0));
    const forked = await laptopOf(grant);
    for (let i = 0; i < 2; i++) expect(await upload(grant, forked.upload(0))).toMatchObject({ status: 422, body: { error: { code: 'journal_forked' } } });
  });

  it('is refused where it does not verify', async () => {
    const grant = await sre.grant('datadog');
    const whole = (await laptopOf(grant)).upload(0);
    expect(await upload(grant, { ...whole, root: randomBytes(32) })).toMatchObject({ status: 422, body: { error: { code: 'verify_failed' } } });
    expect(await upload(grant, { ...whole, entries: whole.entries.toReversed() })).toMatchObject({ status: 422, body: { error: { code: 'verify_failed' } } });
    expect((await sre.call('GET', `/v1/logs/${grant.logId}`)).body.size).toBe(0);
  });

  it('is its owner’s only', async () => {
    const grant = await sre.grant('datadog');
    const dev = await world.caller('dev');
    const admin = await world.caller('admin');
    const whole = (await laptopOf(grant)).upload(0);
    for (const other of [dev, admin]) expect(await upload(grant, whole, other)).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
    expect((await dev.call('GET', `/v1/logs/${grant.logId}`)).status).toBe(404);
    expect((await admin.call('GET', `/v1/logs/${grant.logId}`)).status).toBe(200);
    expect((await sre.call('GET', `/v1/logs/${newId('log', world.ids)}`)).status).toBe(404);
  });

  it.each([
    ['no CBOR', Buffer.from('{"a":1}'), { 'content-type': 'application/cbor' }, 'not CBOR'],
    ['bytes that are not zstd', Buffer.from('plain'), packed, 'unpacked'],
    ['a bomb', zstdCompressSync(Buffer.alloc(100 * 1024 * 1024)), packed, 'larger than'],
    ['a bomb of values', zstdCompressSync(encode({ from: 0, entries: new Array(100_000).fill(0), root: randomBytes(32) })), packed, 'more values'],
    ['another shape', zstdCompressSync(encode({ from: 0, entries: {}, root: randomBytes(32) })), packed, 'malformed'],
    ['an entry without a leaf', zstdCompressSync(encode({ from: 0, entries: [{}], root: randomBytes(32) })), packed, 'malformed'],
    ['a negative place', zstdCompressSync(encode({ from: -1, entries: [], root: randomBytes(32) })), packed, 'malformed'],
    [
      'too many entries',
      zstdCompressSync(encode({ from: 0, entries: Array.from({ length: 501 }, () => ({ leaf: new Uint8Array(1) })), root: randomBytes(32) })),
      packed,
      'more than',
    ],
    ['JSON', Buffer.from('{}'), { 'content-type': 'application/json' }, 'application/cbor'],
    ['an unknown coding', Buffer.from('x'), { ...packed, 'content-encoding': 'br' }, 'coding'],
  ])('answers %s with what is wrong', async (_, body, headers, why) => {
    const grant = await sre.grant('datadog');
    expect(await sre.call('POST', `/v1/logs/${grant.logId}/entries`, { body, headers })).toMatchObject({
      status: 400,
      body: { error: { code: 'usage', message: expect.stringContaining(why) } },
    });
  });
});

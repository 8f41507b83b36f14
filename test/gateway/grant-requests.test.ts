// Requests for grants that open no session: each outcome stands in the gateway's index log, and that log verifies.
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/random.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { logFindings, storedRows } from '../e2e/records.ts';
import type { Caller } from './caller.ts';
import { TestWorld } from './support.ts';

const approval = 'approval: { approvers: [sre-leads], within: 1m }';
let world: TestWorld;
let dev: Caller;
let lead: Caller;

beforeEach(async () => {
  const entry = `access:\n  - { groups: [engineering], connections: [datadog], ${approval} }\n`;
  world = await TestWorld.start({ edit: (yaml) => yaml.replace('access:\n', entry) });
  [dev, lead] = await Promise.all([world.caller('dev'), world.caller('lead')]);
});
afterEach(() => world[Symbol.asyncDispose]());

async function ask(reason: string): Promise<string> {
  const { json } = await dev.wish('datadog', { reason });
  const { status, body } = await dev.call('POST', '/v1/grants', { json });
  expect(status).toBe(202);
  return body.approval.approvalId;
}

const decide = (by: Caller, id: string, what: string, json: unknown = {}) => by.call('POST', `/v1/approvals/${id}/${what}`, { json });

/** By the approval that they are about: what the entries of the index log say, and of the log itself what is wrong with it. */
async function logged() {
  await world.gateway.close();
  const store = openSqliteStore(join(world.directory, 'gateway.db'), { clock: world.clock, random: systemRandom });
  try {
    const log = await store.gatewayIndex();
    if (log === undefined) throw new Error('there is no index log');
    const rows = await storedRows(store, log);
    const said = rows.flatMap(({ leaf, payload }) =>
      decodeLeaf(leaf).kind === 'grant-request' ? [JSON.parse(Buffer.from(payload?.bytes ?? new Uint8Array()).toString())] : [],
    );
    return { said, findings: await logFindings(store, { ...log, role: 'index' } as typeof log) };
  } finally {
    await store.close();
    await world.startGateway();
  }
}

it('is an entry when it is approved, refused, withdrawn, expired, not used, overtaken, and when the wrong one tries', async () => {
  const ids = {
    refused: await ask('refused for jane.roe@example.com'),
    withdrawn: await ask('withdrawn'),
    unused: await ask('unused'),
    superseded: await ask('superseded'),
    expired: await ask('expired'),
  };
  await decide(dev, ids.refused, 'approve');
  await decide(lead, ids.refused, 'refuse', { reason: 'ask jane.roe@example.com first' });
  await decide(dev, ids.withdrawn, 'withdraw');
  await decide(lead, ids.unused, 'approve');
  await world.changeConfig((yaml) => yaml.replace('within: 1m', 'within: 2m'));
  await ask('superseded');
  world.clock.aheadMs += 61_000;
  // Whoever looks after what has expired comes by itself.
  await expect.poll(async () => (await lead.call('GET', `/v1/approvals/${ids.expired}`)).body.state).toBe('expired');
  await expect.poll(async () => (await lead.call('GET', `/v1/approvals/${ids.unused}`)).body.state).toBe('unused');
  const { said, findings } = await logged();
  const outcomes = (id: string) => said.filter(({ approval: of }) => of === id).map(({ outcome }) => outcome);
  expect(Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, outcomes(id)]))).toEqual({
    refused: ['turned-away', 'refused'],
    withdrawn: ['withdrawn'],
    unused: ['approved', 'approved-unused'],
    superseded: ['superseded'],
    expired: ['expired'],
  });
  expect(said.find(({ outcome }) => outcome === 'refused')).toMatchObject({
    connection: 'datadog',
    requester: { subject: 'dev-bot' },
    by: { subject: 'lead-bot' },
    reason: 'ask [email] first',
  });
  expect(findings).toEqual([]);
});

it('of which a session comes is used in the log of that session, and nothing more is said of it here', async () => {
  const { json } = await dev.wish('datadog', { reason: 'given' });
  const asked = await dev.call('POST', '/v1/grants', { json });
  await decide(lead, asked.body.approval.approvalId, 'approve');
  expect((await dev.call('POST', '/v1/grants', { json })).status).toBe(201);
  const { said, findings } = await logged();
  expect([said.map(({ outcome }) => outcome), findings]).toEqual([['approved'], []]);
});

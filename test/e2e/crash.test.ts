// kill -9 of forwarder and gateway at random points under load. What the client's own log calls answered is on both records, which verify after each kill.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StoredEntry } from '../../src/evidence/seal.ts';
import { type Random, seeded } from '../eval/random.ts';
import { orLong } from '../support/long.ts';
import { callMessage, post } from './clients.ts';
import { type Connected, type ConnectedSession, Laptop } from './harness.ts';
import { gatewayEntries, gatewayFindings, journalFindings } from './records.ts';
import { World } from './world.ts';

const KILLS = orLong(20, 200);
const seed = Number(process.env.MCPREC_TEST_SEED ?? 20261122);
const ANSWERS_MAX = 24;
const CALLERS = 4;

let world: World;
const maya = new Laptop();
beforeAll(async () => {
  world = await World.start();
  await maya.login(world.url, 'maya.okafor', {}, '--insecure-storage');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
});

const tool = 'search_datadog_services';
const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': tool };
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

/** A client under load: several callers without a pause, and the log that it keeps of what was answered. */
class Client {
  /** By session, the ids of calls that were answered with a result. */
  readonly log = new Map<string, number[]>();
  #next = 1;
  #answers = 0;
  #due: { readonly at: number; readonly reached: () => void } | undefined;

  /** Calls until the forwarder is gone. */
  async run({ endpoint, sessionId }: ConnectedSession): Promise<void> {
    const answered: number[] = [];
    this.log.set(sessionId, answered);
    const caller = async (): Promise<void> => {
      for (;;) {
        const id = this.#next++;
        const params = { name: tool, arguments: { query: `call-${id}` }, _meta: meta };
        const answer = await post(endpoint, { ...callMessage(id, tool), params }, headers).catch(() => undefined);
        if (answer === undefined) return;
        // The gateway is away, or the session closes: answers of our own.
        const { result } = JSON.parse(answer.text);
        if (result === undefined || result.isError) continue;
        answered.push(id);
        if (++this.#answers === this.#due?.at) this.#due.reached();
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  }

  /** Resolves within the turn in which that many more were answered. */
  answers(more: number): Promise<void> {
    return new Promise((reached) => {
      this.#due = { at: this.#answers + more, reached };
    });
  }
}

/** The ids of the calls whose request and answer stand in these entries. */
function answeredIn(entries: readonly StoredEntry[]): ReadonlySet<number> {
  const final = new Set(entries.filter(({ leaf }) => leaf.final && leaf.message === 'response').map(({ leaf }) => leaf.exchange));
  const requests = entries.filter(({ leaf }) => leaf.direction === 'up' && final.has(leaf.exchange));
  return new Set(requests.map(({ payload }) => Number(/"call-(\d+)"/.exec(Buffer.from(payload ?? []).toString())?.[1])));
}

/** Turns of the event loop that the kill comes after the answer: the calls under way are then at other points of theirs. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}

async function expectOnRecord(client: Client, sessionId: string): Promise<void> {
  const answered = client.log.get(sessionId) ?? [];
  const own = answeredIn(maya.entries(sessionId));
  expect(answered.filter((id) => !own.has(id))).toEqual([]);
  const theirs = answeredIn(await gatewayEntries(world.file('database'), sessionId));
  expect(answered.filter((id) => !theirs.has(id))).toEqual([]);
  expect(journalFindings(maya.journal)).toEqual([]);
  expect(await gatewayFindings(world.file('database'))).toEqual([]);
}

/** Kills one or both in the middle of their work, and lets what died start again. Returns how many died. */
async function round(
  random: Random,
  client: Client,
  connected: Connected,
  calling: Promise<void>,
): Promise<{ kills: number; connected: Connected; calling: Promise<void> }> {
  await client.answers(random.between(1, ANSWERS_MAX));
  await turns(random.below(200));
  const { sessionId } = connected.session();
  const victims = random.pick([['forwarder'], ['gateway'], ['forwarder', 'gateway']]);
  const ends = victims.map((victim) => (victim === 'gateway' ? world.gateway : connected.process).stop('SIGKILL'));
  await Promise.all(ends);
  if (victims.includes('forwarder')) await calling;
  await expectOnRecord(client, sessionId);
  if (victims.includes('gateway')) await world.startGateway();
  if (!victims.includes('forwarder')) return { kills: ends.length, connected, calling };
  const next = await maya.connect('datadog');
  return { kills: ends.length, connected: next, calling: client.run(next.session()) };
}

test(`${KILLS} kills lose nothing that was answered; in the end both sides hold the same`, { timeout: 600_000 }, async ({ onTestFailed }) => {
  onTestFailed(() => console.error(`replay with MCPREC_TEST_SEED=${seed}`));
  const random = seeded(seed);
  const client = new Client();
  let connected = await maya.connect('datadog');
  let calling = client.run(connected.session());
  try {
    for (let kills = 0; kills < KILLS; ) {
      const after = await round(random, client, connected, calling);
      ({ connected, calling } = after);
      kills += after.kills;
    }
    expect((await connected.process.stop()).code).toBe(0);
    await calling;
  } finally {
    await connected[Symbol.asyncDispose]();
  }
  await expectOnRecord(client, connected.session().sessionId);
  expect(await maya.json('sync', '--status')).toMatchObject({ entries: 0 });
  expect(await maya.json('verify')).toMatchObject({ verified: true });
  for (const sessionId of client.log.keys()) {
    const own = maya.entries(sessionId).map(({ leafBytes }) => Buffer.from(leafBytes).toString('hex'));
    const theirs = (await gatewayEntries(world.file('database'), sessionId, 'forwarder')).map(({ leafBytes }) => Buffer.from(leafBytes).toString('hex'));
    expect(theirs).toEqual(own);
  }
});

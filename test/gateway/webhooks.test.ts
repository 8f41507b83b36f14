// Webhooks are told of approvals: signed so that a receiver of its own making can check it, again and again until it works.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { signWebhook } from '../../src/gateway/webhooks.ts';
import { callText, holding, latest, sendHeld } from './holding-world.ts';
import { TestWorld } from './support.ts';

const KEY = Buffer.alloc(32, 9);

interface Received {
  readonly path: string;
  readonly id: string;
  readonly verified: boolean;
  readonly signed: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: the tests read bodies of every shape
  readonly body: any;
}

/** A receiver that verifies by the specification's words, with nothing of ours. */
class Receiver {
  readonly received: Received[] = [];
  /** What it answers, the last one from then on. */
  statuses = [204];
  readonly server: Server;
  #woken = Promise.withResolvers<void>();

  private constructor() {
    this.server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = request.headers as Record<string, string>;
      const expected = createHmac('sha256', KEY).update(`${id}.${at}.${text}`).digest();
      const verified = (signatures ?? '').split(' ').some((one) => {
        const [version, signature = ''] = one.split(',');
        const given = Buffer.from(signature, 'base64');
        return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected) && Math.abs(Date.now() / 1000 - Number(at)) < 300;
      });
      this.received.push({ path: request.url ?? '', id: id ?? '', verified, signed: signatures !== undefined, body: JSON.parse(text) });
      response.writeHead(this.statuses.length > 1 ? (this.statuses.shift() ?? 204) : (this.statuses[0] ?? 204)).end();
      const { resolve } = this.#woken;
      this.#woken = Promise.withResolvers();
      resolve();
    });
  }

  static async open(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.server.listen(0, '127.0.0.1');
    await once(receiver.server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async gets(count: number): Promise<readonly Received[]> {
    while (this.received.length < count) await this.#woken.promise;
    return this.received;
  }
}

let receiver: Receiver;
let world: TestWorld;

beforeEach(async () => {
  receiver = await Receiver.open();
  world = await TestWorld.start({
    ...holding((yaml) =>
      yaml.concat(`webhooks:
  - { name: pager, url: "${receiver.url}/pager", secret: env:HOOK_SECRET }
  - { name: slack, url: env:SLACK_URL, format: slack, events: [approval.requested] }
`),
    ),
    env: { HOOK_SECRET: `whsec_${KEY.toString('base64')}`, SLACK_URL: `${receiver.url}/slack` },
  });
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
  receiver.server.closeAllConnections();
  receiver.server.close();
});

it('signs as Standard Webhooks says', () => {
  // The example of the specification's reference implementations.
  const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
  expect(signWebhook(key, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}')).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

it('tells who asks for what and what became of it, never the arguments', async () => {
  const [sre, lead] = await Promise.all([world.caller('sre'), world.caller('lead')]);
  const grant = await sre.grant('datadog', { reason: 'incident 7' });
  await sendHeld(grant, callText({ args: '{"note":"the-secret-argument"}' }));
  const { approvalId, link } = await latest(lead);
  await receiver.gets(2);
  await lead.call('POST', `/v1/approvals/${approvalId}/refuse`, { json: { reason: 'no' } });
  const all = await receiver.gets(3);
  const [pager, refused] = all.filter(({ path }) => path === '/pager');
  expect(pager).toMatchObject({
    verified: true,
    body: {
      type: 'approval.requested',
      data: { approvalId, link, tool: 'mute_monitor', why: 'incident 7', requester: { subject: 'sre-bot' }, rule: 'prod-mutes' },
    },
  });
  expect(refused).toMatchObject({ verified: true, body: { type: 'approval.refused', data: { state: 'refused', endedBy: { subject: 'lead-bot' } } } });
  const slack = all.filter(({ path }) => path === '/slack');
  expect(slack).toMatchObject([
    { signed: false, body: { text: 'sre-bot@harborshop.example asks for an approval: mute\u200b_monitor on datadog', blocks: expect.any(Array) } },
  ]);
  expect(JSON.stringify(slack)).toContain(link);
  expect(JSON.stringify(all)).not.toContain('the-secret-argument');
});

it('tries again with the same id until it is taken, also after a restart, and gives up on 410', async () => {
  receiver.statuses = [500];
  const [sre, lead] = await Promise.all([world.caller('sre'), world.caller('lead')]);
  const grant = await sre.grant('datadog');
  await sendHeld(grant, callText());
  await receiver.gets(2);
  await world.gateway.close();
  receiver.statuses = [204];
  world.clock.aheadMs += 5_000;
  await world.startGateway();
  const tries = (await receiver.gets(4)).filter(({ path }) => path === '/pager');
  expect(tries.length).toBeGreaterThan(1);
  expect(new Set(tries.map(({ id }) => id)).size).toBe(1);
  expect(tries.every(({ body }) => body.type === 'approval.requested')).toBe(true);
  const before = receiver.received.length;
  receiver.statuses = [410];
  await lead.call('POST', `/v1/approvals/${(await latest(lead)).approvalId}/approve`);
  await receiver.gets(before + 1);
  await expect.poll(() => world.log.some((line) => line.includes('HTTP 410') && line.includes('not tried again'))).toBe(true);
  expect(world.log.join('')).not.toContain(`${receiver.url}/slack`);
});

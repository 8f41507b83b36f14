// The gateway decides, whatever a laptop does; and its policy changes under sessions that are under way.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/policy/parse.ts';
import { gatewayEntries } from '../e2e/records.ts';
import type { Caller } from './caller.ts';
import type { HeldGrant } from './held-grant.ts';
import { TestWorld } from './support.ts';

let world: TestWorld;
let sre: Caller;
beforeAll(async () => {
  world = await TestWorld.start();
  sre = await world.caller('sre');
});
beforeEach(async () => {
  await reload((text) => text);
});
afterAll(() => world[Symbol.asyncDispose]());

function reload(edit: (text: string) => string): Promise<boolean> {
  return world.gateway.reload(() => parseConfig(edit(world.configText()), { file: 'gateway.yaml' }).config);
}

const call = (tool: string, args = '{}') => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":${args}}}`;
const textOf = (body: { result?: { content?: readonly { text: string }[] } }) => body.result?.content?.[0]?.text;

async function answerOf(grant: HeldGrant, tool: string, args?: string): Promise<string> {
  const before = world.upstream.received.length;
  const { status, body } = await grant.send({ body: call(tool, args) });
  const reached = world.upstream.received.length > before ? 'reached the upstream' : 'stopped';
  return [status, reached, textOf(body) ?? body.error?.message ?? ''].join('; ').replace(/ \(dec_.*/, '');
}

describe('a laptop that runs no policy, or one of its own', () => {
  it('is denied by the gateway all the same', async () => {
    const grant = await sre.grant('datadog');
    expect(await answerOf(grant, 'get_metric')).toBe('200; reached the upstream; ');
    expect(await answerOf(grant, 'delete_monitor')).toBe(
      '200; stopped; Denied by rule "no-delete": denied by rule no-delete. Do not try it again; ask the platform owner if you need it.',
    );
  });

  it('gets a projection that it can read, and cannot change unnoticed', async () => {
    const grant = await sre.grant('datadog');
    const [head, payload = '', signature] = grant.response.projection.split('.');
    const projection = JSON.parse(Buffer.from(payload, 'base64url').toString());
    expect(projection.rules).toEqual([{ id: 'no-delete', effect: 'deny', tools: ['delete_*'] }]);
    const edited = Buffer.from(JSON.stringify({ ...projection, rules: [] })).toString('base64url');
    const { readProjection } = await import('../../src/forwarder/grant.ts');
    await expect(readProjection(`${head}.${edited}.${signature}`, grant.response.gatewayKey)).rejects.toMatchObject({ code: 'gateway_failed' });
  });

  it('is told nothing of holds, hours and budgets, which are the gateway’s', async () => {
    await reload((text) =>
      text
        .replace(
          'groups: [sre], connections: [datadog, quiet],',
          'groups: [sre], connections: [datadog, quiet], calls: { per_minute: 9 }, hours: { zone: UTC },',
        )
        .replace(
          'rules: [',
          'rules: [{ id: held, hold: { approvers: [sre-leads] }, tools: ["mute_*"] }, { id: late, deny: true, when: "now.getHours() > 30" }, ',
        ),
    );
    const grant = await sre.grant('datadog');
    const projection = JSON.parse(Buffer.from(grant.response.projection.split('.')[1] ?? '', 'base64url').toString());
    expect(projection.access).toEqual([{}]);
    expect(projection.rules).toEqual([{ id: 'no-delete', effect: 'deny', tools: ['delete_*'] }]);
  });
});

describe('a reload', () => {
  it('holds from the next call of a session under way, and its hash stands in the entries', async () => {
    const grant = await sre.grant('datadog');
    expect(await answerOf(grant, 'get_metric')).toContain('reached');
    expect(await reload((text) => text.replace('"delete_*"', '"get_*"'))).toBe(true);
    expect(await answerOf(grant, 'get_metric')).toContain('stopped; Denied by rule "no-delete"');
    expect(await answerOf(grant, 'delete_monitor')).toContain('reached');
    const entries = await gatewayEntries(`${world.directory}/gateway.db`, grant.response.sessionId);
    const hashes = entries.filter(({ leaf }) => leaf.direction === 'up').map(({ leaf }) => Buffer.from(leaf.policyHash ?? []).toString('hex'));
    expect(hashes.map((hash) => hash === grant.response.policyHash)).toEqual([true, false, false]);
    expect(hashes[1]).toMatch(/^[0-9a-f]{64}$/);
  });

  it('with a problem is refused: the old one stays, and the log and /healthz say so', async () => {
    const grant = await sre.grant('datadog');
    const health = async () => (await (await fetch(`${world.gateway.url}/healthz`)).json()) as { policy: string };
    expect(await reload((text) => text.replace('deny: true', 'deny: maybe'))).toBe(false);
    expect((await health()).policy).toBe('refused');
    expect(world.log.some((line) => line.includes('the old one stays in force') && line.includes('gateway.yaml:'))).toBe(true);
    expect(await answerOf(grant, 'delete_monitor')).toContain('stopped');
    expect(await reload((text) => text.replace('env:TEST_API_KEY', 'env:NOT_SET'))).toBe(false);
    expect(world.log.at(-1)).toContain('secret_unresolved');
    expect(await reload((text) => text)).toBe(true);
    expect((await health()).policy).toBe('current');
  });

  it('reaches whoever follows the session', async () => {
    const grant = await sre.grant('datadog');
    const stop = new AbortController();
    const events = await sre.send('GET', `/v1/sessions/${grant.response.sessionId}/events`, { signal: stop.signal });
    const reader = (events.body as ReadableStream<Uint8Array>).getReader();
    const hashes: string[] = [];
    const decoder = new TextDecoder();
    for (let text = ''; hashes.length < 2; ) {
      text += decoder.decode((await reader.read()).value);
      hashes.splice(0, hashes.length, ...[...text.matchAll(/"policyHash":"([0-9a-f]+)"/g)].map((found) => found[1] ?? ''));
      if (hashes.length === 1) await reload((yaml) => yaml.replace('"delete_*"', '"drop_*"'));
    }
    stop.abort();
    expect(hashes[0]).toBe(grant.response.policyHash);
    expect(hashes[1]).not.toBe(hashes[0]);
  });

  it('that takes the connection away ends the session', async () => {
    const grant = await sre.grant('datadog');
    const idle = await sre.grant('datadog');
    await answerOf(grant, 'get_metric');
    await reload((text) => text.replace('groups: [sre]', 'groups: [others]'));
    expect(await answerOf(idle, 'get_metric')).toBe('200; stopped; Unknown tool: get_metric');
    const { status, body } = await grant.send({ body: call('get_metric') });
    expect([status, body.error.code]).toEqual([401, 'grant_revoked']);
  });

  it('changes nothing that was told to clients, and says what waits for the next start', async () => {
    await reload((text) => text.replace('admin_groups: [security]', 'admin_groups: [others]'));
    expect(world.log.at(-1)).toContain('"keys":["identity"]');
    const own = (command: string) =>
      reload((text) => text.replace('connections:\n', `connections:\n  own: { kind: stdio, command: [${command}], record: full }\n`));
    await own('server, -v');
    expect(world.log.at(-1)).toContain('"keys":["connections.own.command"]');
    await reload((text) => text);
    expect(world.log.at(-1)).not.toContain('"keys"');
    // Hooks are told by what the start resolved.
    await reload((text) => `${text}webhooks: [{ name: h, format: slack, url: "https://hooks.example.com/x" }]\n`);
    expect(world.log.at(-1)).toContain('"keys":["webhooks"]');
    const admin = await world.caller('admin');
    const grant = await sre.grant('datadog');
    expect((await admin.call('DELETE', `/v1/grants/${grant.response.grantId}`)).status).toBe(200);
  });
});

describe('what needs the gateway’s clock', () => {
  it('calls per minute, by the person and not by the session, and per session', async () => {
    await reload((text) => text.replace('connections: [datadog, quiet],', 'connections: [datadog, quiet], calls: { per_minute: 2, per_session: 3 },'));
    const [one, other] = [await sre.grant('datadog'), await sre.grant('datadog')];
    expect(await answerOf(one, 'a')).toContain('reached');
    expect(await answerOf(other, 'a')).toContain('reached');
    expect(await answerOf(one, 'a')).toMatch(/stopped; Denied by rule "budget": the 2 calls of this minute are spent. Try it again in \d+ s/);
    const listed = await one.send({ body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
    expect(listed.body.result).toEqual({});
    const read = await one.send({ body: '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a://b"}}' });
    expect(read.body.error).toMatchObject({ code: 4290, data: { rule: 'budget', retryAfterMs: expect.any(Number) } });
    world.clock.aheadMs += 61_000;
    expect(await answerOf(one, 'a')).toContain('reached');
    expect(await answerOf(one, 'a')).toContain('reached');
    world.clock.aheadMs += 61_000;
    expect(await answerOf(one, 'a')).toContain('the 3 calls of this session are spent');
    expect(await answerOf(other, 'a')).toContain('reached');
    world.clock.aheadMs = 0;
  });

  it('what a session has spent is spent after a restart of the gateway, too', async () => {
    const edit = (text: string) => text.replace('connections: [datadog, quiet],', 'connections: [datadog, quiet], calls: { per_session: 2 },');
    await world.changeConfig(edit);
    const grant = await sre.grant('datadog');
    expect(await answerOf(grant, 'a')).toContain('reached');
    await world.restartGateway();
    expect(await answerOf(grant, 'a')).toContain('reached');
    await world.restartGateway();
    expect(await answerOf(grant, 'a')).toContain('the 2 calls of this session are spent');
    expect(await answerOf(await sre.grant('datadog'), 'a')).toContain('reached');
    await world.changeConfig((text) => text.replace(' calls: { per_session: 2 },', ''));
  });

  it('a call without an id costs as much as one with it', async () => {
    await reload((text) => text.replace('connections: [datadog, quiet],', 'connections: [datadog, quiet], calls: { per_session: 2 },'));
    const grant = await sre.grant('datadog');
    const body = call('a').replace('"id":1,', '');
    const before = world.upstream.received.length;
    const statuses = [await grant.send({ body }), await grant.send({ body }), await grant.send({ body })].map(({ status }) => status);
    expect([statuses, world.upstream.received.length - before]).toEqual([[200, 200, 403], 2]);
    expect((await grant.send({ body: '{"jsonrpc":"2.0","method":"notifications/initialized"}' })).status).toBe(200);
  });

  it('hours of use end calls and not sessions, and nobody connects outside of them', async () => {
    const hourUtc = new Date().getUTCHours();
    const pad = (hour: number) => String((hour + 24) % 24).padStart(2, '0');
    const grant = await sre.grant('datadog');
    const at = (from: number, to: number) => (text: string) =>
      text.replace('connections: [datadog, quiet],', `connections: [datadog, quiet], hours: { from: "${pad(from)}:00", to: "${pad(to)}:00", zone: UTC },`);
    await reload(at(hourUtc, hourUtc + 2));
    expect(await answerOf(grant, 'a')).toContain('reached');
    await reload(at(hourUtc + 3, hourUtc + 5));
    expect(await answerOf(grant, 'a')).toMatch(/stopped; Denied by rule "access": access is given every day .* UTC, and it is another time now/);
    const { json } = await sre.wish('datadog');
    expect(await sre.call('POST', '/v1/grants', { json })).toMatchObject({ status: 403, body: { error: { code: 'connection_denied' } } });
    await reload((text) => text);
    expect(await answerOf(grant, 'a')).toContain('reached');
  });

  it('conditions read the call, the caller and the session', async () => {
    const rule = `{ id: w, deny: true, tools: ["w_*"], when: 'args.id == 9007199254740993 && identity.groups.exists(g, g == "sre") && now - session.opened < duration("1h") && connection.name == "datadog"' }`;
    await reload((text) => text.replace('rules: [', `rules: [${rule}, `));
    const grant = await sre.grant('datadog');
    expect(await answerOf(grant, 'w_x', '{"id":9007199254740993}')).toContain('Denied by rule "w"');
    expect(await answerOf(grant, 'w_x', '{"id":9007199254740992}')).toContain('reached');
    expect(await answerOf(grant, 'w_x', '{}')).toContain('the condition of rule w cannot be evaluated (field not found: id)');
    expect(await answerOf(grant, 'w_x', '{"ID":9007199254740993}')).toContain('written in another case');
  });
});

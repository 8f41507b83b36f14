// A grant in the wrong hands, renewed, revoked and run out, between real processes.
import { connect as connectSocket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { controlPaths } from '../../src/protocol/control.ts';
import { callMessage, modernClient, post } from './clients.ts';
import { Laptop } from './harness.ts';
import { brief, gatewayEntries, gatewaySession } from './records.ts';
import { World } from './world.ts';

let world: World;
const maya = new Laptop();
beforeAll(async () => {
  // Shorter than what is kept ahead: every use of an access token refreshes it.
  world = await World.start({ accessTokenSeconds: 5 });
  await maya.login(world.url, 'maya.okafor');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  maya[Symbol.dispose]();
});

const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'search_datadog_services' };
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
const search = { ...callMessage(1, 'search_datadog_services'), params: { name: 'search_datadog_services', arguments: {}, _meta: meta } };

async function revoke(sessionId: string): Promise<void> {
  const { grantId } = await gatewaySession(world.file('database'), sessionId);
  await using identity = await maya.identity();
  await identity.request('DELETE', controlPaths.grant(grantId), { json: { reason: 'laptop lost' } });
}

/** Sends a captured request as it stands; returns the answer. */
function sendAgain(text: string): Promise<string> {
  const socket = connectSocket(Number(new URL(world.url).port), '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(Buffer.from(text.replace(/^connection: .*$/im, 'connection: close'), 'latin1'));
  return new Promise((resolve) => socket.once('close', () => resolve(Buffer.concat(chunks).toString('latin1'))));
}

test('what a thief has copied from the wire opens nothing: not as it is, not with another request', async () => {
  await using connected = await maya.connect('datadog');
  const { endpoint, sessionId } = connected.session();
  const answer = await post(endpoint, search, modern);
  expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('checkout')]);
  expect(world.callsOf('search_datadog_services')).toBe(1);
  const captured = world.relay.requests().find((text) => text.startsWith('POST /c/datadog/mcp') && text.includes('search_datadog_services')) ?? '';
  expect(captured).toContain(sessionId);

  // R4: as it is, from another process's connection.
  const replayed = await sendAgain(captured);
  expect(replayed).toMatch(
    /"isError":true.*Denied by rule \\"exchange-repeated\\": this call was made before and is not executed again\. Make the call again as a new one/,
  );
  // The same token and session with another call under the old signature, and without any.
  const changed = await sendAgain(captured.replaceAll('search_datadog_services', 'search_datadog_monitors'));
  expect(changed).toMatch(/^HTTP\/1\.1 401 [\s\S]*mcprec-refused: signature_invalid\r\n/i);
  const unsigned = await sendAgain(captured.replace(/^signature(-input)?:.*\r\n/gim, ''));
  expect(unsigned).toMatch(/^HTTP\/1\.1 401 [\s\S]*mcprec-refused: signature_invalid\r\n/i);
  expect(unsigned).toContain('a grant works only from the process that asked for it');
  expect([world.callsOf('search_datadog_services'), world.callsOf('search_datadog_monitors')]).toEqual([1, 0]);

  // The session's owner goes on.
  expect((await post(endpoint, { ...search, id: 2 }, modern)).status).toBe(200);
  expect(world.callsOf('search_datadog_services')).toBe(2);
});

test('the token is renewed before it ends, and calls go on with the new one', async () => {
  world.relay.rewrite = (chunk) => chunk.replace(/"tokenExpiresAtMs":\d{13}/, `"tokenExpiresAtMs":${Date.now() + 1_000}`);
  await using connected = await maya.connect('datadog');
  const { endpoint } = connected.session();
  await using client = await modernClient(endpoint);
  const tokens = () =>
    new Set(world.relay.requests().flatMap((text) => (text.startsWith('POST /c/datadog/mcp') ? (/^authorization: (.*)$/im.exec(text)?.[1] ?? []) : [])));
  const before = tokens().size;
  await expect
    .poll(
      async () => {
        expect((await client.callTool({ name: 'search_datadog_services', arguments: {} })).isError).toBeFalsy();
        return tokens().size - before;
      },
      { timeout: 15_000 },
    )
    .toBeGreaterThan(1);
  world.relay.rewrite = (chunk) => chunk;
  expect(connected.process.stdout.filter((line) => line.includes('trouble'))).toEqual([]);
  expect((await connected.process.stop()).code).toBe(0);
});

test('a revoked grant ends connect with 4, and the gateway’s record says who and why', async () => {
  await using connected = await maya.connect('datadog');
  const { sessionId } = connected.session();
  await revoke(sessionId);
  expect(await connected.process.end()).toEqual({ code: 4, signal: null });
  expect(await connected.process.event('ended')).toMatchObject({ sessionId, connection: 'datadog', reason: 'revoked' });
  expect(await gatewaySession(world.file('database'), sessionId)).toMatchObject({ state: 'revoked', endReason: 'laptop lost' });
  expect(maya.entries(sessionId).map(brief).at(-1)).toBe('close');
  expect((await gatewayEntries(world.file('database'), sessionId)).map(brief)).toEqual(['open', 'close']);
  expect(await maya.json('sync', '--status')).toMatchObject({ entries: 0 });
});

test('in exec the command goes on, and its calls are told what happened and what to do', async () => {
  // Calls once for every line that it reads, and prints what it was answered.
  const program = `for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
    const answer = await fetch(process.env.MCPREC_ENDPOINT, { method: 'POST', headers: ${JSON.stringify({ ...modern, 'content-type': 'application/json', accept: 'application/json, text/event-stream' })}, body: line });
    console.log(JSON.stringify({ event: 'answer', status: answer.status, text: await answer.text() }));
    console.log('ready for more');
  }`;
  await using run = maya.start('exec', 'datadog', '--json', '--', process.execPath, '-e', `(async () => { ${program} })()`);
  run.child.stdin?.write(`${JSON.stringify(search)}\n`);
  expect(await run.event('answer')).toMatchObject({ status: 200, text: expect.stringContaining('checkout') });
  const [{ sessionId } = { sessionId: '' }] = (await maya.json<{ sessions: { sessionId: string }[] }>('sessions', 'list', '--state', 'open')).sessions;
  const calls = world.callsOf('search_datadog_services');
  await revoke(sessionId);
  await run.says('datadog: the grant has ended (revoked); calls are refused from now on');
  run.child.stdin?.write(`${JSON.stringify(search)}\n`);
  run.child.stdin?.end();
  expect((await run.end()).code).toBe(0);
  const answers = run.stdout.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { status: number; text: string });
  expect(answers.at(-1)?.status).toBe(200);
  expect(JSON.parse(answers.at(-1)?.text ?? '')).toMatchObject({
    result: {
      isError: true,
      content: [
        { text: expect.stringMatching(/^Denied by rule "grant-revoked": the grant was revoked\. Ask the platform owner why, then run: mcprec connect\./) },
      ],
    },
  });
  expect(world.callsOf('search_datadog_services')).toBe(calls);
  expect(maya.entries(sessionId).map(brief)).toContainEqual(expect.stringContaining('deny:grant-revoked'));
});

test('a grant that runs out ends connect with 4', async () => {
  await using connected = await maya.connect('datadog', '--ttl', '1s');
  const { sessionId } = connected.session();
  expect(await connected.process.end()).toEqual({ code: 4, signal: null });
  expect(await connected.process.event('ended')).toMatchObject({ reason: 'expired' });
  expect(maya.entries(sessionId).map(brief)).toEqual(['open', 'close']);
  await expect.poll(async () => (await gatewaySession(world.file('database'), sessionId)).state).toBe('expired');
  expect(await maya.json('verify')).toMatchObject({ verified: true });
});

test('whoever lost the groups loses the session at the next renewal', async () => {
  world.relay.rewrite = (chunk) => chunk.replace(/"tokenExpiresAtMs":\d{13}/, `"tokenExpiresAtMs":${Date.now() + 1_000}`);
  await using connected = await maya.connect('datadog');
  world.provider.setGroups('maya.okafor', ['visitors']);
  expect(await connected.process.end()).toEqual({ code: 4, signal: null });
  world.relay.rewrite = (chunk) => chunk;
  expect(await connected.process.event('ended')).toMatchObject({ reason: 'revoked' });
  const refused = await maya.run('connect', 'datadog');
  expect(refused).toMatchObject({ code: 5, stdout: '' });
  expect(refused.stderr).toMatch(
    /^mcprec: none of your groups may use connection datadog \(allowed: sre, engineering, automation\); ask the platform owner for access\n$/,
  );
  world.provider.setGroups('maya.okafor', ['engineering', 'sre']);
});

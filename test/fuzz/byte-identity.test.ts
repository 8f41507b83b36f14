// Property: whatever JSON an upstream answers, the client gets its very bytes through a real forwarder, and with a gateway behind it;
// and the request arrives so too.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenWay, ThroughGateway } from '../conformance/ways.ts';
import { cutUp, eventStreamText, jsonText } from '../support/arbitrary.ts';
import { SoloForwarder } from '../support/forwarder.ts';
import { longer } from '../support/long.ts';

/** What the upstream answers next, and what it last heard. */
const script = { type: 'application/json', pieces: [] as Buffer[], heard: Buffer.alloc(0) };
let upstream: Server;
let solo: SoloForwarder;
let gateway: ThroughGateway;
let way: OpenWay;

beforeAll(async () => {
  upstream = createServer(async (incoming, response) => {
    script.heard = Buffer.concat(await incoming.toArray());
    response.writeHead(200, { 'Content-Type': script.type });
    for (const piece of script.pieces) if (piece.length > 0) await new Promise((written) => response.write(piece, written));
    response.end();
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/mcp`;
  solo = await SoloForwarder.open(url);
  gateway = await ThroughGateway.start();
  way = await gateway.open(url);
});
afterAll(async () => {
  await way[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await solo[Symbol.asyncDispose]();
  upstream.closeAllConnections();
  await new Promise<void>((resolve) => upstream.close(() => resolve()));
});

const cuts = fc.array(fc.nat(), { maxLength: 3 });
const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\r', '\n'), maxLength: 3 });

async function post(endpoint: string, body: string): Promise<Buffer> {
  const answer = await request(endpoint, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect(answer.statusCode).toBe(200);
  return Buffer.from(await answer.body.arrayBuffer());
}

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

describe.each([
  ['the forwarder', () => solo.endpoint],
  ['forwarder and gateway', () => way.endpoint],
] as const)('through %s', (_name, endpoint) => {
  test('an answer in JSON', async () => {
    const wrapped = fc.tuple(space, jsonText()).map(([s, value]) => `${s}{${s}"jsonrpc":"2.0",${s}"result":${value},"id":1}${s}`);
    await fc.assert(
      fc.asyncProperty(fc.oneof(jsonText(), wrapped), cuts, async (text, places) => {
        const bytes = Buffer.from(text);
        Object.assign(script, { type: 'application/json', pieces: cutUp(bytes, places) });
        expect((await post(endpoint(), ping)).equals(bytes)).toBe(true);
      }),
      { numRuns: longer(150) },
    );
  });

  test('an answer of any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        cuts,
        fc.constantFrom('application/json', 'text/html', 'text/event-stream'),
        async (array, places, type) => {
          const bytes = Buffer.from(array);
          Object.assign(script, { type, pieces: cutUp(bytes, places) });
          expect((await post(endpoint(), ping)).equals(bytes)).toBe(true);
        },
      ),
      { numRuns: longer(100) },
    );
  });

  test('an event stream', async () => {
    const events = fc.array(
      fc.oneof(
        eventStreamText(),
        jsonText().map((json) => `data: ${json.replace(/[\r\n]/g, ' ')}\n\n`),
      ),
      { maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(events, cuts, async (parts, places) => {
        const bytes = Buffer.from(parts.join(''));
        Object.assign(script, { type: 'text/event-stream', pieces: cutUp(bytes, places) });
        expect((await post(endpoint(), ping)).equals(bytes)).toBe(true);
      }),
      { numRuns: longer(100) },
    );
  });

  test('a request', async () => {
    Object.assign(script, { type: 'application/json', pieces: [Buffer.from('{}')] });
    const call = fc
      .tuple(space, jsonText(), fc.bigInt())
      .map(([s, value, id]) => `${s}{"params":{"value":${value},${s}"name":"get_x"},${s}"jsonrpc":"2.0","id":${id},"method"${s}:"tools\\u002fcall"}`);
    await fc.assert(
      fc.asyncProperty(call, async (text) => {
        await post(endpoint(), text);
        expect(script.heard.equals(Buffer.from(text))).toBe(true);
      }),
      { numRuns: longer(100) },
    );
  });
});

test('and the journal of the forwarder holds up', async () => {
  const entries = await solo.recorded();
  expect(entries.at(-1)?.leaf.kind).toBe('close');
  const exchanges = new Map<string, boolean>();
  for (const { leaf } of entries) if (leaf.exchange !== undefined) exchanges.set(leaf.exchange, leaf.final);
  // Every exchange has its end.
  expect([...exchanges.values()].every(Boolean)).toBe(true);
  expect(exchanges.size).toBeGreaterThan(400);
});

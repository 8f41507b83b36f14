// What goes wrong between the two: clients and upstreams that stop, die, hang up or do not keep up.
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { TestHop } from '../support/hop.ts';
import { freePort } from '../support/process.ts';
import { openSocket, RawServer, requestText } from '../support/raw-http.ts';
import { makeRules, namesOf } from '../support/rules.ts';
import { bodyOf, CALL, chunk, dechunk, head, JSON_HEADERS, RESULT, Talk } from '../support/talk.ts';

const STREAM = head('200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked');
const BATCH = `[${CALL},${CALL.replace('"id":1', '"id":"two"')},{"jsonrpc":"2.0","method":"notifications/x"}]`;

function lastNote(hop: TestHop): string | undefined {
  return namesOf(hop.entries.at(-1)).note;
}

describe('an upstream that is not there', () => {
  test.each([
    ['a request', 'POST', CALL, 200, { id: 1, error: { code: 5020 } }],
    [
      'a batch',
      'POST',
      BATCH,
      200,
      [
        { id: 1, error: { code: 5020 } },
        { id: 'two', error: { code: 5020 } },
      ],
    ],
    ['a notification', 'POST', '{"jsonrpc":"2.0","method":"notifications/x"}', 502, { errors: [expect.stringContaining('cannot be reached')] }],
    ['a GET', 'GET', undefined, 502, { errors: [expect.stringContaining('it was not executed')] }],
  ])('%s', async (_what, verb, body, status, answer) => {
    await using hop = await TestHop.open({ upstream: `http://127.0.0.1:${await freePort()}/mcp` });
    using client = await openSocket(hop.port);
    client.write(requestText(verb, '/mcp', { port: hop.port, headers: JSON_HEADERS, ...(body !== undefined && { body }) }));
    const text = await client.has('not executed');
    expect(text).toContain(`HTTP/1.1 ${status} `);
    await hop.done();
    expect(JSON.parse(bodyOf(client.text))).toMatchObject(answer);
    expect(lastNote(hop)).toBe('upstream_unreachable');
    expect(hop.entries.at(-1)).toMatchObject({ final: true, failed: true });
  });

  test('a request that cannot be written is answered, not lost', async () => {
    await using t = await Talk.open();
    const { hop } = t;
    await using broken = await TestHop.open({
      upstream: t.upstream.url,
      hop: { dress: ({ verb }) => ({ origin: t.upstream.url, path: '/mcp', verb, headers: ['X-Bad', 'a\nb'], body: undefined }) },
    });
    using client = await openSocket(broken.port);
    client.write(requestText('POST', '/mcp', { port: broken.port, headers: JSON_HEADERS, body: CALL }));
    expect(JSON.parse(bodyOf(await client.has('}}')))).toMatchObject({ id: 1, error: { code: 5020 } });
    expect(hop.entries).toEqual([]);
  });
});

describe('an upstream that dies', () => {
  test('before it answers: the call may have been executed, and the connection goes on', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.socket.destroy();
    const text = await t.client.has('may have been executed');
    await t.hop.done();
    expect(JSON.parse(bodyOf(text))).toMatchObject({ id: 1, error: { code: 5020 } });
    expect(lastNote(t.hop)).toBe('upstream_lost');
    t.client.forget();
    const again = await t.ask();
    again.write(head('200 OK', `Content-Length: ${RESULT.length}`) + RESULT);
    await t.client.has(RESULT);
  });

  test('with nonsense instead of HTTP', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write('SSH-2.0-OpenSSH\r\n\r\n');
    expect(await t.client.has('5020')).toContain('may have been executed');
  });

  test('behind the head, before anything could be delivered', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: application/json', 'Content-Length: 100'));
    socket.write('{"half":');
    socket.socket.end();
    const text = await t.client.has('5020');
    expect(text).not.toContain('half');
  });

  test('in the middle of a body: what was delivered stays cut, and the entry has its length and MAC', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: application/json', 'Transfer-Encoding: chunked'));
    // The first piece is delivered when there is a second one.
    socket.write(Buffer.concat([chunk('{"first":1,'), chunk('"second":2,')]));
    await t.client.has('first');
    socket.socket.end();
    const text = await t.client.ended();
    expect(dechunk(bodyOf(text))).toBe('{"first":1,"second":2,');
    expect(text).not.toContain('0\r\n\r\n');
    await t.hop.done();
    expect(lastNote(t.hop)).toBe('upstream_lost');
    expect(t.hop.entries.at(-1)).toMatchObject({ final: true, failed: true, wireBytes: 22, mac: t.hop.rules.mac(Buffer.from('{"first":1,"second":2,')) });
    expect(t.hop.counted).toEqual(['call', 'failed']);
  });

  test('in the middle of a stream: the client sees it cut, not ended', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(STREAM);
    socket.write(chunk(': one\n\ndata: {"id'));
    await t.client.has('data');
    socket.socket.destroy();
    const text = await t.client.ended();
    expect(text).not.toContain('0\r\n\r\n');
    await t.hop.done();
    expect(lastNote(t.hop)).toBe('upstream_lost');
  });
});

describe('a client that goes', () => {
  test('before the upstream answers: the upstream sees it', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    t.client.socket.destroy();
    await socket.ended();
    await t.hop.done();
    expect(lastNote(t.hop)).toBe('client_gone');
    expect(t.hop.entries.at(-1)?.failed).toBeUndefined();
    expect(t.hop.counted).toEqual(['call']);
  });

  test('in the middle of a stream', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(STREAM + chunk(': one\n\n'));
    await t.client.has('one');
    t.client.socket.destroy();
    await socket.ended();
    await t.hop.done();
    expect(lastNote(t.hop)).toBe('client_gone');
  });

  test('half: it has said its last, and counts as gone', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    socket.write(STREAM + chunk(': one\n\n'));
    await t.client.has('one');
    t.client.socket.end();
    await socket.ended();
    await t.hop.done();
  });

  test('before its request was recorded: it is not sent', async () => {
    await using t = await Talk.open();
    const { promise: recorded, resolve } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    t.hop.beforeRecord = () => {
      ask();
      return recorded;
    };
    t.send();
    await asked;
    t.client.socket.destroy();
    await t.hop.gone[0];
    resolve();
    await t.hop.done();
    expect(t.upstream.open).toBe(0);
    expect(lastNote(t.hop)).toBe('client_gone');
  });

  test('when all was answered but not delivered: nothing waits for ever', async () => {
    await using t = await Talk.open();
    const { promise: recorded, resolve } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    t.hop.beforeRecord = (entries) => {
      if (entries[0]?.direction !== 'down') return;
      ask();
      return recorded;
    };
    const socket = await t.ask();
    socket.write(head('200 OK', `Content-Length: ${RESULT.length}`) + RESULT);
    await asked;
    t.client.socket.destroy();
    await t.hop.gone[0];
    resolve();
    await t.hop.done();
    expect(t.hop.entries.at(-1)).toMatchObject({ message: 'response', final: true });
  });

  test('with a second request in the pipe: both end', async () => {
    await using t = await Talk.open();
    t.send();
    t.send();
    const first = await t.upstream.next();
    await first.has(CALL);
    const second = await t.upstream.next();
    await second.has(CALL);
    second.write(head('200 OK', `Content-Length: ${RESULT.length}`) + RESULT);
    await t.hop.records(3);
    t.client.socket.destroy();
    await Promise.all([t.hop.done(0), t.hop.done(1)]);
  });

  test('in the middle of its own body: nothing happened', async () => {
    await using t = await Talk.open();
    t.client.write(requestText('POST', '/mcp', { port: t.hop.port, headers: [...JSON_HEADERS, 'Content-Length: 100'] }));
    t.client.write('{"half":');
    await t.hop.hears(1);
    t.client.socket.destroy();
    using other = await openSocket(t.hop.port);
    other.write(requestText('POST', '/mcp', { port: t.hop.port, headers: JSON_HEADERS, body: '{' }));
    await other.has('-32700');
    expect(t.hop.served).toHaveLength(1);
    expect(t.upstream.open).toBe(0);
  });
});

describe('a session that ends', () => {
  test('ends what is in flight, and says so', async () => {
    await using t = await Talk.open();
    const socket = await t.ask();
    t.hop.cut.abort('session_closed');
    const text = await t.client.has('may have been executed');
    expect(JSON.parse(bodyOf(text))).toMatchObject({ id: 1, error: { code: 5020 } });
    await socket.ended();
    await t.hop.done();
    expect(lastNote(t.hop)).toBe('session_closed');
  });

  test('lets nothing more leave', async () => {
    await using t = await Talk.open();
    t.hop.cut.abort('session_closed');
    t.send();
    await t.client.has('it was not executed');
    expect(t.upstream.open).toBe(0);
  });
});

describe('a client that is slow', () => {
  test('slows the upstream down instead of filling memory', async () => {
    const size = 200_000_000;
    await using t = await Talk.open();
    t.client.socket.pause();
    const socket = await t.ask();
    socket.write(head('200 OK', 'Content-Type: application/json', `Content-Length: ${size}`));
    const piece = Buffer.alloc(1_000_000, 'x');
    let written = 0;
    const pump = (): void => {
      while (written < size) {
        written += piece.length;
        if (!socket.socket.write(piece)) {
          socket.socket.once('drain', pump);
          return;
        }
      }
    };
    pump();
    const before = process.memoryUsage();
    // Until nothing moves any more: what the upstream could push is in the buffers between the two.
    expect(await settles(() => written)).toBeLessThan(60_000_000);
    const held = process.memoryUsage();
    expect(held.external + held.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(80_000_000);
    let got = 0;
    t.client.socket.removeAllListeners('data');
    t.client.socket.on('data', (bytes) => {
      got += bytes.length;
    });
    t.client.socket.resume();
    await t.hop.done();
    await expect.poll(() => got, { timeout: 20_000 }).toBeGreaterThan(size);
    expect(t.hop.entries.at(-1)).toMatchObject({ message: 'opaque', wireBytes: size });
  }, 60_000);

  test('a record that is slow does not let the upstream run ahead', async () => {
    await using t = await Talk.open();
    const { promise: recorded, resolve } = Promise.withResolvers<void>();
    t.hop.beforeRecord = (entries) => (entries[0]?.direction === 'down' ? recorded : undefined);
    const socket = await t.ask();
    socket.write(STREAM);
    await t.client.has('\r\n\r\n');
    const event = chunk(`data: ${JSON.stringify({ text: 'x'.repeat(50_000) })}\n\n`);
    let written = 0;
    const pump = (): void => {
      while (written < 600) {
        written++;
        if (!socket.socket.write(event)) {
          socket.socket.once('drain', pump);
          return;
        }
      }
      socket.write('0\r\n\r\n');
    };
    pump();
    expect(await settles(() => written)).toBeLessThan(400);
    resolve();
    await t.hop.done();
    expect(t.hop.entries.filter((e) => e.message === 'http')).toHaveLength(600);
  });
});

test.each([
  ['mcp', { error: { code: -32600 } }],
  ['datadog-intake', { errors: ['the address has a fragment'] }],
] as const)('an address with a fragment, behind which an upstream reads nothing of a forced query, is refused on %s', async (kind, answer) => {
  await using upstream = await RawServer.open();
  await using hop = await TestHop.open({ upstream: upstream.url, rules: makeRules({ connection: { kind } }) });
  using client = await openSocket(hop.port);
  client.write(requestText('POST', '/mcp?a=1#', { port: hop.port, headers: JSON_HEADERS, body: CALL }));
  expect(await client.has('fragment')).toMatch(/^HTTP\/1\.1 400 /);
  await hop.done();
  expect(JSON.parse(bodyOf(client.text))).toMatchObject(answer);
  expect(hop.entries).toMatchObject([{ kind: 'decision', decision: { effect: 'deny', rule: 'protocol' }, status: 400 }]);
});

describe('bodies that are refused', () => {
  test('a sender that reads nothing before it has said all gets to read why', async () => {
    await using upstream = await RawServer.open();
    await using hop = await TestHop.open({ upstream: upstream.url, bodyBytesMax: 1_000 });
    using client = await openSocket(hop.port);
    client.socket.pause();
    const size = 40_000_000;
    client.write(requestText('POST', '/mcp', { port: hop.port, headers: [...JSON_HEADERS, `Content-Length: ${size}`] }));
    await new Promise((written) => client.socket.write(Buffer.alloc(size, 'x'), written));
    client.socket.resume();
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 413 /);
    expect(client.error).toBeUndefined();
  });

  test('too long by its own word, or while it comes: 413, and the connection ends', async () => {
    const body = 'x'.repeat(300_000);
    for (const headers of [[`Content-Length: ${body.length}`], ['Transfer-Encoding: chunked']]) {
      await using upstream = await RawServer.open();
      await using hop = await TestHop.open({ upstream: upstream.url, bodyBytesMax: 1_000 });
      using client = await openSocket(hop.port);
      client.write(requestText('POST', '/mcp', { port: hop.port, headers: [...JSON_HEADERS, ...headers] }));
      client.write(headers[0]?.startsWith('T') ? Buffer.concat([chunk(body), Buffer.from('0\r\n\r\n')]) : body);
      const text = await client.ended();
      expect(text).toMatch(/^HTTP\/1\.1 413 /);
      expect(text).toMatch(/^connection: close\r?$/im);
      expect(JSON.parse(bodyOf(text))).toMatchObject({ id: null, error: { code: -32700 } });
      expect(hop.entries).toMatchObject([{ kind: 'decision', decision: { rule: 'protocol' }, status: 413 }]);
      expect(upstream.open).toBe(0);
    }
  });

  test('in a coding that is wrong, unknown, or a bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(limits.requestInflatedBytesMax + 1));
    await using upstream = await RawServer.open();
    await using hop = await TestHop.open({ upstream: upstream.url });
    for (const [coding, body, status] of [
      ['gzip', Buffer.from('no'), 400],
      ['rot13', Buffer.from('no'), 415],
      ['gzip', bomb, 413],
    ] as const) {
      using client = await openSocket(hop.port);
      client.write(
        requestText('POST', '/mcp', { port: hop.port, headers: [...JSON_HEADERS, `Content-Encoding: ${coding}`, `Content-Length: ${body.length}`] }),
      );
      client.write(body);
      expect(await client.has('}}')).toContain(`HTTP/1.1 ${status} `);
    }
    expect(hop.entries).toHaveLength(3);
    expect(upstream.open).toBe(0);
  });
});

/** Waits until a number has stopped growing: for what does not happen there is no event. */
async function settles(read: () => number): Promise<number> {
  for (let last = -1; ; ) {
    const now = read();
    if (now === last) return now;
    last = now;
    await sleep(150);
  }
}

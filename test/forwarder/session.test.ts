// A solo forwarder and its journal: what is recorded of whole calls, and how a session ends.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Forwarder } from '../../src/forwarder/forwarder.ts';
import { readJournal, SoloForwarder, soloOptions, textOf } from '../support/forwarder.ts';
import { freePort } from '../support/process.ts';
import { openSocket, RawServer, requestText } from '../support/raw-http.ts';
import { CALL, chunk, head, JSON_HEADERS, RESULT } from '../support/talk.ts';
import { tempDir } from '../support/temp.ts';

const SECRET = 'hunter2-correct-horse';

function ask(solo: SoloForwarder, verb: string, body?: string, headers: readonly string[] = JSON_HEADERS, query = ''): string {
  return requestText(verb, `/${solo.token}/mcp${query}`, { port: solo.port, headers, ...(body !== undefined && { body }) });
}

describe('what the journal holds', () => {
  test('a call: opened, asked, answered, closed; masked, and with no token in it', async () => {
    await using upstream = await RawServer.open();
    await using solo = await SoloForwarder.open(`${upstream.url}/mcp`, { reason: 'looking into INC-7' });
    using client = await openSocket(solo.port);
    const call = CALL.replace('"get_x"', `"get_x","arguments":{"password":"${SECRET}"}`);
    client.write(ask(solo, 'POST', call, [...JSON_HEADERS, 'Authorization: Bearer upstream-credential'], `?api_key=${SECRET}`));
    const socket = await upstream.next();
    await socket.has(SECRET);
    socket.write(head('200 OK', 'Content-Type: application/json', `Content-Length: ${RESULT.length}`) + RESULT);
    await client.has(RESULT);
    const entries = await solo.recorded();
    expect(entries.map(({ leaf }) => [leaf.kind, leaf.direction, leaf.message, leaf.final])).toEqual([
      ['open', undefined, undefined, false],
      ['message', 'up', 'request', false],
      ['message', 'down', 'response', true],
      ['close', undefined, undefined, false],
    ]);
    expect(textOf(entries[0])).toContain('looking into INC-7');
    expect(textOf(entries[2])).toBe(RESULT);
    expect(JSON.parse(textOf(entries[3]) ?? '')).toMatchObject({ end: 'closed', calls: 1, denied: 0 });
    expect(entries[1]?.names).toMatchObject({ method: 'tools/call', tool: 'get_x' });
    const onDisk = ['journal.db', 'journal.db-wal'].map((name) => readIfThere(join(solo.home, name))).join();
    for (const secret of [SECRET, solo.token, 'upstream-credential']) expect(onDisk).not.toContain(secret);
  });

  test('a session id of MCP, an event id and a cookie are not in it', async () => {
    await using upstream = await RawServer.open();
    await using solo = await SoloForwarder.open(`${upstream.url}/mcp`);
    using client = await openSocket(solo.port);
    client.write(ask(solo, 'GET', undefined, ['Mcp-Session-Id: handle-one', 'Last-Event-ID: handle-two', 'Cookie: handle-three']));
    const socket = await upstream.next();
    expect(await socket.has('\r\n\r\n')).toContain('Cookie: handle-three');
    socket.write(
      head('200 OK', 'Content-Type: text/event-stream', 'Set-Cookie: handle-four', 'Mcp-Session-Id: handle-five', 'Content-Length: 22') +
        'id: handle-six\n: nix\n\n',
    );
    expect(await client.has('nix')).toContain('Set-Cookie: handle-four');
    await solo.close();
    expect(readIfThere(join(solo.home, 'journal.db')) + readIfThere(join(solo.home, 'journal.db-wal'))).not.toContain('handle-');
  });
});

describe('the end of a session', () => {
  test('an open stream does not hold it up, and has its last entry', async () => {
    await using upstream = await RawServer.open();
    await using solo = await SoloForwarder.open(`${upstream.url}/mcp`);
    using client = await openSocket(solo.port);
    client.write(ask(solo, 'GET'));
    const socket = await upstream.next();
    await socket.has('\r\n\r\n');
    socket.write(head('200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked'));
    await client.has('event-stream');
    const began = performance.now();
    const entries = await solo.recorded();
    expect(performance.now() - began).toBeLessThan(1_500);
    await client.ended();
    await socket.ended();
    expect(entries.at(-2)).toMatchObject({ leaf: { message: 'end', final: true }, names: { note: 'session_closed' } });
    expect(entries.at(-1)?.leaf.kind).toBe('close');
  });

  test('a call in flight is waited for', async () => {
    await using upstream = await RawServer.open();
    await using solo = await SoloForwarder.open(`${upstream.url}/mcp`);
    using client = await openSocket(solo.port);
    client.write(ask(solo, 'POST', CALL));
    const socket = await upstream.next();
    await socket.has(CALL);
    const closing = solo.close();
    // A new call is refused in words while the old one goes on.
    using late = await openSocket(solo.port);
    late.write(ask(solo, 'POST', CALL));
    expect(await late.has('session-closed')).toContain('HTTP/1.1 200');
    socket.write(head('200 OK', 'Content-Type: application/json', `Content-Length: ${RESULT.length}`) + RESULT);
    await client.has(RESULT);
    await closing;
    const entries = readJournal(solo.home, solo.session.sessionId);
    expect(entries.filter(({ leaf }) => leaf.message === 'response')).toHaveLength(1);
    expect(entries.at(-1)?.leaf.totals).toMatchObject({ denied: 1 });
  });

  test('a call that never ends is cut off, with an entry', async () => {
    await using upstream = await RawServer.open();
    await using solo = await SoloForwarder.open(`${upstream.url}/mcp`);
    using client = await openSocket(solo.port);
    client.write(ask(solo, 'POST', CALL));
    const socket = await upstream.next();
    await socket.has(CALL);
    socket.write(head('200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked'));
    socket.write(chunk(': still here\n\n'));
    await client.has('still here');
    const entries = await solo.recorded();
    expect(entries.at(-2)).toMatchObject({ leaf: { final: true }, names: { note: 'session_closed' } });
  });
});

describe('where a connection is served', () => {
  test('the same port and token the next time; another token on demand; the file is private', async () => {
    using home = tempDir();
    const options = soloOptions('http://127.0.0.1:9/mcp', home.path);
    const served = async (more: Partial<typeof options> = {}) => {
      const forwarder = await Forwarder.open({ ...options, ...more });
      const [seat] = forwarder.seats;
      const place = { port: forwarder.listener.port, token: seat?.session.localToken.reveal() };
      await forwarder.close();
      return place;
    };
    const first = await served();
    expect(await served()).toEqual(first);
    expect(statSync(join(home.path, 'listeners.json')).mode & 0o777).toBe(0o600);
    const rotated = await served({ rotate: true });
    expect(rotated.port).toBe(first.port);
    expect(rotated.token).not.toBe(first.token);
    const ephemeral = await served({ ephemeral: true });
    expect(ephemeral.token).not.toBe(rotated.token);
    expect(await served()).toEqual(rotated);
  });

  test('a second one at the same time listens elsewhere and says so', async () => {
    using home = tempDir();
    const options = soloOptions('http://127.0.0.1:9/mcp', home.path);
    const first = await Forwarder.open(options);
    const second = await Forwarder.open(options);
    expect(second.portMissed).toBe(first.listener.port);
    expect(second.listener.port).not.toBe(first.listener.port);
    await second.close();
    await first.close();
  });

  test('a port that is asked for and taken is an error, and nothing stays open', async () => {
    using home = tempDir();
    const port = await freePort();
    const first = await Forwarder.open({ ...soloOptions('http://127.0.0.1:9/a', home.path), port });
    await expect(Forwarder.open({ ...soloOptions('http://127.0.0.1:9/b', home.path), port })).rejects.toMatchObject({ code: 'port_taken' });
    await first.close();
    const again = await Forwarder.open({ ...soloOptions('http://127.0.0.1:9/b', home.path), port });
    await again.close();
  });
});

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

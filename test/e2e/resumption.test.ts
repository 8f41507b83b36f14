// An answer whose stream broke off and was taken up again belongs to its call, in both records; also where the server was started again meanwhile.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { Closers } from '../../src/base/closers.ts';
import type { StoredEntry } from '../../src/evidence/seal.ts';
import { readExchanges } from '../../src/replay/timeline.ts';
import { freePort, startNode } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';
import { post } from './clients.ts';
import { Laptop } from './harness.ts';
import { gatewayEntries, journalEntries } from './records.ts';
import { World } from './world.ts';

const SERVER = fileURLToPath(new URL('../support/resumable-server.ts', import.meta.url));

let closers = new Closers();
afterEach(async () => {
  const opened = closers;
  closers = new Closers();
  await opened[Symbol.asyncDispose]();
});

test('the answer is matched once, however often it is played', async () => {
  const dir = closers.use(tempDir());
  const port = await freePort();
  const start = async () => {
    const server = startNode([SERVER, String(port), join(dir.path, 'events')]);
    await server.line((line) => line === 'ready');
    return server;
  };
  const first = closers.use(await start());
  const world = closers.use(
    await World.start({}, (yaml) => yaml.replace('\naccess:', `\n  web: { kind: mcp, upstream: "http://127.0.0.1:${port}/mcp", record: full }\n\naccess:`)),
  );
  const maya = closers.use(new Laptop());
  await maya.login(world.url, 'maya.okafor');
  const connected = await maya.connect('web');
  const { endpoint, sessionId } = connected.session();

  const clientInfo = { name: 'raw', version: '1' };
  const opened = await post(endpoint, { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo } });
  const known = { 'mcp-session-id': String(opened.headers.get('mcp-session-id')), 'mcp-protocol-version': '2025-11-25' };
  await post(endpoint, { jsonrpc: '2.0', method: 'notifications/initialized' }, known);
  const cut = await post(endpoint, { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'later', arguments: {} } }, known);
  const lastId = /^id: (.+)$/m.exec(cut.text)?.[1] ?? '';
  expect([cut.text, lastId]).toEqual([expect.not.stringContaining('late, but here'), expect.stringMatching(/^e\d/)]);
  await first.line((line) => line === 'stored 7');
  await first.stop('SIGKILL');
  closers.use(await start());

  for (let played = 0; played < 2; played++) {
    const resumed = await fetch(endpoint, { headers: { ...known, accept: 'text/event-stream', 'last-event-id': lastId } });
    expect(await resumedUntil(resumed, 'late, but here')).toContain('"id":7');
  }
  await connected[Symbol.asyncDispose]();

  for (const entries of [journalEntries(maya.journal, sessionId), await gatewayEntries(world.file('database'), sessionId)]) {
    const call = entries.find(({ names }) => names?.tool === 'later');
    const answers = entries.filter(({ leaf }) => leaf.direction === 'down' && leaf.parent !== undefined);
    expect(answers.map(({ leaf, names }) => [leaf.parent, names?.note])).toEqual([
      [call?.leaf.exchange, undefined],
      [call?.leaf.exchange, 'repeated'],
    ]);
    expect(entries.filter(({ names }) => names?.note === 'unmatched')).toEqual([]);
    const shown = readExchanges<StoredEntry>(entries).find(({ tool }) => tool === 'later');
    expect([shown?.outcome, shown?.answers.filter(({ leaf }) => leaf.message === 'response').length]).toEqual(['ok', 2]);
  }
  expect((await maya.run('verify', '--session', sessionId, '--reconcile')).code).toBe(0);
});

/** What a stream brings until `text` came; then hangs up. */
async function resumedUntil(response: Response, text: string): Promise<string> {
  let got = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    got += decoder.decode(chunk, { stream: true });
    if (got.includes(text)) break;
  }
  return got;
}

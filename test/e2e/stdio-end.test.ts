// Nothing that a stdio server says is lost: its last words reach the client, and what no client has a stream for is recorded.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { readJournal, textOf } from '../support/forwarder.ts';
import { startMcprec } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';
import { post } from './clients.ts';
import { journalEntries, newestSession } from './records.ts';

const said = (n: number | string) => `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"said ${n}"}}`;
const FLOOD = limits.pipeQueueMax + 300;

/** Answers what it is asked; floods before its answer to a call, and says something more once its stdin is closed. */
const SERVER = `
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
const say = (text) => process.stdout.write(text + '\\n');
createInterface(process.stdin)
  .on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    if (params?.name === 'mute') return closeSync(1);
    if (params?.name === 'unended') return process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result: {} }), () => process.exit(0));
    if (params?.name === 'late') return say(${JSON.stringify(said('it waits'))});
    if (method === 'ping') say(JSON.stringify({ jsonrpc: '2.0', id: 9, result: { late: true } }));
    if (method === 'tools/call') for (let n = 0; n < ${FLOOD}; n++) say(${JSON.stringify(said('#'))}.replace('#', n));
    if (id !== undefined) say(JSON.stringify({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } } }));
  })
  .on('close', () => say(${JSON.stringify(said('at last'))}));
`;

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
};
const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } };

function serverIn(directory: string): readonly string[] {
  const file = join(directory, 'server.mjs');
  writeFileSync(file, SERVER);
  return ['--', process.execPath, file];
}

const unheardIn = (home: string) =>
  readJournal(home, newestSession(join(home, 'journal.db')))
    .filter(({ names }) => names?.method === 'process/unheard')
    .map(textOf);

test('a stdio client hears what its server says after the end', async () => {
  using home = tempDir();
  await using mcprec = startMcprec(['connect', '--stdio', ...serverIn(home.path)], home.path);
  for (const message of [initialize, initialized, { ...call, method: 'ping' }]) mcprec.child.stdin?.write(`${JSON.stringify(message)}\n`);
  await mcprec.line((line) => line.includes('"id":1'));
  mcprec.child.stdin?.end();
  expect((await mcprec.end()).code).toBe(0);
  expect(mcprec.stdout.at(-1)).toBe(said('at last'));
  expect(unheardIn(home.path)).toEqual([]);
});

test.each(['mute', 'unended'])('a server whose last line has no end, or that says nothing more: %s', async (name) => {
  using home = tempDir();
  await using mcprec = startMcprec(['connect', '--stdio', ...serverIn(home.path)], home.path);
  const send = (message: object) => mcprec.child.stdin?.write(`${JSON.stringify(message)}\n`);
  const answered = async (id: number) => JSON.parse(await mcprec.line((line) => line.includes(`"id":${id}`))) as unknown;
  send(initialize);
  await answered(0);
  send(initialized);
  send({ ...call, params: { name } });
  expect(await answered(1)).toMatchObject(name === 'mute' ? { error: { code: 5020 } } : { result: {} });
  // Another one is started.
  send({ ...call, id: 2, method: 'tools/list' });
  expect(await answered(2)).toMatchObject({ result: {} });
  mcprec.child.stdin?.end();
  expect((await mcprec.end()).code).toBe(0);
});

test('what a client has no stream for is recorded, in order, also beyond what is kept for it', async () => {
  using home = tempDir();
  await using mcprec = startMcprec(['connect', '--json', ...serverIn(home.path)], home.path);
  const { sessions } = await mcprec.event<{ sessions: readonly [{ endpoint: string }] }>('connected');
  const { endpoint } = sessions[0];
  const accept = { accept: 'application/json' };
  const opened = await post(endpoint, initialize, accept);
  const known = { ...accept, 'mcp-session-id': String(opened.headers.get('mcp-session-id')) };
  await post(endpoint, initialized, known);
  expect(JSON.parse((await post(endpoint, call, known)).text)).toMatchObject({ id: 1 });
  expect(await mcprec.stop()).toEqual({ code: 0, signal: null });
  expect(unheardIn(home.path)).toEqual([...Array.from({ length: FLOOD }, (_, n) => said(n)), said('at last')]);
});

test('an answer whose client has gone is recorded', async () => {
  using home = tempDir();
  await using mcprec = startMcprec(['connect', '--json', ...serverIn(home.path)], home.path);
  const { sessions } = await mcprec.event<{ sessions: readonly [{ endpoint: string }] }>('connected');
  const { endpoint } = sessions[0];
  const opened = await post(endpoint, initialize);
  const known = { 'mcp-session-id': String(opened.headers.get('mcp-session-id')) };
  const cut = new AbortController();
  const headers = { ...known, 'content-type': 'application/json', accept: 'text/event-stream' };
  const gone = await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify({ ...call, id: 9, params: { name: 'late' } }), signal: cut.signal });
  // The server has the call.
  for await (const _ of gone.body ?? []) break;
  cut.abort();
  await expect
    .poll(() => journalEntries(join(home.path, 'journal.db'), newestSession(join(home.path, 'journal.db'))).some(({ names }) => names?.note === 'client_gone'))
    .toBe(true);
  await post(endpoint, { ...call, method: 'ping', id: 2 }, known);
  expect(await mcprec.stop()).toEqual({ code: 0, signal: null });
  expect(unheardIn(home.path)).toEqual(['{"jsonrpc":"2.0","id":9,"result":{"late":true}}', said('at last')]);
});

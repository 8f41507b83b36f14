// A stdio server that says 200 MB to a client that does not read: it is held up, memory stays as it is, and nothing is lost.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { residentMb } from '../bench/resident.ts';
import { post } from '../e2e/clients.ts';
import { startMcprec } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

const MESSAGES = 400;
const MESSAGE_BYTES = 500_000;
const GROWTH_MB_MAX = 128;
/** What fills the buffers between the server and a reader that reads nothing, in messages. */
const AHEAD_MAX = 60;

const SERVER = `
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
const text = 'x'.repeat(${MESSAGE_BYTES});
createInterface(process.stdin).on('line', async (line) => {
  const { id, params } = JSON.parse(line);
  if (params?.name === 'much') for (let n = 1; n <= ${MESSAGES}; n++) {
    const said = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: n + ' ' + text } }) + '\\n';
    if (!process.stdout.write(said)) await new Promise((resolve) => process.stdout.once('drain', resolve));
    writeFileSync(process.argv[2], String(n));
  }
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result: {} }) + '\\n');
});
`;

test('a stdio server is held up by a client that does not read', async () => {
  using home = tempDir();
  const [file, count] = ['server.mjs', 'count'].map((name) => join(home.path, name)) as [string, string];
  writeFileSync(file, SERVER);
  await using mcprec = startMcprec(['connect', '--json', '--', process.execPath, file, count], home.path);
  const { sessions } = await mcprec.event<{ sessions: readonly [{ endpoint: string }] }>('connected');
  const { endpoint } = sessions[0];
  const call = (id: number, name: string) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } });
  for (let id = 1; id <= 20; id++) await post(endpoint, call(id, 'little'));
  const pid = mcprec.child.pid ?? 0;
  const before = residentMb(pid);

  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
    request(endpoint, { method: 'POST', headers }, resolve)
      .on('error', reject)
      .end(JSON.stringify(call(100, 'much')));
  });
  const written = () => (existsSync(count) ? Number(readFileSync(count, 'utf8')) : 0);
  let last = -1;
  await vi.waitUntil(
    () => {
      const now = written();
      const stands = now > 0 && now === last;
      last = now;
      return stands;
    },
    { timeout: 60_000, interval: 1_000 },
  );
  expect(written()).toBeLessThan(AHEAD_MAX);

  const seen: number[] = [];
  let peak = residentMb(pid);
  let rest = '';
  for await (const chunk of response.setEncoding('latin1') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const n = /"data":"(\d+) x{500000}"/.exec(line)?.[1];
      if (n !== undefined) seen.push(Number(n));
      if (seen.length % 20 === 0) peak = Math.max(peak, residentMb(pid));
    }
  }
  expect(seen).toEqual(Array.from({ length: MESSAGES }, (_, i) => i + 1));
  expect(peak - before).toBeLessThan(GROWTH_MB_MAX);
});

// A disk that is really full, under the journal and under the gateway's store: calls are refused with the reason, and go on by themselves when there is room.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/base/ids.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { ids, opening, request } from '../contract/fixtures.ts';
import { callMessage, post } from '../e2e/clients.ts';
import { journalFindings } from '../e2e/records.ts';
import { SoloForwarder } from '../support/forwarder.ts';
import { tempDir } from '../support/temp.ts';

const DISK = '3m';
// Noise, which does not become smaller.
const LARGE = Array.from({ length: 20_000 }, () => Math.random().toString(36)).join('');
const directory = tempDir();
const disk = join(directory.path, 'disk');
const ballast = join(disk, 'ballast');

function mounts(): boolean {
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'mcprec-test', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

// Mounting takes root; elsewhere the test of the journal's bound meets the same error of SQLite.
const mounted = mounts();
afterAll(() => {
  if (mounted) execFileSync('umount', ['-l', disk]);
  directory[Symbol.dispose]();
});

/** Leaves that many bytes on the disk. */
function leave(bytes: number): void {
  rmSync(ballast, { force: true });
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
}

let received = 0;
const upstream = createServer((message, response) => {
  message.resume().on('end', () => {
    received++;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } }));
  });
});
beforeAll(() => new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  upstream.close();
});

test.skipIf(!mounted)('under the journal: what cannot be recorded is not sent', async () => {
  const journal = join(disk, 'journal.db');
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/mcp`;
  await using solo = await SoloForwarder.open(url, { journal });
  const call = async (query: string) => JSON.parse((await post(solo.endpoint, callMessage(1, 'search', { query }))).text);
  expect(await call('before')).toMatchObject({ result: { content: [] } });
  leave(20_000);
  const sent = received;
  const refused = await call(LARGE);
  expect(JSON.stringify(refused)).toMatch(/the disk is full/);
  expect(received).toBe(sent);
  rmSync(ballast);
  expect(await call(LARGE)).toMatchObject({ result: { content: [] } });
  expect(received).toBe(sent + 1);
  await solo.close();
  expect(journalFindings(journal)).toEqual([]);
});

test.skipIf(!mounted)('under the gateway’s store: what cannot be recorded is refused, and the log goes on behind what it had', async () => {
  const store = openSqliteStore(join(disk, 'gateway.db'), ids);
  const made = opening();
  await store.openSession(made);
  const log = await store.openLog(made.session.sessionId);
  const append = (text: string) => log?.append([request(newId('exc', ids), JSON.stringify({ text }))]);
  await append('before');
  leave(20_000);
  await expect(append(LARGE)).rejects.toMatchObject({ code: 'journal_full' });
  expect((await store.log(made.gatewayLog))?.size).toBe(2);
  rmSync(ballast);
  await append(LARGE);
  expect((await store.log(made.gatewayLog))?.size).toBe(3);
  await store.close();
});

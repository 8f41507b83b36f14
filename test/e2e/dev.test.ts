// `mcprec dev` ends when it is told to, whoever is still connected and whoever still listens to what it prints.
import { existsSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { legacyClient, modernClient } from './clients.ts';
import { DevProcess, Laptop } from './harness.ts';

/** Long for an end that waits for nobody, short for a person who waits for it. */
const END_MS_MAX = 5_000;

async function endOf(dev: DevProcess): Promise<{ code: number | null; ms: number }> {
  const from = performance.now();
  const { code } = await dev.process.stop();
  return { code, ms: performance.now() - from };
}

test('with sessions open, calls and streams under way, and half a request sent', { timeout: 60_000 }, async () => {
  await using dev = await DevProcess.start();
  using laptop = new Laptop();
  await laptop.login(dev.gateway, 'maya.okafor');
  await using connected = await laptop.connect('datadog');
  await using legacy = await legacyClient(connected.endpoint);
  await using modern = await modernClient(connected.endpoint);
  await dev.fail({ kind: 'stall', on: 'search_datadog_logs' });
  await dev.fail({ kind: 'stall', on: 'search_datadog_incidents' });
  const stalled = [
    legacy.callTool({ name: 'search_datadog_logs', arguments: { query: '*' } }),
    modern.callTool({ name: 'search_datadog_incidents', arguments: { query: '' } }),
  ].map((call) =>
    call.then(
      () => 'answered',
      () => 'failed',
    ),
  );
  const sockets = await Promise.all([dev.gateway, dev.issuer, dev.sandbox].flatMap((url) => [halfRequest(url), silence(url)]));
  await expect.poll(() => dev.callsOf('search_datadog_incidents')).toBe(1);
  const end = await endOf(dev);
  expect(end.code).toBe(0);
  expect(end.ms).toBeLessThan(END_MS_MAX);
  expect(existsSync(dirname(dev.config))).toBe(false);
  for (const socket of sockets) socket.destroy();
  await legacy.close();
  await modern.close();
  expect(await Promise.all(stalled)).toEqual(['failed', 'failed']);
});

test('with nobody left who reads what it prints', { timeout: 60_000 }, async () => {
  await using dev = await DevProcess.start();
  dev.process.child.stdout?.destroy();
  dev.process.child.stderr?.destroy();
  const end = await endOf(dev);
  expect(end.code).toBe(0);
  expect(end.ms).toBeLessThan(END_MS_MAX);
  expect(existsSync(dirname(dev.config))).toBe(false);
});

async function open(url: string): Promise<Socket> {
  const socket = connectSocket(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

async function halfRequest(url: string): Promise<Socket> {
  const socket = await open(url);
  socket.write('POST /v1/grants HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
  return socket;
}

const silence = open;

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { runDev } from '../../src/cli/dev.ts';
import type { Io } from '../../src/cli/io.ts';
import { type Dev, type DevOptions, startDev } from '../../src/dev/dev.ts';
import { closeServer, listenOnLoopback } from '../../src/dev/listen.ts';
import { wellKnownSchema } from '../../src/protocol/control.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: Partial<DevOptions> = {}): Promise<Dev> {
  const dev = await startDev({ port: 0, clock: systemClock, random: systemRandom, env: {}, logger: pino({ level: 'silent' }), ...options });
  closers.push(() => dev.close());
  return dev;
}

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), 'mcprec-test-'));
  closers.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The first of three free ports below those that the system gives out by itself. */
async function freeTriple(): Promise<number> {
  for (let port = 15_000 + (process.pid % 5_000) * 3; port < 32_000; port += 3) {
    try {
      for (const each of [port, port + 1, port + 2]) await probe(each);
      return port;
    } catch {}
  }
  throw new Error('no three free ports');
}

async function probe(port: number): Promise<void> {
  const server = createServer();
  await listenOnLoopback(server, port);
  await closeServer(server);
}

test('all three run and know each other; closing leaves nothing behind', async () => {
  const dev = await start();
  const wellKnown = wellKnownSchema.parse(await (await fetch(`${dev.gatewayUrl}/.well-known/mcprec`)).json());
  expect(wellKnown).toMatchObject({ gateway: dev.gatewayUrl, issuer: dev.provider.issuer, clientId: 'mcprec', audience: 'urn:mcprec:gateway' });
  const discovered = (await (await fetch(`${wellKnown.issuer}/.well-known/openid-configuration`)).json()) as { issuer: string };
  expect(discovered.issuer).toBe(wellKnown.issuer);
  expect(readFileSync(dev.configFile, 'utf8')).toContain(dev.sandbox.mcpUrl);
  expect(statSync(dev.machineSecretFile).mode & 0o777).toBe(0o600);
  await dev.close();
  expect(existsSync(dirname(dev.configFile))).toBe(false);
  for (const url of [dev.gatewayUrl, dev.provider.issuer, dev.sandbox.url]) await expect(fetch(url)).rejects.toThrow();
});

test('with a data directory ports, secrets and a changed policy are kept', async () => {
  const data = join(temporary(), 'kept');
  const first = await start({ data });
  await first.close();
  writeFileSync(
    first.configFile,
    readFileSync(first.configFile, 'utf8')
      .replace('id: no-delete', 'id: nothing-goes')
      .replace('connections:\n', 'connections:\n  local: { kind: stdio, command: [node, server.js], record: full }\n'),
  );
  const second = await start({ data });
  expect([second.provider.issuer, second.sandbox.url]).toEqual([first.provider.issuer, first.sandbox.url]);
  expect(second.machine).toEqual(first.machine);
  expect(second.sandbox.credentials).toEqual(first.sandbox.credentials);
  expect(readFileSync(second.configFile, 'utf8')).toContain('nothing-goes');
  await second.close();
  expect(existsSync(second.configFile)).toBe(true);

  await expect(start({ data, port: 4711 })).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('4711') });
  writeFileSync(second.configFile, readFileSync(second.configFile, 'utf8').replace('admin_groups', 'admin_group'));
  await expect(start({ data })).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining('gateway.yaml:9:3') });
});

test.each([0, 1, 2])('a taken port (the gateway’s + %i) is named, and what had started is closed again', async (offset) => {
  const temp = temporary();
  vi.stubEnv('TMPDIR', temp);
  closers.push(() => void vi.unstubAllEnvs());
  const port = await freeTriple();
  const holder = createServer();
  await listenOnLoopback(holder, port + offset);
  closers.push(() => closeServer(holder));
  await expect(start({ port })).rejects.toMatchObject({ code: 'port_taken', message: expect.stringContaining(String(port + offset)) });
  expect(readdirSync(temp)).toEqual([]);
  for (const other of [port, port + 1, port + 2].filter((p) => p !== port + offset)) await probe(other);
});

/** An Io over streams in memory. */
function memoryIo(signal: AbortSignal): { io: Io; stdout: PassThrough; stderr: PassThrough } {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const streams = { stdin, stdout, stderr } as unknown as Pick<Io, 'stdin' | 'stdout' | 'stderr'>;
  return { io: { ...streams, env: {}, clock: systemClock, random: systemRandom, home: '/nonexistent', signal }, stdout, stderr };
}

async function firstChunk(stream: PassThrough): Promise<string> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) return String(chunk);
  return '';
}

test('the command says where everything is and ends with its signal', async () => {
  const interrupt = new AbortController();
  const { io, stdout, stderr } = memoryIo(interrupt.signal);
  const code = runDev({ port: '0', json: true }, io);
  const ready = JSON.parse(await firstChunk(stdout));
  expect(ready).toMatchObject({ event: 'ready', gateway: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), machine: { clientId: 'nightly-report' } });
  expect((await fetch(`${ready.gateway}/healthz`)).status).toBe(200);
  interrupt.abort();
  expect(await code).toBe(0);
  expect(String(stdout.read())).toBe('{"event":"stopped"}\n');
  expect(stderr.read()).toBeNull();
});

test('a port that is none is a usage error', async () => {
  await expect(runDev({ port: '65534' }, memoryIo(new AbortController().signal).io)).rejects.toMatchObject({ code: 'usage' });
});

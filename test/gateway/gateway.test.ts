import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/random.ts';
import { runGateway } from '../../src/cli/gateway.ts';
import type { Io } from '../../src/cli/io.ts';
import { startGateway } from '../../src/gateway/gateway.ts';
import { createKeys, loadKeys } from '../../src/gateway/keys.ts';
import { resolveSecrets } from '../../src/gateway/secrets.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { TestWorld } from './support.ts';

let world: TestWorld;
beforeAll(async () => {
  world = await TestWorld.start();
});
afterAll(() => world[Symbol.asyncDispose]());

/** An Io on pipes. */
function pipes(env: Io['env'] = { TEST_API_KEY: 'k' }) {
  const [stdout, stderr] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })];
  const stop = new AbortController();
  const io = {
    stdin: process.stdin,
    stdout,
    stderr,
    env,
    clock: world.clock,
    random: systemRandom,
    home: world.directory,
    signal: stop.signal,
  } as unknown as Io;
  return { io, stdout, stderr, stop };
}

function configFile(name: string, change: (text: string) => string = (text) => text): string {
  const file = join(world.directory, name);
  const own = world.configText(0).replace('gateway.db', `${name}.db`).replace('keys.json', `${name}.keys`);
  writeFileSync(file, change(own));
  return file;
}

describe('mcprec gateway', () => {
  it('makes its keys when told to, says where it listens, and ends when it is stopped', async () => {
    const config = configFile('good.yaml');
    const { io, stdout, stderr, stop } = pipes();
    expect(await runGateway({ config, initKeys: true }, io)).toBe(0);
    expect(stdout.read()).toContain('good.yaml.keys');
    const running = runGateway({ config, json: true }, io);
    const [line] = (await stdout.take(1).toArray()) as string[];
    const { url } = JSON.parse(line ?? '') as { url: string };
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(stderr.read()).toContain('nothing is recorded on connection quiet');
    stop.abort();
    expect(await running).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it.each([
    ['a configuration that is not there', 'none.yaml', undefined, 'config_unreadable', 'none.yaml'],
    ['a typo, with its place', 'typo.yaml', (text: string) => text.replace('upstream:', 'upsteam:'), 'config_invalid', 'typo.yaml:12:'],
  ])('does not start with %s', async (_, name, change, code, text) => {
    const config = change === undefined ? join(world.directory, name) : configFile(name, change);
    await expect(runGateway({ config }, pipes().io)).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  it('makes its keys at its first start, and never where there are data without keys', async () => {
    const config = configFile('first.yaml');
    const keys = join(world.directory, 'first.yaml.keys');
    const { io, stdout, stderr, stop } = pipes();
    const running = runGateway({ config, json: true }, io);
    await stdout.take(1).toArray();
    stop.abort();
    expect([await running, existsSync(keys)]).toEqual([0, true]);
    expect(stderr.read()).toContain(`made the gateway’s keys in ${keys}`);
    rmSync(keys);
    await expect(runGateway({ config }, pipes().io)).rejects.toMatchObject({ code: 'secret_unresolved', remedy: expect.stringContaining('--init-keys') });
    expect(existsSync(keys)).toBe(false);
  });

  it('does not start without a credential, and names the connection and the variable', async () => {
    const config = configFile('nocred.yaml');
    const { io } = pipes({});
    await runGateway({ config, initKeys: true }, io);
    await expect(runGateway({ config }, io)).rejects.toMatchObject({
      code: 'secret_unresolved',
      exitCode: 3,
      message: expect.stringMatching(/datadog.*env:TEST_API_KEY is not set/),
    });
  });

  it('does not start on a port that is taken, and leaves nothing open', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    const config = configFile('taken.yaml', (text) => text.replace('127.0.0.1:0', `127.0.0.1:${port}`));
    const { io } = pipes();
    await runGateway({ config, initKeys: true }, io);
    await expect(runGateway({ config }, io)).rejects.toMatchObject({ code: 'port_taken', exitCode: 2 });
    await new Promise((resolve) => holder.close(resolve));
    const { stop, ...again } = pipes();
    const running = runGateway({ config }, again.io);
    expect(((await again.stdout.take(1).toArray()) as string[])[0]).toContain(`listening on http://127.0.0.1:${port}`);
    stop.abort();
    await running;
  });
});

describe('the keys of a gateway', () => {
  const ref = (name: string) => ({ kind: 'file' as const, path: join(world.directory, name) });

  it('are never replaced once they are there', () => {
    const { path } = ref('once.json');
    createKeys(path, systemRandom);
    const first = readFileSync(path, 'utf8');
    createKeys(path, systemRandom);
    expect(readFileSync(path, 'utf8')).toBe(first);
  });

  it('wrap a session’s keys for that session only', () => {
    createKeys(ref('a.json').path, systemRandom);
    createKeys(ref('b.json').path, systemRandom);
    const [a, b] = [loadKeys(ref('a.json'), {}, systemRandom), loadKeys(ref('b.json'), {}, systemRandom)];
    const keys = { signing: randomBytes(32), reconcile: randomBytes(32) };
    const session = `ses_${'1'.repeat(32)}` as never;
    const wrapped = a.wrap(session, keys);
    expect(a.unwrap(session, wrapped)).toEqual(keys);
    expect(Buffer.from(wrapped).includes(keys.signing)).toBe(false);
    for (const spoiled of [
      () => b.unwrap(session, wrapped),
      () => a.unwrap(`ses_${'2'.repeat(32)}` as never, wrapped),
      () => a.unwrap(session, wrapped.with(20, (wrapped[20] ?? 0) ^ 1)),
    ]) {
      expect(spoiled).toThrow(expect.objectContaining({ code: 'secret_unresolved' }));
    }
  });

  it('that are malformed are refused without being shown', () => {
    const { path } = ref('bad.json');
    writeFileSync(path, '{"mcprec_keys":1,"wrapping":"hunter2"}');
    expect(() => loadKeys(ref('bad.json'), {}, systemRandom)).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.not.stringContaining('hunter2') }),
    );
  });
});

describe('credentials', () => {
  it('come from files and variables, without the line break, behind their scheme', () => {
    writeFileSync(join(world.directory, 'app'), 'from-file\n');
    const { config } = parseConfig(
      world
        .configText()
        .replace(
          'DD_API_KEY: "env:TEST_API_KEY"',
          `DD_API_KEY: "env:TEST_API_KEY", DD_APP: "file:${join(world.directory, 'app')}", authorization: "Bearer env:TEST_API_KEY"`,
        ),
      { file: 'gateway.yaml' },
    );
    const resolved = resolveSecrets(config, { TEST_API_KEY: 'key' }).credentials.get('datadog');
    expect(Object.fromEntries(resolved?.map(([name, secret]) => [name, secret.reveal()]) ?? [])).toEqual({
      dd_api_key: 'key',
      dd_app: 'from-file',
      authorization: 'Bearer key',
    });
    expect(() => resolveSecrets(config, { TEST_API_KEY: 'a\nb' })).toThrow(expect.objectContaining({ code: 'secret_unresolved' }));
    expect(() => resolveSecrets(config, { TEST_API_KEY: '' })).toThrow(expect.objectContaining({ message: expect.stringContaining('empty') }));
  });
});

describe('a restart with another configuration', () => {
  it('answers for a connection that is gone as for a grant that has ended', async () => {
    const sre = await world.caller('sre');
    const grant = await sre.grant('datadog');
    const port = Number(new URL(world.gateway.url).port);
    await world.gateway.close();
    const text = world
      .configText(port)
      .replace(/^ {2}datadog: .*\n/m, '')
      .replace('connections: [datadog, quiet]', 'connections: [quiet]');
    const other = await startGateway(parseConfig(text, { file: 'gateway.yaml' }).config, { ...world.ids, env: {}, logger: pino({ level: 'silent' }) });
    expect(await grant.send()).toMatchObject({ status: 401, body: { error: { code: 'grant_ended' } } });
    await other.close();
    await world.startGateway();
    expect((await grant.send()).status).toBe(200);
  });
});

// The tarball on new machines: installs with npm's default settings under each Node that is supported, and runs there.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installNode, installNpm, newMachine } from '../support/npm.ts';
import { chunkText, packageVersion, packedFiles, ROOT, reachedChunks } from '../support/packed.ts';
import { TestProcess } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

const RUN_MS_MAX = 60_000;
const INSTALL_MS_MAX = 180_000;

const machines = [
  { node: '22.19.0', npm: '10' },
  { node: '24.21.0', npm: '11' },
  { node: '26', npm: '11' },
] as const;

const dir = tempDir();
afterAll(() => dir[Symbol.dispose]());
let tarball = '';
beforeAll(() => {
  execFileSync(process.execPath, ['.config/build.js', '--fresh'], { cwd: ROOT, stdio: 'inherit' });
  const name = execFileSync('npm', ['pack', '--silent', '--pack-destination', dir.path], { cwd: ROOT, encoding: 'utf8' }).trim();
  tarball = join(dir.path, name);
});

test('the tarball holds the chunks of this build and no others', () => {
  const packed = packedFiles().filter((path) => path.startsWith('dist/'));
  // A thread's code is started by its file's name, not imported.
  const chunks = [...reachedChunks(), 'payload-worker.mjs'].sort();
  expect(packed).toEqual(chunks.map((name) => `dist/${name}`));
});

describe.each(machines)('on Node $node, with npm $npm', (versions) => {
  const machine = join(dir.path, `node-${versions.node}`);
  const home = join(machine, 'home');
  const prefix = join(machine, 'prefix');
  const mcprec = join(prefix, 'bin', 'mcprec');
  let node = '';
  let env: Record<string, string> = {};

  const run = (...args: string[]): TestProcess => new TestProcess(mcprec, args, { cwd: machine, env, waitMs: RUN_MS_MAX });

  beforeAll(() => {
    mkdirSync(home, { recursive: true });
    node = installNode(join(machine, 'node'), versions.node);
    env = newMachine(home, node);
    const npm = installNpm(join(machine, 'npm'), versions.npm);
    execFileSync(node, [npm, 'install', '--global', '--prefix', prefix, tarball], { cwd: machine, env, stdio: ['ignore', 'ignore', 'pipe'] });
  }, INSTALL_MS_MAX);

  test('says its version', async () => {
    await using command = run('--version');
    expect(await command.end()).toEqual({ code: 0, signal: null });
    expect(command.stdout).toEqual([packageVersion()]);
  });

  test('evaluates every chunk of the bundle', async () => {
    const dist = join(prefix, 'lib', 'node_modules', 'mcprec', 'dist');
    // All but what Ink loads only where its development tools are installed.
    const names = reachedChunks().filter((name) => !chunkText(name).includes('from "react-devtools-core"'));
    const script = `for (const name of ${JSON.stringify(names)}) await import('${dist}/' + name)`;
    await using all = new TestProcess(node, ['--input-type=module', '--eval', `${script}; process.exit(0)`], { cwd: machine, env, waitMs: RUN_MS_MAX });
    expect({ ...(await all.end()), stderr: all.stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  });

  test('runs dev, to which a machine logs in and through which it executes; doctor finds nothing broken', async () => {
    await using dev = run('dev', '--port', '0', '--json');
    const ready = await dev.event<{ gateway: string; machine: { clientId: string; secretFile: string } }>('ready');
    const { clientId, secretFile } = ready.machine;
    const as = ['--client-credentials', '--client-id', clientId, '--client-secret-file', secretFile];
    await expectOk(run('login', '--gateway', ready.gateway, '--insecure-storage', ...as));
    await expectOk(run('whoami', '--json'));
    await expectOk(run('exec', 'datadog', '--', 'true'));
    await expectOk(run('sessions', 'list', '--json'));
    await expectOk(run('verify'));
    await expectOk(run('doctor'));
    expect(await dev.stop()).toEqual({ code: 0, signal: null });
    expect(dev.stdout.at(-1)).toBe('{"event":"stopped"}');
  });
});

test('a Node that is too old is refused before anything native loads', async () => {
  const old = installNode(join(dir.path, 'old'), '20');
  const launcher = join(dir.path, 'node-24.21.0', 'prefix', 'lib', 'node_modules', 'mcprec', 'bin', 'mcprec.js');
  expect(existsSync(launcher)).toBe(true);
  await using command = new TestProcess(old, [launcher, 'doctor'], { env: newMachine(dir.path, old), waitMs: RUN_MS_MAX });
  expect(await command.end()).toEqual({ code: 3, signal: null });
  expect(command.stderr).toMatch(/^mcprec: Node 20\.\S+ is too old; install Node 22\.19 or newer/);
});

async function expectOk(command: TestProcess): Promise<void> {
  await using running = command;
  const { code } = await running.end();
  expect({ code, stderr: code === 0 ? '' : running.stderr }).toEqual({ code: 0, stderr: '' });
}

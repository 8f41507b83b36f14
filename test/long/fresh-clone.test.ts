// A fresh clone on a machine that has git, an npm and a Node that is too old: the README's commands set everything up by themselves.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { installNode, installNpm, newMachine } from '../support/npm.ts';
import { ROOT } from '../support/packed.ts';
import { TestProcess } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

const STEP_MS_MAX = 300_000;

describe.each(['10', '11'])('a fresh clone with Node 20 and npm %s', (version) => {
  test('npm ci, npm test, npm run build; the home holds npm’s cache and nothing else', { timeout: 3 * STEP_MS_MAX }, async () => {
    using dir = tempDir();
    const home = join(dir.path, 'home');
    const clone = join(dir.path, 'clone');
    mkdirSync(home);
    execFileSync('git', ['clone', '--quiet', '--no-hardlinks', ROOT, clone]);
    const node = installNode(join(dir.path, 'node'), '20');
    const npm = installNpm(join(dir.path, 'npm'), version);
    const { npm_config_cache: _, ...machine } = newMachine(home, node);
    // The npm of that machine, for the launcher too.
    const env = { ...machine, PATH: `${join(dir.path, 'npm', 'node_modules', '.bin')}:${machine.PATH}` };
    const step = async (...args: string[]): Promise<void> => {
      await using running = new TestProcess(node, [npm, ...args], { cwd: clone, env, waitMs: STEP_MS_MAX });
      const { code } = await running.end();
      expect(code, `npm ${args.join(' ')}\n${running.stdout.join('\n')}\n${running.stderr}`).toBe(0);
    };
    await step('ci');
    // Options go through to the test runner: these tests alone.
    const reportFile = join(dir.path, 'report.json');
    await step('test', '--', '--reporter=json', `--outputFile=${reportFile}`, 'test/house/launch.test.ts', 'test/house/with-node.test.ts');
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as { numPassedTests: number; testResults: readonly unknown[] };
    expect(report.testResults).toHaveLength(2);
    expect(report.numPassedTests).toBeGreaterThan(8);
    await step('run', 'build');
    expect(execFileSync('git', ['status', '--short'], { cwd: clone, encoding: 'utf8' })).toBe('');
    expect(readdirSync(home)).toEqual(['.npm']);
  });
});

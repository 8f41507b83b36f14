// The launcher that every npm script goes through: exit codes, signals, working directory, environment.
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startNode, type TestProcess } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const LAUNCHER = `${ROOT}.config/with-node.js`;

function launch(script: string, options: { cwd?: string; env?: Record<string, string> } = {}): TestProcess {
  return startNode([LAUNCHER, '--input-type=module', '--eval', script], options);
}

describe('the launcher', () => {
  test('returns the exit code of what it runs', async () => {
    await using launcher = launch('process.exit(42)');
    expect(await launcher.end()).toEqual({ code: 42, signal: null });
  });

  test.for(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('passes %s on and waits for what it runs', async (signal) => {
    await using launcher = launch(`
      process.once('${signal}', () => setImmediate(() => { console.log('got it'); process.exit(7); }));
      setInterval(() => {}, 1000);
      console.log('ready');
    `);
    await launcher.line((line) => line === 'ready');
    expect(await launcher.stop(signal)).toEqual({ code: 7, signal: null });
    expect(launcher.stdout).toEqual(['ready', 'got it']);
  });

  test('returns 128 and the number of the signal that ended what it runs', async () => {
    await using launcher = launch(`process.kill(process.pid, 'SIGKILL')`);
    expect(await launcher.end()).toEqual({ code: 137, signal: null });
  });

  test('runs in the project, wherever it is called', async () => {
    using elsewhere = tempDir();
    await using launcher = launch('console.log(process.cwd())', { cwd: elsewhere.path });
    await launcher.end();
    expect(launcher.stdout).toEqual([realpathSync(ROOT)]);
  });

  test('leaves behind what npm run adds, keeps how to reach a registry, puts its Node first on the path', async () => {
    await using launcher = launch('console.log(JSON.stringify(process.env))', {
      env: {
        npm_lifecycle_event: 'test',
        npm_config_local_prefix: '/nowhere',
        npm_config_prefix: '/nowhere',
        npm_package_name: 'mcprec',
        INIT_CWD: '/nowhere',
        npm_config_registry: 'http://127.0.0.1:9/',
        npm_config_cache: '/somewhere',
        KEPT: 'yes',
      },
    });
    await launcher.end();
    const seen = JSON.parse(launcher.stdout[0] ?? '') as Record<string, string>;
    expect(Object.keys(seen).filter((name) => /^(npm_|INIT_CWD)/.test(name))).toEqual(['npm_config_registry', 'npm_config_cache']);
    expect(seen.KEPT).toBe('yes');
    expect(seen.PATH?.split(':')[0]).toBe(dirname(process.execPath));
  });

  test('says how it is used', async () => {
    await using launcher = startNode([LAUNCHER]);
    expect(await launcher.end()).toEqual({ code: 2, signal: null });
    expect(launcher.stderr).toContain('usage: node .config/with-node.js FILE');
  });
});

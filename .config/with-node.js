// Runs a command of this project under a Node that can run it: `node .config/with-node.js FILE [ARG…]`, FILE seen from the
// project's folder. Where the running Node is too old it fetches the reference Node from npm, once. Must itself run on Node 20.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REFERENCE = '24.21.0';
const USAGE = 2;
const root = fileURLToPath(new URL('..', import.meta.url));
const [file, ...args] = process.argv.slice(2);

if (!file) fail('no file is given; usage: node .config/with-node.js FILE [ARG…]');
if (!existsSync(join(root, 'node_modules', '.package-lock.json'))) fail('the dependencies are not installed; run: npm ci');

const env = environment();
const node = isNewEnough() ? process.execPath : fetchNode();
// First on the path too, so that every `node` and `npm` that the command starts is the same.
env.PATH = [dirname(node), env.PATH].filter(Boolean).join(delimiter);

const child = spawn(node, [file, ...args], { cwd: root, env, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
  // Ctrl-C in a terminal reaches the whole process group: the command has it already. This process only waits for it to end.
  process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
}
child.on('error', (error) => fail(`${node} cannot be started: ${error.message}`));
child.on('close', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));

function isNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 19);
}

/** The path of the reference Node. Fetched into npm's own cache; found there the next time. */
function fetchNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const packed = `node-${platform}-${process.arch}@${REFERENCE}`;
  const npm = spawnSync('npm', ['exec', '--yes', '--no-update-notifier', '--fetch-retries=1', `--package=${packed}`, '--', 'node', '-p', 'process.execPath'], {
    cwd: root,
    env,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  const path = npm.stdout?.trim();
  if (npm.status === 0 && path && existsSync(path)) return path;
  const why = npm.error?.message ?? npm.stderr.trim();
  return fail(
    `Node ${process.versions.node} is too old, and ${packed} could not be fetched from npm; ` +
      `install Node 22.19 or newer, or try again where npm reaches its registry${why ? `\n${why}` : ''}`,
  );
}

/**
 * This process's environment without what `npm run` adds, which would make an npm inside take this project for its own
 * (prefix, workspace, dry-run). What says how to reach a registry stays, whoever set it.
 */
function environment() {
  const kept =
    /^npm_config_(registry|@.*:registry|cache|globalconfig|userconfig|cafile|ca|strict_ssl|proxy|https?_proxy|noproxy|offline|prefer_offline|fetch_[a-z_]+)$|^npm_config_\/\//i;
  const entries = Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$)/i.test(name) || kept.test(name));
  return Object.fromEntries(entries);
}

function fail(text) {
  console.error(`mcprec: ${text}`);
  process.exit(USAGE);
}

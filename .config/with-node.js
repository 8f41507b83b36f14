// Runs a command of this project under a Node that can run it: `node .config/with-node.js FILE [ARG…]`.
// Where the running Node is new enough it adds nothing; where it is too old it fetches the reference Node from npm.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const REFERENCE = '24.21.0';
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const newEnough = major > 22 || (major === 22 && minor >= 19);
const [file, ...args] = process.argv.slice(2);

if (!file) {
  console.error('usage: node .config/with-node.js FILE [ARG…]');
  process.exit(2);
}
if (!existsSync('node_modules')) {
  console.error('mcprec: the dependencies are not installed; run: npm ci');
  process.exit(2);
}

const node = newEnough
  ? [process.execPath]
  : ['npm', 'exec', '--yes', `--package=node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}@${REFERENCE}`, '--', 'node'];
const [program = '', ...before] = node;
const child = spawnSync(program, [...before, file, ...args], { stdio: 'inherit' });
if (child.error) console.error(`mcprec: could not start ${program}: ${child.error.message}`);
process.exit(child.status ?? 1);

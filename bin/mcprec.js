#!/usr/bin/env node
// Starts mcprec. Answers --version itself, and refuses a Node that would crash in a native module before one is loaded.
import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import module from 'node:module';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const argv = process.argv.slice(2);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  console.log(version);
} else if (major < 22 || (major === 22 && minor < 19)) {
  console.error(`mcprec: Node ${process.versions.node} is too old; install Node 22.19 or newer (24 is the reference)`);
  process.exitCode = 3;
} else {
  await keepCompiled();
  const { main } = await import('../dist/main.mjs');
  process.exitCode = await main(argv, version);
}

/**
 * Keeps compiled code from one start to the next, in a temporary folder of this user alone: Node's own default lies in a folder
 * that another user of the machine may have made first, and what is found there is run.
 */
async function keepCompiled() {
  if (process.getuid === undefined || process.env.NODE_COMPILE_CACHE || process.env.NODE_DISABLE_COMPILE_CACHE) {
    module.enableCompileCache();
    return;
  }
  const { tmpdir } = await import('node:os');
  const folder = `${tmpdir()}/mcprec-compiled-${process.getuid()}`;
  try {
    mkdirSync(folder, { mode: 0o700, recursive: true });
    const found = lstatSync(folder);
    if (found.isDirectory() && found.uid === process.getuid() && (found.mode & 0o022) === 0) module.enableCompileCache(folder);
  } catch {
    // A start that is slower is better than none.
  }
}

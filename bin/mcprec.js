#!/usr/bin/env node
// Starts mcprec. Answers --version itself, and refuses a Node that would crash in a native module before one is loaded.
import { readFileSync } from 'node:fs';
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
  module.enableCompileCache?.();
  const { main } = await import('../dist/main.mjs');
  process.exitCode = await main(argv, version);
}

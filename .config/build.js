// Builds dist/: beside the old one first, then swapped in, so that nothing that runs meanwhile sees half a build.
// Chunks are named by their content: an old one stays for a while for the processes that may still load it; `--fresh` removes them at once.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ENTRY = 'main.mjs';
const KEEP_MS = 60 * 60 * 1000;
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const cache = join(root, 'node_modules', '.cache');

mkdirSync(cache, { recursive: true });
const made = mkdtempSync(join(cache, 'mcprec-build-'));
try {
  const args = ['node_modules/tsdown/dist/run.mjs', '-c', '.config/tsdown.config.ts', '--log-level', 'warn', '--out-dir', made];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status === 0) swapIn(readdirSync(made));
  else process.exitCode = status ?? 1;
} finally {
  rmSync(made, { recursive: true, force: true });
}

/** @param {string[]} names */
function swapIn(names) {
  mkdirSync(dist, { recursive: true });
  const now = new Date();
  // The entry last: when it is there, everything that it names is.
  for (const name of [...names.filter((name) => name !== ENTRY), ENTRY]) {
    renameSync(join(made, name), join(dist, name));
    utimesSync(join(dist, name), now, now);
  }
  for (const name of readdirSync(dist)) {
    if (names.includes(name)) continue;
    const old = statSync(join(dist, name), { throwIfNoEntry: false });
    if (process.argv.includes('--fresh') || (old && now.getTime() - old.mtimeMs > KEEP_MS)) rmSync(join(dist, name), { recursive: true, force: true });
  }
}

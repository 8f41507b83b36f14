// What a release holds: the files that npm would pack, and the chunks of the bundle that its entry leads to.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = new URL('../..', import.meta.url).pathname;
const DIST = join(ROOT, 'dist');
const ENTRY = 'main.mjs';

interface PackReport {
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** The paths, from the project's folder, that `npm pack` would put into the tarball, sorted. */
export function packedFiles(): readonly string[] {
  const report = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' })) as unknown;
  // npm 11 answers with a list, npm 12 with an object by package name.
  const [packed] = Object.values(report as readonly PackReport[] | Readonly<Record<string, PackReport>>);
  if (packed === undefined) throw new Error('npm pack told nothing');
  return packed.files.map(({ path }) => path).sort();
}

/** The chunks that are reached from the bundle's entry by static or dynamic imports, sorted. An older build may have left others. */
export function reachedChunks(): readonly string[] {
  const there = readdirSync(DIST);
  const reached = new Set([ENTRY]);
  for (const chunk of reached) {
    const text = readFileSync(join(DIST, chunk), 'utf8');
    for (const name of there) if (text.includes(`"./${name}"`)) reached.add(name);
  }
  return [...reached].sort();
}

/** The version that package.json names. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}

/** The text of a chunk. */
export function chunkText(name: string): string {
  return readFileSync(join(DIST, name), 'utf8');
}

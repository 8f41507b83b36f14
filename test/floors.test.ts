// The house has floors (src/README.md): imports go down only, on floors 0 and 1 never sideways, and only mask/ says what is masked.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const SRC = new URL('../src', import.meta.url).pathname;
/** `import … from 'x'`, `export … from 'x'`, `import 'x'`, `import('x')`, with types or without. */
const IMPORT = /\b(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

/** The floor of each room, from the table in src/README.md. */
function readFloors(readme: string): ReadonlyMap<string, number> {
  const floors = new Map<string, number>();
  for (const [, floor, rooms = ''] of readme.matchAll(/^\| (\d) \| ([^|]+) \|/gm)) {
    for (const [, room = ''] of rooms.matchAll(/`(\w+)\/`/g)) floors.set(room, Number(floor));
  }
  return floors;
}

interface Source {
  readonly path: string;
  readonly text: string;
}

const floors = readFloors(readFileSync(join(SRC, 'README.md'), 'utf8'));
const sources: readonly Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => ({ path, text: readFileSync(join(SRC, path), 'utf8') }));

function roomOf(path: string): string {
  return path.split('/')[0] ?? '';
}

/** What is wrong with one import, and what to do about it; undefined where nothing is. */
function faultOf(path: string, imported: string, floorOf: ReadonlyMap<string, number> = floors): string | undefined {
  const target = relative(SRC, resolve(SRC, dirname(path), imported));
  const [from, to] = [roomOf(path), roomOf(target)];
  if (from === to) return undefined;
  const [here, there] = [floorOf.get(from), floorOf.get(to)];
  if (here === undefined || there === undefined) return `${path}: ${here === undefined ? from : to}/ has no floor; give it one in src/README.md`;
  if (there > here) {
    return `${path} (floor ${here}) imports ${target} (floor ${there}): hand it in as an argument, or move what both need down to a room on floor ${here} or below`;
  }
  if (there === here && here <= 1) {
    return `${path} imports ${target}, sideways on floor ${here}: move what both need to base/, or join the two in path/, where they may meet`;
  }
  return undefined;
}

test('the test reads floors and imports', () => {
  expect(floors.get('base')).toBe(0);
  expect(floors.get('cli')).toBe(4);
  expect(sources.length).toBeGreaterThan(100);
  expect(faultOf('base/json.ts', '../mask/compile.ts')).toContain('hand it in as an argument');
  expect(faultOf('mask/compile.ts', '../policy/call.ts')).toContain('sideways on floor 1');
  expect(faultOf('transport/hop.ts', '../attic/x.ts')).toContain('attic/ has no floor');
  expect(faultOf('sync/pusher.ts', '../journal/journal.ts')).toBeUndefined();
  expect(faultOf('path/call.ts', '../policy/call.ts')).toBeUndefined();
  const found = [...`import type { A } from './a.ts';\nexport { b } from '../b/b.ts';\nawait import('../c/c.ts');\nimport '../d/d.ts';`.matchAll(IMPORT)];
  expect(found.map(([, path]) => path)).toEqual(['./a.ts', '../b/b.ts', '../c/c.ts', '../d/d.ts']);
});

test('every room has a floor', () => {
  const rooms = new Set(sources.map(({ path }) => roomOf(path)).filter((room) => !room.includes('.')));
  expect([...rooms].filter((room) => !floors.has(room))).toEqual([]);
});

test('imports go down, and not sideways on floors 0 and 1', () => {
  const faults = sources.flatMap(({ path, text }) => [...text.matchAll(IMPORT)].map(([, imported = '']) => faultOf(path, imported)));
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
});

test('only mask/ calls markMasked: pass the value through a masker, or make a statement with mask/value.ts', () => {
  const callers = sources.filter(({ path, text }) => roomOf(path) !== 'mask' && path !== 'base/masked.ts' && text.includes('markMasked'));
  expect(callers.map(({ path }) => path)).toEqual([]);
});

test('only mask/ makes a Masked by assertion', () => {
  const makers = sources.filter(({ path, text }) => roomOf(path) !== 'mask' && path !== 'base/masked.ts' && /\bas\s+(?:unknown\s+as\s+)?Masked</.test(text));
  expect(makers.map(({ path }) => path)).toEqual([]);
});

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const inFolder = (folder: string) => readdirSync(join(root, folder)).map((name) => join(folder, name));
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'src/README.md', ...inFolder('docs'), ...inFolder('docs/decisions')].filter(
  (name) => name.endsWith('.md'),
);
const rooms = readdirSync(join(root, 'src')).filter((name) => statSync(join(root, 'src', name)).isDirectory());

/** What a page calls by a path: `src/…`, `test/…`, `docs/…`, `bin/…`, or a room and a file in it, as in `path/request.ts`. */
function pathsNamed(text: string): string[] {
  const prose = text.replace(/```[\s\S]*?```/g, '');
  return [...prose.matchAll(/`([\w.-]+(?:\/[\w.-]*)+)`/g)].flatMap(([, name = '']) => {
    const [first = ''] = name.split('/');
    if (['src', 'test', 'docs', 'bin', '.config', '.ci'].includes(first)) return [name];
    return rooms.includes(first) ? [join('src', name)] : [];
  });
}

/** Where a page's links to files lead, from the root. */
function linksOf(page: string, text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, to = '']) => to).flatMap((to) => (/^\w+:/.test(to) ? [] : [join(dirname(page), to)]));
}

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8');
  test('names files that are there', () => expect(pathsNamed(text).filter((path) => !existsSync(join(root, path)))).toEqual([]));
  test('links to files that are there', () => expect(linksOf(page, text).filter((path) => !existsSync(join(root, path)))).toEqual([]));
  test('links to headings that are there', () => expect(headingsMissing(page, text)).toEqual([]));
});

function headingsMissing(page: string, text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s]*)#([^)]+)\)/g)].flatMap(([link, to = '', heading = '']) => {
    if (/^\w+:/.test(to)) return [];
    const target = to === '' ? text : readFileSync(join(root, dirname(page), to), 'utf8');
    const slugs = [...target.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => slugOf(title));
    return slugs.includes(heading) ? [] : [link];
  });
}

function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .trim()
    .replace(/\s/g, '-');
}

test('the patterns find what they are for', () => {
  expect(pathsNamed('see `path/request.ts`, `src/nowhere.ts` and `a/b`')).toEqual(['src/path/request.ts', 'src/nowhere.ts']);
  expect(linksOf('docs/x.md', '[a](../src/README.md#b) [c](https://example.com)')).toEqual(['src/README.md']);
  expect(slugOf('8. How to verify')).toBe('8-how-to-verify');
});

// What is released: the files in the tarball, and a bundle that needs nothing of the machine that built it.
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { chunkText, packedFiles, ROOT, reachedChunks } from '../support/packed.ts';

const manifest = z
  .object({ dependencies: z.record(z.string(), z.string()), files: z.array(z.string()) })
  .parse(JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')));
const NATIVE = ['@github/keytar', 'better-sqlite3'];

describe('the tarball', () => {
  const files = packedFiles();

  test('holds the launcher, every chunk of the bundle, the docs and the licence', () => {
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'bin/mcprec.js', 'package.json', ...reachedChunks().map((name) => `dist/${name}`)]));
    expect(files.some((path) => path.startsWith('docs/'))).toBe(true);
  });

  test('holds nothing else', () => {
    const known =
      /^(bin\/mcprec\.js|dist\/[\w.-]+\.mjs|docs\/[\w./-]+\.md|docs\/verify-bundle\.mjs|package\.json|LICENSE|README\.md|CHANGELOG\.md|SECURITY\.md)$/;
    expect(files.filter((path) => !known.test(path))).toEqual([]);
  });

  test('has no dependencies but those with native code', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(NATIVE);
  });
});

describe('the bundle', () => {
  const chunks = reachedChunks().map((name) => ({ name, text: chunkText(name) }));

  test('imports only its own chunks, Node, and the native packages', () => {
    // Ink asks for its development tools where DEV=true, and takes no for an answer.
    const allowed = new Set([...builtinModules, ...NATIVE, 'react-devtools-core']);
    const foreign = chunks.flatMap(({ name, text }) =>
      // The bundler writes double quotes; other ones are inside a text.
      [...withoutComments(text).matchAll(/^(?:import|export)\b[^"'\n]*?(?:from )?"([^"\n]+)";?$|\bimport\("([^"\n]+)"\)/gm)]
        .map((match) => match[1] ?? match[2] ?? '')
        .filter((from) => !from.startsWith('./') && !from.startsWith('node:') && !allowed.has(from))
        .map((from) => `${name}: ${from}`),
    );
    expect(foreign).toEqual([]);
  });

  test('names no folder of the machine that built it', () => {
    expect(chunks.filter(({ text }) => text.includes(ROOT) || text.includes('file:///')).map(({ name }) => name)).toEqual([]);
  });

  test('uses no global that Node 22 lacks', () => {
    const missing =
      /\bnew (?:globalThis\.)?(?:Async)?DisposableStack\b|\bSuppressedError\b\(|\bRegExp\.escape\(|\bError\.isError\(|\bMath\.f16round\(|\bnew (?:URLPattern|Float16Array)\(|\bIterator\.concat\(|\b(?:await )?using \w+ =/;
    const found = chunks.flatMap(({ name, text }) =>
      withoutComments(text)
        .split('\n')
        .filter((line) => missing.test(line))
        .map((line) => `${name}: ${line.trim()}`),
    );
    expect(found).toEqual([]);
  });
});

/** The text without the lines that are comments; good enough for what a bundler writes. */
function withoutComments(text: string): string {
  return text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, '');
}

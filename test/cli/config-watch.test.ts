// How operators and orchestrators put a new configuration in place of the old one, and that each way is seen.
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stampOf, watchConfig } from '../../src/cli/config-watch.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir[Symbol.dispose]());

const at = (...names: string[]): string => join(dir.path, ...names);
const put = (name: string, text: string): void => {
  mkdirSync(at(name), { recursive: true });
  writeFileSync(at(name, 'gateway.yaml'), text);
};

test.each([
  ['written in its place', () => writeFileSync(at('gateway.yaml'), 'a: 1'), () => writeFileSync(at('gateway.yaml'), 'a: 2, longer')],
  [
    'renamed over it, of the same length',
    () => writeFileSync(at('gateway.yaml'), 'a: 1'),
    () => {
      writeFileSync(at('gateway.yaml.new'), 'a: 2');
      renameSync(at('gateway.yaml.new'), at('gateway.yaml'));
    },
  ],
  [
    'taken away and written again',
    () => writeFileSync(at('gateway.yaml'), 'a: 1'),
    () => {
      unlinkSync(at('gateway.yaml'));
      writeFileSync(at('gateway.yaml'), 'a: 2, longer');
    },
  ],
  [
    'behind a link to a directory that is swapped, as Kubernetes does with a ConfigMap',
    () => {
      put('..v1', 'a: 1');
      symlinkSync('..v1', at('..data'));
      symlinkSync(join('..data', 'gateway.yaml'), at('gateway.yaml'));
    },
    () => {
      put('..v2', 'a: 2');
      symlinkSync('..v2', at('..data_tmp'));
      renameSync(at('..data_tmp'), at('..data'));
      rmSync(at('..v1'), { recursive: true });
    },
  ],
])('a file that is %s', async (_, before, after) => {
  before();
  const seen = Promise.withResolvers<void>();
  const unwatch = watchConfig(at('gateway.yaml'), {}, stampOf(at('gateway.yaml')), seen.resolve);
  try {
    after();
    await seen.promise;
  } finally {
    unwatch();
  }
});

test('SIGHUP asks for it as well', () => {
  let asked = 0;
  let hangUp = (): void => undefined;
  const onHangup = (listener: () => void): (() => void) => {
    hangUp = listener;
    return () => {
      hangUp = () => undefined;
    };
  };
  writeFileSync(at('gateway.yaml'), '');
  const unwatch = watchConfig(at('gateway.yaml'), { onHangup }, stampOf(at('gateway.yaml')), () => asked++);
  hangUp();
  unwatch();
  hangUp();
  expect(asked).toBe(1);
});

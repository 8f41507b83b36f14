// bin/mcprec.js: what it answers itself, and where it keeps compiled code.
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageVersion } from '../support/packed.ts';
import { startMcprec } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

const compiled = (temp: string): string => join(temp, `mcprec-compiled-${process.getuid?.()}`);

async function whoami(temp: string): Promise<void> {
  await using command = startMcprec(['whoami'], temp, { env: { TMPDIR: temp } });
  expect(await command.end()).toEqual({ code: 4, signal: null });
}

test('--version is the one of package.json, and loads nothing', async () => {
  using home = tempDir();
  await using command = startMcprec(['--version'], home.path, { env: { TMPDIR: home.path } });
  expect(await command.end()).toEqual({ code: 0, signal: null });
  expect(command.stdout).toEqual([packageVersion()]);
  expect(readdirSync(home.path)).toEqual([]);
});

describe('compiled code', () => {
  test('is kept in a folder of this user alone', async () => {
    using temp = tempDir();
    await whoami(temp.path);
    expect(statSync(compiled(temp.path)).mode & 0o777).toBe(0o700);
    expect(readdirSync(compiled(temp.path))).not.toEqual([]);
  });

  test('is neither looked for nor left where others can write', async () => {
    using temp = tempDir();
    mkdirSync(compiled(temp.path));
    chmodSync(compiled(temp.path), 0o777);
    await whoami(temp.path);
    expect(readdirSync(compiled(temp.path))).toEqual([]);
  });
});
